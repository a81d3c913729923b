"""Retries of real clients, from the wire to the tables: recorded, shown, counted, replayed."""

import http.client
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest
from harness import KEY, Running, recording, replaying, run
from openai import APITimeoutError
from traffic import answering, compact, streaming, user
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from respool.demo.server import BREAK, Canned, CannedSocket, Gate, Received, running_server

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
SLOW_DOWN = {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}
BOOM = {"error": {"message": "boom", "type": "server_error", "code": "server_error"}}
AT_ONCE = {**JSON, "retry-after-ms": "20"}
REFUSALS = (
    Canned([compact(BOOM)], 500, AT_ONCE),
    Canned([compact(SLOW_DOWN)], 429, AT_ONCE),
)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def answer(asked: Received) -> Canned:
    """What the request asks for: JSON or a stream."""
    if asked.json().get("stream"):
        return Canned([b"".join(streaming("at last"))], headers=SSE)
    return Canned([compact(answering("at last"))], headers=JSON)


@contextmanager
def recorded(tape: Path, *first: Canned, name: str = "flaky") -> Iterator[Running]:
    """A recorder before a server that gives these answers to each distinct request, then its own.

    They are given to those who say `name`.
    """
    seen: dict[str, int] = {}

    def flaky(asked: Received) -> Canned:
        said = compact({**asked.json(), "client_metadata": None}).decode()
        seen[said] = seen.get(said, -1) + 1
        return first[seen[said]] if seen[said] < len(first) else answer(asked)

    with (
        running_server(canned={name: flaky}) as server,
        recording(server.base_url, tape) as proxy,
    ):
        yield proxy
        proxy.stop()


def shown(tape: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("show", tape, "--json").stdout.splitlines()]


def links(tape: Path) -> list[tuple[int | None, int]]:
    """What each exchange retries, and its attempt; the tables must say the same."""
    found = [(row["retry_of"], row["attempt"]) for row in shown(tape)]
    db = tape.with_suffix(".duckdb")
    done = run("ingest", tape, "--db", db)
    assert done.returncode == 0, done.stderr
    with duckdb.connect(db, read_only=True) as connection:
        rows = connection.execute(
            "SELECT f.number, e.attempt FROM exchanges e "
            "LEFT JOIN exchanges f ON f.exchange_id = e.retry_of_id ORDER BY e.number"
        ).fetchall()
    assert rows == found
    return found


def said_by_sdk(running: Running, *, stream: bool) -> bytes:
    """What the SDK, with its usual retries, gets for a request that is refused at first."""
    with running.client(max_retries=2) as client:
        got = client.responses.with_raw_response.create(
            model="gpt-5.1", input="flaky", stream=stream
        )
        return got.http_response.read()


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_the_sdk_tries_again(tape: Path, stream: bool) -> None:
    """Two refusals and an answer are one call: linked, shown, counted; and replayed as such."""
    with recorded(tape, *REFUSALS) as proxy:
        live = said_by_sdk(proxy, stream=stream)
    assert [row["status"] for row in shown(tape)] == [500, 429, 200]
    assert links(tape) == [(None, 1), (1, 2), (2, 3)]
    listed = run("show", tape).stdout
    assert "429, retry of 1" in listed
    assert "ok, retry of 2" in listed
    assert "3 exchanges (2 failed, 2 retries)" in listed
    assert "429, retry of 1" in run("tail", "--once", tape).stdout
    full = run("show", tape, "2").stdout
    assert re.search(r"retry +of exchange 1, attempt 2\n +retried +by exchange 3\n", full)
    stats = run("stats", "--db", tape.with_suffix(".duckdb"), "--json")
    found = json.loads(stats.stdout)
    assert (found["totals"]["retries"], found["totals"]["failed"]) == (2, 2)
    assert found["totals"]["retries_lost_ms"] > 40
    retried = {(row["http_status"], row["succeeded"]): row["retries"] for row in found["retries"]}
    assert retried == {(500, 0): 1, (429, 1): 1}
    text = run("stats", "--db", tape.with_suffix(".duckdb")).stdout
    assert re.search(r"3 exchanges, 2 failed, 2 retries \([\d,]+ ms lost\), ", text)
    with replaying(tape) as player:
        assert said_by_sdk(player, stream=stream) == live
        player.stop()
    assert "served 3 of 3 recorded exchanges, 0 misses" in player.said[-1]


