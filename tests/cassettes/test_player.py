"""Playing a cassette to real clients: the same bytes, the same order, and a clear no."""

import gzip
import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from harness import RESPOOL
from openai import OpenAI
from playing import playing
from traffic import (
    ENCODINGS,
    JSON,
    SSE,
    answering,
    asking,
    compact,
    exchange,
    record,
    streaming,
    write,
)

from cassettes.format import Headers
from cassettes.notes import Note
from cassettes.player import RESET
from cassettes.serving import listen
from respool.demo.server import running_server
from wire.errors import CannotListen

KEY = "sk-recorded-0123456789"
STREAM = streaming("Hello you there")


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Where a test's cassette is."""
    return tmp_path / "c.jsonl"


BODIES = [
    (200, JSON, compact(answering("Hi"))),
    (200, JSON, b'{\r\n\t"id" : "resp_\\ud800"\n}\n\n'),
    (200, [("Content-Type", "application/octet-stream")], bytes(range(256))),
    (404, [("Content-Type", "text/html")], "<h1>Größer</h1>".encode()),
    (429, [*JSON, ("Retry-After", "7"), ("x-ratelimit-limit", "9")], b'{"error":{}}'),
    (200, JSON, b""),
    (204, [], b""),
]


@pytest.mark.parametrize(("status", "got", "body"), BODIES)
def test_bodies_are_played_byte_for_byte(
    cassette: Path, status: int, got: Headers, body: bytes
) -> None:
    """Status, headers and body of any answer are those that were recorded."""
    with playing(cassette, exchange(1, answer=body, status=status, got=got)) as played:
        found, headers, answer = played.send(b"{}")
    assert (found, answer) == (status, body)
    assert headers.get("content-length") == (None if status == 204 else str(len(body)))
    for name, value in got:
        assert headers[name.lower()] == value


@pytest.mark.parametrize("pace", [0.0, 0.01])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_streams_are_played_byte_for_byte(cassette: Path, encoding: str, pace: float) -> None:
    """The events are those that were recorded, decoded, whatever framing they had."""
    blocks = [*STREAM[:-1], b": ping\r\n\r\n", b"data: \xff\n\n", *STREAM[-1:], b"data: [DONE]\n\n"]
    body = b"".join(blocks)
    got = [*SSE, ("Content-Encoding", encoding), ("X-Request-Id", "req_1")]
    with playing(
        cassette, exchange(1, answer=[ENCODINGS[encoding](body)], got=got), pace=pace
    ) as played:
        status, headers, answer = played.send(b"{}")
    assert (status, answer) == (200, body)
    assert headers["content-type"] == SSE[0][1]
    assert headers["x-request-id"] == "req_1"
    assert headers.get("content-encoding") == (None if encoding else "")
    assert "content-length" not in headers


def test_an_encoding_that_was_not_undone_is_still_there(cassette: Path) -> None:
    """A body that was recorded as it travelled says how to read it."""
    got = [*JSON, ("Content-Encoding", "compress")]
    with playing(cassette, exchange(1, answer=b"\x1f\x8b what", got=got)) as played:
        _, headers, answer = played.send(b"{}")
    assert headers["content-encoding"] == "compress"
    assert answer == b"\x1f\x8b what"


def test_what_belongs_to_the_recorded_connection_is_not_played(cassette: Path) -> None:
    """Headers of the hop, cookies and alternative services stay in the cassette."""
    hop = ["Connection", "Transfer-Encoding", "Set-Cookie", "Alt-Svc", "Content-Length"]
    got = [*JSON, *((name, "17") for name in hop), ("X-Text", "größer")]
    with playing(cassette, exchange(1, answer=b"{}", got=got)) as played:
        _, headers, answer = played.send(b"{}")
    assert answer == b"{}"
    assert headers["content-length"] == "2"
    assert {"set-cookie", "alt-svc", "transfer-encoding"}.isdisjoint(headers)
    assert headers["x-text"].encode("latin-1").decode() == "größer"


