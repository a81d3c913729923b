"""Recording through a real mitmproxy: what the client gets, and what stands in the cassette."""

import contextlib
import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from harness import KEY, recording, replaying, run
from ports import free_port
from websockets.sync.client import connect

import addons.script
from cassettes.exchange import Exchange
from cassettes.reader import Cassette
from respool.demo.server import BREAK, Canned, Gate, running_server

CREATED = b'event: response.created\ndata: {"type":"response.created"}\n\n'
DELTA = (
    b"event: response.output_text.delta\n"
    b'data: {"type":"response.output_text.delta","delta":"hi"}\n\n'
)
COMPLETED = b'event: response.completed\ndata: {"type":"response.completed"}\n\n'
SSE = {"content-type": "text/event-stream"}
QUESTION = {"model": "gpt-5.1", "input": "Kyoto or Lisbon?"}


def exchanges(path: Path) -> list[Exchange]:
    with Cassette.open(path) as cassette:
        return [cassette.exchange(number) for number in cassette.exchanges]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def wait_for_end(path: Path, number: int) -> None:
    """Read on until the exchange's end is in the file."""
    with Cassette.open(path) as cassette:
        while number not in cassette.exchanges or not cassette.exchanges[number].ended:
            cassette.poll()


def post(base_url: str, name: str = "", **options) -> httpx2.Response:
    headers = {"authorization": f"Bearer {KEY}", **({"x-scripted": name} if name else {})}
    with httpx2.Client(timeout=20) as client:
        return client.post(f"{base_url}/responses", json=QUESTION, headers=headers, **options)


@contextlib.contextmanager
def streaming(base_url: str, name: str) -> Iterator[Iterator[bytes]]:
    headers = {"authorization": f"Bearer {KEY}", "x-scripted": name}
    with (
        httpx2.Client(timeout=20) as client,
        client.stream("POST", f"{base_url}/responses", json=QUESTION, headers=headers) as answer,
    ):
        yield answer.iter_raw()


def test_recorded_events_equal_direct_events(tape: Path) -> None:
    """A stream through the recorder gives the SDK the events that a direct stream gives it."""
    ask = {"model": "gpt-5.1", "input": "Tell me about the Golden Pavilion.", "stream": True}
    with running_server(seed="s") as server:
        direct = openai.OpenAI(base_url=server.base_url, api_key=KEY)
        straight = [event.model_dump() for event in direct.responses.create(**ask)]
        direct.close()
    with running_server(seed="s") as server, recording(server.base_url, tape) as proxy:
        with proxy.client() as client:
            proxied = [event.model_dump() for event in client.responses.create(**ask)]
        assert proxy.stop() == 0
    assert proxied == straight
    assert len(straight) > 20
    with replaying(tape) as player, player.client() as client:
        assert [event.model_dump() for event in client.responses.create(**ask)] == straight


def test_bodies_are_recorded_byte_for_byte(tape: Path) -> None:
    """JSON, indented as the vendor sends it, is in the cassette as the client got it."""
    with running_server() as server, recording(server.base_url, tape) as proxy:
        answer = post(proxy.base_url)
        proxy.stop()
    (exchange,) = exchanges(tape)
    assert exchange.body == answer.content
    assert exchange.status == 200
    assert json.loads(exchange.request.body) == QUESTION
    assert exchange.outcome == "complete"


def test_stream_is_not_buffered(tape: Path) -> None:
    """The client has an event while the upstream still holds the next one back."""
    gate = Gate()
    canned = {"held": Canned([CREATED, gate, COMPLETED], headers=SSE)}
    with running_server(canned=canned) as server, recording(server.base_url, tape) as proxy:
        with streaming(proxy.base_url, "held") as chunks:
            assert next(chunks) == CREATED
            gate.open()
            assert b"".join(chunks) == COMPLETED
        proxy.stop()
    (exchange,) = exchanges(tape)
    assert [piece.data for piece in exchange.pieces] == [CREATED, COMPLETED]
    assert exchange.pieces[0].t < exchange.pieces[1].t


def test_other_paths_pass_through_unrecorded(tape: Path) -> None:
    """Requests that are no Responses exchange are answered by the upstream and not written down."""
    canned = {"echo": lambda received: Canned([received.body], headers={"x-seen": received.path})}
    with running_server(canned=canned) as server, recording(server.base_url, tape) as proxy:
        with proxy.client() as client:
            assert client.models.list().data
        body = b"\x00\xff" * 100_000
        answer = httpx2.post(
            f"{proxy.base_url}/files?x=1", content=body, headers={"x-scripted": "echo"}
        )
        assert answer.content == body
        assert answer.headers["x-seen"] == "/v1/files"
        proxy.stop()
    assert exchanges(tape) == []


