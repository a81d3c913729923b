"""Answers that take long, and many at a time: nothing on the way may lose patience."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from raw_wire import Peer, upstream, whole
from traffic import JSON, asking, exchange, write

from addons.connections import KEEPALIVE, TIMEOUT_S
from cassettes.handover import Handover
from cassettes.pace import Pace
from cassettes.player import Player
from cassettes.reader import Cassette
from cassettes.serving import listen, serving
from cassettes.tape import Tape

BODY = b'{"id":"resp_1"}'


@contextlib.asynccontextmanager
async def proxying(url: str, tape: Path) -> AsyncIterator[tuple[Any, str]]:
    """A proxy in this process, so that its sockets can be looked at; it and its base URL."""
    from addons.master import Proxy  # not before its warnings may be ignored

    journal = Handover(tape, base="/v1", upstream=url)
    proxy = Proxy(url, journal, port=0, confdir=tape.parent / "authority", report=lambda _: None)
    try:
        yield proxy, f"http://127.0.0.1:{await proxy.start()}/v1"
    finally:
        await proxy.stop()
        journal.close()


# mitmproxy uses names that pyparsing has given up.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nobody_hangs_up_on_a_silent_answer(tmp_path: Path) -> None:
    """While an answer is awaited both of its connections are kept alive, and for a day at least."""
    asked, may_answer = threading.Event(), threading.Event()

    def handle(peer: Peer) -> None:
        peer.read_request()
        asked.set()
        may_answer.wait(20)
        peer.send(whole(BODY))

    async def ask(url: str) -> tuple[list[dict[str, int]], list[float], bytes]:
        async with (
            proxying(url, tmp_path / "out.jsonl") as (proxy, base_url),
            httpx2.AsyncClient(timeout=20) as client,
        ):
            answer = asyncio.create_task(client.post(f"{base_url}/responses", json={}))
            await asyncio.to_thread(asked.wait, 20)
            handlers = proxy._server.connections.values()
            transports = [t for each in handlers for t in each.transports.values()]
            options = [look(each.writer.get_extra_info("socket")) for each in transports]
            timeouts = [each.timeout_watchdog.timeout for each in handlers]
            may_answer.set()
            return options, timeouts, (await answer).content

    with upstream(handle) as url:
        options, timeouts, body = asyncio.run(ask(url))
    assert body == BODY
    assert timeouts == [TIMEOUT_S]
    assert TIMEOUT_S >= 24 * 3600
    assert len(options) == 2
    assert all(each["SO_KEEPALIVE"] for each in options)
    for each in options:
        assert {name: each[name] for name in KEEPALIVE if name in each} == {
            name: value for name, value in KEEPALIVE.items() if name in each
        }


def look(sock: socket.socket) -> dict[str, int]:
    """What a socket is set to."""
    found = {"SO_KEEPALIVE": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}
    for name in KEEPALIVE:
        if hasattr(socket, name):
            found[name] = sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
    return found


def test_a_player_keeps_a_recorded_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven minutes pass before the answer, in a hurry here, and the server waits with it."""
    tape = write(tmp_path / "c.jsonl", exchange(1, asking("Hi"), BODY, got=JSON, step_ms=330_000))
    waited: list[float] = []

    class Hurried(Pace):
        async def wait(self, t_ms: float | None, asked_s: float) -> None:
            waited.append(t_ms or 0.0)
            await super().wait(t_ms and t_ms / 100_000, asked_s)

    async def ask() -> bytes:
        with Cassette.open(tape) as cassette:
            player, sock = Player(Tape(cassette)), listen(0)
            player._pace = Hurried(1.0)
            async with serving(player, sock), httpx2.AsyncClient(timeout=20) as client:
                url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1/responses"
                return (await client.post(url, content=asking("Hi"))).content

    assert asyncio.run(ask()) == BODY
    assert max(waited) == 990_000.0