def test_the_sdk_gets_from_the_player_what_it_got_from_the_server(cassette: Path) -> None:
    """JSON and streams recorded from a live server are the same objects when replayed."""
    asked = {"model": "gpt-5.1", "input": "Kyoto or Lisbon?"}

    def answers(client: OpenAI) -> list[Any]:
        plain = client.responses.create(**asked)
        events = list(client.responses.create(**asked, stream=True))
        with client.responses.stream(**asked, temperature=0.5) as stream:
            return [plain, events, stream.get_final_response()]

    notes: list[list[Note]] = []

    def noted(response: httpx2.Response) -> None:
        request = response.request
        notes.append(
            exchange(
                len(notes) + 1,
                request.content,
                [response.read()],
                method=request.method,
                path=request.url.raw_path.decode(),
                sent=list(request.headers.multi_items()),
                status=response.status_code,
                got=list(response.headers.multi_items()),
            )
        )

    with running_server(seed="player") as server:
        http_client = httpx2.Client(event_hooks={"response": [noted]}, trust_env=False)
        with OpenAI(base_url=server.base_url, api_key=KEY, http_client=http_client) as client:
            live = answers(client)
    assert record(cassette, *notes) == []
    assert KEY.encode() not in cassette.read_bytes()
    with playing(cassette) as played, played.client() as client:
        assert answers(client) == live
        assert played.player.misses == 0


def test_equal_requests_get_their_answers_in_order_and_then_a_miss(cassette: Path) -> None:
    """A request is answered as often as it was recorded, in that order; a reset begins anew."""
    notes = [exchange(x, asking("Hi"), b'{"n":%d}' % x) for x in (1, 2, 3)]
    with playing(cassette, *notes) as played:
        for _ in range(2):
            answers = [played.send(asking("Hi"))[2] for _ in range(3)]
            assert answers == [b'{"n":1}', b'{"n":2}', b'{"n":3}']
            assert "recorded 3 times (exchanges 1, 2, 3) and all answers were used" in (
                played.refusal(asking("Hi"))
            )
            assert played.send(path=RESET)[0] == 204
        assert played.player.misses == 2


def test_a_reset_from_another_site_is_refused(cassette: Path) -> None:
    """A page in a browser cannot reach the player by a name of its own."""
    with playing(cassette, exchange(1)) as played:
        assert played.send(b"{}")[0] == 200
        assert played.send(path=RESET, headers={"Host": "evil.test:80"})[0] == 403
        assert "all answers were used" in played.refusal(b"{}")
        port = played.address.partition(":")[2]
        for host in (f"localhost:{port}", f"127.0.0.1:{port}"):
            assert played.send(path=RESET, headers={"Host": host})[0] == 204
        assert played.send(b"{}")[0] == 200


def test_a_miss_says_why(cassette: Path) -> None:
    """Used up, other transport, nearest recording, other endpoint: the client reads which."""
    with playing(
        cassette, exchange(1, asking("Hi", stream=True), STREAM), exchange(2, asking("b", "c"))
    ) as played:
        assert "recorded as a stream (exchange 1)" in played.refusal(asking("Hi"))
        assert "exchange 2, which differs in input[1] " in played.refusal(asking("b", "d"))
        assert "has no retrieve/resp_1 request" in (
            played.refusal(path="/v1/responses/resp_1", method="GET")
        )
        assert "is not a Responses API request" in played.refusal(path="/v1/models", method="GET")
        assert len(played.said) == played.player.misses == 4
        assert all(line.startswith("miss: ") and "\n" not in line for line in played.said)


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_raises_a_miss_at_once(cassette: Path, stream: bool) -> None:
    """A miss reaches the user as an error of the API with its text, without a single retry."""
    with playing(cassette, exchange(1)) as played, played.client(max_retries=5) as client:
        with pytest.raises(openai.NotFoundError, match="no recorded create request") as raised:
            client.responses.create(model="m", input="unknown", stream=stream)
        assert raised.value.code == "respool_miss"
        assert played.player.misses == 1