def test_compact_is_recorded(tape: Path) -> None:
    """POST /responses/compact is an exchange like the others."""
    with running_server() as server, recording(server.base_url, tape) as proxy:
        with proxy.client() as client:
            compacted = client.responses.compact(model="gpt-5.1", input="Kyoto or Lisbon?")
        proxy.stop()
    (exchange,) = exchanges(tape)
    assert exchange.route is not None
    assert exchange.route.endpoint == "compact"
    assert json.loads(exchange.body)["id"] == compacted.id


def test_kill_mid_stream_keeps_what_was_seen(tape: Path, tmp_path: Path) -> None:
    """After kill -9 earlier exchanges are whole, the broken one says why, and all tools work."""
    gate = Gate()
    canned = {"held": Canned([CREATED, DELTA, gate, COMPLETED], headers=SSE)}
    with running_server(canned=canned) as server, recording(server.base_url, tape) as proxy:
        first = post(proxy.base_url).content
        with pytest.raises(httpx2.HTTPError), streaming(proxy.base_url, "held") as chunks:
            seen = b""
            while len(seen) < len(CREATED + DELTA):
                seen += next(chunks)
            written = Cassette.open(tape)
            while len(written.exchanges.get(2).offsets if 2 in written.exchanges else ()) < 3:
                written.poll()
            written.close()
            proxy.stop(signal.SIGKILL)
            list(chunks)
        gate.open()
    wait_for_end(tape, 2)
    whole, broken = exchanges(tape)
    assert whole.body == first
    assert whole.outcome == "complete"
    assert broken.outcome == "proxy_stopped"
    assert broken.body == CREATED + DELTA

    db = tmp_path / "traffic.duckdb"
    assert run("ingest", tape, "--db", db).returncode == 0
    totals = json.loads(run("stats", "--db", db, "--json").stdout)["totals"]
    assert totals["exchanges"] == 2
    assert totals["interrupted"] == 1
    with replaying(tape) as player:
        assert post(player.base_url).content == first
        with (
            pytest.raises(httpx2.RemoteProtocolError),
            streaming(player.base_url, "held") as chunks,
        ):
            assert next(chunks) == CREATED + DELTA
            list(chunks)


def test_recording_goes_on_after_a_kill(tape: Path) -> None:
    """A cassette whose recorder was killed is continued, and its numbers go on."""
    with running_server() as server:
        with recording(server.base_url, tape) as proxy:
            post(proxy.base_url)
            wait_for_end(tape, 1)
            proxy.stop(signal.SIGKILL)
        with tape.open("ab") as file:
            file.write(b'{"kind":"request","x":2,"meth')
        with recording(server.base_url, tape) as proxy:
            post(proxy.base_url)
            assert proxy.stop() == 0
    assert [(e.number, e.outcome) for e in exchanges(tape)][-1] == (2, "complete")


def test_key_is_in_no_file(tape: Path, tmp_path: Path) -> None:
    """The client's API key is in nothing that was written, even when the server echoes it."""
    shown = {"error": {"message": f"Incorrect API key provided: {KEY}.", "type": "x"}}
    canned = {
        "echo": Canned([json.dumps(shown).encode()], 401, {"set-cookie": "session=abcdef123456"})
    }
    env = {"XDG_DATA_HOME": str(tmp_path / "data")}
    with (
        running_server(canned=canned) as server,
        recording(server.base_url, tape, env=env) as proxy,
    ):
        post(proxy.base_url)
        assert KEY in post(proxy.base_url, "echo").text
        proxy.stop()
    assert run("ingest", tape, "--db", tmp_path / "t.duckdb").returncode == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 3
    for path in written:
        assert KEY.encode() not in path.read_bytes(), path
        assert b"abcdef123456" not in path.read_bytes(), path


def test_cassette_is_for_the_owner_only(tape: Path) -> None:
    """Nobody but the owner may read a cassette, in its calm form too."""
    with running_server() as server, recording(server.base_url, tape) as proxy:
        assert tape.stat().st_mode & 0o777 == 0o600
        post(proxy.base_url)
        proxy.stop()
    assert tape.stat().st_mode & 0o777 == 0o600


def test_compressed_bodies_are_decoded_on_a_copy(tape: Path) -> None:
    """The client gets the gzip bytes as they came, the cassette holds the text."""
    body = json.dumps({"id": "resp_1", "object": "response", "output": []}).encode()
    packed = gzip.compress(body)
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    with (
        running_server(canned={"gz": Canned([packed], headers=headers)}) as server,
        recording(server.base_url, tape) as proxy,
    ):
        with streaming(proxy.base_url, "gz") as chunks:
            assert b"".join(chunks) == packed
        proxy.stop()
    (exchange,) = exchanges(tape)
    assert exchange.body == body
    with replaying(tape) as player:
        assert post(player.base_url).content == body


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ([CREATED, DELTA, BREAK], "upstream_gone"),
        ([CREATED, DELTA], "truncated"),
        ([CREATED, COMPLETED, BREAK], "complete"),
        ([BREAK], "upstream_gone"),
    ],
    ids=["cut", "no terminal event", "cut after the terminal event", "no answer"],
)
def test_outcome_says_what_happened(tape: Path, steps: list, outcome: str) -> None:
    """An answer that the upstream breaks off or leaves unfinished is recorded as just that."""
    canned = {"x": Canned(steps, headers=SSE)}
    with running_server(canned=canned) as server, recording(server.base_url, tape) as proxy:
        try:
            with streaming(proxy.base_url, "x") as chunks:
                list(chunks)
        except httpx2.HTTPError:
            assert BREAK in steps
        proxy.stop()
    (exchange,) = exchanges(tape)
    assert exchange.outcome == outcome
    expected = b"".join(step for step in steps if isinstance(step, bytes))
    assert exchange.body == expected