def test_the_sdk_gives_up_waiting(tape: Path) -> None:
    """A time-out of the client is a failure that its next attempt retries."""
    gate = Gate()
    with recorded(tape, Canned([gate, b"{}"], headers=JSON)) as proxy:
        with proxy.client(max_retries=1, timeout=0.4) as client:
            assert client.responses.create(model="gpt-5.1", input="flaky").output_text == "at last"
        gate.open()
    assert [row["outcome"] for row in shown(tape)] == ["client_gone", "complete"]
    assert links(tape) == [(None, 1), (1, 2)]


def test_a_new_call_of_the_sdk_is_no_retry(tape: Path) -> None:
    """Who asks again by himself, after all attempts of a call failed, has asked anew."""
    gate = Gate()
    with recorded(tape, Canned([gate], headers=JSON), Canned([gate], headers=JSON)) as proxy:
        client = proxy.client(max_retries=0, timeout=0.3)
        for _ in range(2):
            with pytest.raises(APITimeoutError):
                client.responses.create(model="gpt-5.1", input="flaky")
        assert client.responses.create(model="gpt-5.1", input="flaky").output_text == "at last"
        client.close()
        gate.open()
    assert links(tape) == [(None, 1)] * 3


def post(running: Running, body: bytes) -> int | None:
    """POST without any mark of a retry; the status, None where the connection broke."""
    connection = http.client.HTTPConnection(urlsplit(running.base_url).netloc, timeout=10)
    try:
        headers = {**JSON, "authorization": f"Bearer {KEY}"}
        connection.request("POST", "/v1/responses", body, headers)
        response = connection.getresponse()
        response.read()
    except (http.client.HTTPException, OSError):
        return None
    else:
        return response.status
    finally:
        connection.close()


def codex_asks(n: int) -> bytes:
    """A request as Codex writes it: ids of the attempt in an order that is another each time."""
    ids = {"x-codex-window-id": f"w{n}", "session": "s", "turn": f"t{n}"}
    order = list(itertools.permutations(ids))[n]
    said = {"model": "gpt-5.1", "stream": True, "store": False, "input": [user("flaky")]}
    return compact({**said, "client_metadata": {name: ids[name] for name in order}})


def test_a_client_that_does_not_count(tape: Path) -> None:
    """Attempts that nothing marks, and that differ in what varies, are linked by time."""
    begun = b"".join(streaming("never")[:3])
    broken = Canned([begun, BREAK], headers=SSE)
    with recorded(tape, REFUSALS[0], broken) as proxy:
        assert [post(proxy, codex_asks(n)) for n in range(4)] == [500, None, 200, 200]
    outcomes = [row["outcome"] for row in shown(tape)]
    assert outcomes == ["complete", "upstream_gone", "complete", "complete"]
    assert links(tape) == [(None, 1), (1, 2), (2, 3), (None, 1)]


def test_from_a_websocket_to_http(tape: Path) -> None:
    """What a lost WebSocket left unanswered and is asked over HTTP then is a retry."""
    said = {"model": "gpt-5.1", "input": [user("Hello")]}
    lost = CannedSocket(replies=[[BREAK]])
    headers = {"authorization": f"Bearer {KEY}", "x-scripted": "lost"}
    with (
        running_server(canned={"lost": lost}) as server,
        recording(server.base_url, tape) as proxy,
    ):
        url = proxy.base_url.replace("http", "ws", 1) + "/responses"
        with connect(url, additional_headers=headers, proxy=None) as socket:
            socket.send(compact({"type": "response.create", **said}).decode())
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=10)
        assert post(proxy, compact({**said, "stream": True})) == 200
        proxy.stop()
    assert [row["transport"] for row in shown(tape)] == ["websocket", "websocket", "sse"]
    assert links(tape) == [(None, 1), (None, 1), (2, 2)]