def test_the_recorded_pace_keeps_the_gaps(cassette: Path) -> None:
    """At the recorded pace no piece comes earlier than it did; at once, nothing waits."""
    answer = STREAM[:4]
    notes = exchange(1, answer=answer, step_ms=60)
    for pace, slowest in ((0.0, 0.0), (1.0, 1.0), (0.5, 0.5)):
        with playing(cassette, notes, pace=pace) as played:
            connection = http.client.HTTPConnection(played.address, timeout=20)
            began = time.monotonic()
            connection.request("POST", "/v1/responses", b"{}")
            response = connection.getresponse()
            times = [time.monotonic()]
            chunks = []
            while chunk := response.read1():
                chunks.append(chunk)
                times.append(time.monotonic())
            connection.close()
        assert b"".join(chunks) == b"".join(answer)
        early_s = 0.005  # clocks and timers are not finer than that
        for number, at in enumerate(times[: len(answer) + 1] if pace else (), 1):
            assert at - began >= 0.060 * number * slowest - early_s
        if pace:
            assert chunks == answer


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_compressed_requests_match(cassette: Path, encoding: str) -> None:
    """A request is the same however its body is compressed, in the recording and in the replay."""
    body = asking("Hi " * 100)
    notes = [
        exchange(1, ENCODINGS["gzip"](body), b"1", sent=[("Content-Encoding", "gzip")]),
        exchange(2, body, b"2"),
    ]
    headers = {"Content-Encoding": encoding} if encoding else {}
    with playing(cassette, *notes) as played:
        answers = [played.send(ENCODINGS[encoding](body), headers=headers)[2] for _ in range(2)]
        assert answers == [b"1", b"2"]


def test_a_request_that_is_not_what_it_says_is_matched_as_it_came(cassette: Path) -> None:
    """A body that cannot be decoded is compared raw, as it was recorded."""
    sent = {"Content-Encoding": "gzip"}
    with playing(cassette, exchange(1, b"not gzip", sent=list(sent.items()))) as played:
        assert played.send(b"not gzip", headers=sent)[0] == 200
        assert "differs in the body" in played.refusal(gzip.compress(b"other"), headers=sent)


def test_secrets_match_across_keys(cassette: Path) -> None:
    """A request that repeats its key in query and body is answered under any other key."""

    def request(key: str) -> dict[str, Any]:
        return {
            "body": asking(f"use {key}", tools=[{"type": "mcp", "authorization": key}]),
            "path": f"/v1/responses?api-key={key}",
            "headers": {"Authorization": f"Bearer {key}"},
        }

    live = request(KEY)
    notes = exchange(1, live["body"], path=live["path"], sent=list(live["headers"].items()))
    with playing(cassette, notes, exchange(2, live["body"], b"[]")) as played:
        assert KEY.encode() not in cassette.read_bytes()
        assert played.send(**request("another-key-0123456789"))[0] == 200
        assert played.send(**live | {"path": "/v1/responses"})[2] == b"[]"


def test_many_clients_at_once_get_each_answer_once(cassette: Path) -> None:
    """Concurrent requests are all answered, each by its own recording and none twice."""
    different = [exchange(x, asking(f"text {x}"), b"%d" % x) for x in range(1, 61)]
    same = [exchange(x, asking("same"), b"%d" % x) for x in range(61, 121)]
    with playing(cassette, *different, *same) as played, ThreadPoolExecutor(16) as pool:
        answers = pool.map(
            lambda x: played.send(asking(f"text {x}" if x <= 60 else "same"))[2], range(1, 121)
        )
        found = [int(answer) for answer in answers]
        assert found[:60] == list(range(1, 61))
        assert sorted(found[60:]) == list(range(61, 121))
        assert played.player.misses == 0