def test_client_that_leaves_is_told_apart(tape: Path) -> None:
    """A client that closes in the middle of a stream leaves the outcome client_gone."""
    gate = Gate()
    canned = {"held": Canned([CREATED, gate, COMPLETED], headers=SSE)}
    with running_server(canned=canned) as server, recording(server.base_url, tape) as proxy:
        with streaming(proxy.base_url, "held") as chunks:
            assert next(chunks) == CREATED
        wait_for_end(tape, 1)
        gate.open()
        proxy.stop()
    (exchange,) = exchanges(tape)
    assert exchange.outcome == "client_gone"


def test_stopping_ends_what_is_in_flight(tape: Path) -> None:
    """SIGTERM in the middle of a stream is recorded as proxy_stopped, and the exit code is 0."""
    gate = Gate()
    canned = {"held": Canned([CREATED, gate, COMPLETED], headers=SSE)}
    with running_server(canned=canned) as server, recording(server.base_url, tape) as proxy:
        with pytest.raises(httpx2.HTTPError), streaming(proxy.base_url, "held") as chunks:
            assert next(chunks) == CREATED
            assert proxy.stop(signal.SIGTERM) == 0
            list(chunks)
        gate.open()
    (exchange,) = exchanges(tape)
    assert exchange.outcome == "proxy_stopped"
    assert exchange.body == CREATED


def test_upstream_that_goes_away_is_reported(tape: Path) -> None:
    """When the upstream is gone the client gets a 502, and the operator one line."""
    with contextlib.ExitStack() as stack:
        with running_server() as server:
            proxy = stack.enter_context(recording(server.base_url, tape))
            post(proxy.base_url)
        assert post(proxy.base_url).status_code == 502
        proxy.stop()
        assert any("exchange 2: no connection to 127.0.0.1" in line for line in proxy.said)
    assert exchanges(tape)[-1].outcome == "upstream_unreachable"
    assert exchanges(tape)[-1].status is None


def test_who_takes_it_for_a_proxy_is_told_of_once(tape: Path) -> None:
    """HTTPS_PROXY that leads to a base URL lets nothing pass, and the operator hears why."""
    with running_server() as server, recording(server.base_url, tape) as proxy:
        for _ in range(2):
            with (
                httpx2.Client(proxy=proxy.base_url.removesuffix("/v1")) as client,
                pytest.raises(httpx2.ProxyError, match="400"),
            ):
                client.get("https://api.openai.example/v1/models")
        assert proxy.stop() == 0
        [told] = [line for line in proxy.said if "tunnel to api.openai.example:443" in line]
        assert "record with --proxy" in told
        assert "recorded 0 exchanges" in proxy.said[-1]


def test_addon_loads_in_mitmdump(tape: Path) -> None:
    """The same recorder works in somebody's own mitmdump."""
    port = free_port()
    with running_server() as server:
        upstream = server.base_url.removesuffix("/v1")
        command = [
            sys.executable,
            "-P",
            "-c",
            "import sys; from mitmproxy.tools.main import mitmdump; sys.exit(mitmdump())",
        ]
        arguments = [
            *("-s", addons.script.__file__, "--mode", f"reverse:{upstream}"),
            *("--listen-host", "127.0.0.1", "--listen-port", str(port)),
            *("--set", f"respool_cassette={tape}", "--set", f"confdir={tape.parent}"),
        ]
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "listening at" in line:
                    break
            answer = post(f"http://127.0.0.1:{port}/v1")
            headers = {"authorization": f"Bearer {KEY}"}
            with connect(f"ws://127.0.0.1:{port}/v1/responses", additional_headers=headers) as ws:
                ws.send('{"type":"response.create","model":"gpt-5.1","input":"pack"}')
                while '"type":"response.completed"' not in ws.recv(timeout=20):
                    pass
        finally:
            process.terminate()
            told, _ = process.communicate(timeout=20)
    assert "Traceback" not in told
    exchange, _, message = exchanges(tape)
    assert exchange.body == answer.content
    assert (message.transport, message.outcome) == ("websocket", "complete")
    with Cassette.open(tape) as cassette:
        assert cassette.header.base == "/v1"
        assert cassette.header.upstream == server.base_url