def test_a_client_that_leaves_while_it_asks_uses_nothing_up(cassette: Path) -> None:
    """Half a request is no request: it is neither answered nor counted as a miss."""
    with playing(cassette, exchange(1)) as played:
        connection = http.client.HTTPConnection(played.address, timeout=20)
        connection.request("POST", "/v1/responses", b"{", {"Content-Length": "100"})
        connection.close()
        assert played.send(b"{}")[0] == 200
        assert (played.player.misses, played.said) == (0, [])


def test_a_damaged_exchange_is_named_when_it_is_played(cassette: Path) -> None:
    """Damage that only playing finds is an error to the client, and the others play on."""
    write(cassette, exchange(1, asking("a")), exchange(2, asking("b")))
    damaged = cassette.read_bytes().replace(b'"status":200', b'"status":"?"', 1)
    cassette.write_bytes(damaged)
    line = damaged[: damaged.index(b'"?"')].count(b"\n") + 1
    with playing(cassette) as played:
        status, headers, answer = played.send(asking("a"))
        assert (status, headers["x-should-retry"]) == (500, "false")
        assert f"line {line} is damaged" in json.loads(answer)["error"]["message"]
        assert f"line {line} is damaged" in played.said[0]
        assert played.send(asking("b"))[0] == 200


def test_a_port_that_is_taken_is_an_error(cassette: Path) -> None:
    """Where another program listens, the player says so and what to do."""
    with playing(cassette, exchange(1)) as played:
        port = int(played.address.partition(":")[2])
        with pytest.raises(CannotListen, match=rf"127.0.0.1:{port}: .* give another --port"):
            listen(port)


def test_a_websocket_is_turned_away_where_none_was_recorded(cassette: Path) -> None:
    """Clients that can do without a WebSocket go on over HTTP after a 426."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    with playing(cassette, exchange(1)) as played:
        assert played.send(method="GET", headers=upgrade)[0] == 426
        assert played.send(b"{}")[0] == 200


FORBIDDEN = ("mitmproxy", "duckdb", "streamlit", "pandas", "pyarrow", "openai", "pydantic")


def test_replaying_imports_nothing_heavy(cassette: Path) -> None:
    """`respool replay` needs neither mitmproxy, DuckDB, pandas, Streamlit nor the SDK."""
    write(cassette, exchange(1))
    command = [sys.executable, "-X", "importtime", RESPOOL, "replay", cassette, "--", "true"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in run.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "cassettes" in imported
    assert "uvicorn" in imported
    assert imported.isdisjoint(FORBIDDEN)
    assert "served 0 of 1 recorded exchanges, 0 misses" in run.stderr


def test_answers_are_not_held_back(cassette: Path) -> None:
    """Nagle's algorithm, which waits 40 ms for more to send, is off on what the player accepts."""
    with listen(0) as sock:
        assert sock.proto == socket.IPPROTO_TCP  # by which asyncio knows that it may
    with playing(cassette, *(exchange(x, asking(str(x))) for x in range(1, 51))) as played:
        connection = http.client.HTTPConnection(played.address, timeout=20)
        took = []
        for x in range(1, 51):
            began = time.monotonic()
            connection.request("POST", "/v1/responses", asking(str(x)))
            connection.getresponse().read()
            took.append(time.monotonic() - began)
        connection.close()
    assert statistics.median(took) < 0.02  # the first ones are never held back


def test_a_head_has_the_length_of_what_it_leaves_out(cassette: Path) -> None:
    """The answer to HEAD names the length of the body that GET would have got."""
    got = [*JSON, ("Content-Length", "1234")]
    with playing(
        cassette, exchange(1, b"", b"", method="HEAD", path="/v1/files/f", got=got)
    ) as played:
        status, headers, body = played.send(method="HEAD", path="/v1/files/f")
    assert (status, headers["content-length"], body) == (200, "1234", b"")
