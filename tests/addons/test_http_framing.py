"""Heads that say oddly how long a message is: what is beyond doubt passes, what is not is refused.

Both sides of the proxy are raw sockets, since no client or server of ours would send any of this.
"""

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import serving
from office import settings
from raw_wire import (
    DEADLINE_S,
    LAST_CHUNK,
    Peer,
    Wire,
    chunked,
    dialled,
    head,
    request,
    whole,
    wired,
)

from addons.internals.http1 import LARGEST_HEAD
from cassettes.reader import Cassette

ASKED = b'{"model":"m"}'
BODY = b'{"id":"resp_1","object":"response"}'
LENGTH = f"Content-Length: {len(BODY)}"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
IN_CHUNKS = b"".join([*chunked(BODY), LAST_CHUNK])
ANSWER = whole(BODY, JSON)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One recording for all that happens here, one thing after another."""
    with wired(tmp_path_factory.mktemp("framing") / "out.jsonl") as wire:
        yield wire


def asking(*headers: str, body: bytes = ASKED, first: str = "POST /v1/responses HTTP/1.1") -> bytes:
    """The bytes of a request with these headers and no others but a key."""
    lines = [first, "Host: x", "Authorization: Bearer sk-raw-0123456789abcdef", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def said(wire: Wire, sent: bytes) -> bytes:
    """All that a client gets for what it sent; nothing of it reaches the upstream."""
    passed = len(wire.received)
    with wire.dial() as client:
        client.send(sent)
        got = client.read_all()
    assert len(wire.received) == passed
    return got


def error_in(got: bytes, status: bytes) -> str:
    """What an error in the API's shape says that is marked as ours."""
    top, _, body = got.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 %s " % status), got
    assert b"x-respool-synthesised: true" in top
    assert b"connection: close" in top
    assert b"mitmproxy" not in got
    assert b"validate_inbound_headers" not in got
    message: str = json.loads(body)["error"]["message"]
    return message


def told(wire: Wire, what: str) -> str:
    """The line that the operator gets with `what` in it, once it is there."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not (found := [line for line in wire.proxy.said if what in line]):
        assert time.monotonic() < deadline_s, wire.proxy.said
    return found[-1]


REFUSED = {
    "two lengths": (asking("Content-Length: 13", "Content-Length: 14"), "content-length"),
    "a length below 0": (asking("Content-Length: -1"), "content-length"),
    "a length beyond numbers": (asking(*[f"Content-Length: {'1' * 5000}"] * 2), "content-length"),
    "no length": (asking("Content-Length: many"), "content-length"),
    "a length and chunks": (asking("Content-Length: 13", CHUNKED), "both"),
    "a space before the colon": (asking("Content-Length : 13"), "header name"),
    "a line without a colon": (asking("Content-Length 13"), "no header"),
    "a continued first line": (asking().replace(b"Host", b" Host"), "no header"),
    "an unknown coding": (asking("Transfer-Encoding: x, chunked"), "transfer-encoding"),
    "an unknown coding of a known one": (
        asking("Transfer-Encoding: GZIP ,\tx,Chunked"),
        "transfer-encoding",
    ),
    "chunks of chunks": (asking("Transfer-Encoding: chunked, chunked"), "transfer-encoding"),
    "a coding in two headers": (asking("Transfer-Encoding: x", CHUNKED), "transfer-encoding"),
    "an unknown coding without an end": (asking("Transfer-Encoding: x"), "transfer-encoding"),
    "a coding without an end": (asking("Transfer-Encoding: gzip"), "transfer-encoding"),
    "chunks for HTTP/1.0": (
        asking(CHUNKED, first="POST /v1/responses HTTP/1.0"),
        "transfer-encoding",
    ),
    "a broken chunk": (asking(CHUNKED, body=b'5\r\n{"mod\r\nzz\r\n'), "chunk"),
}


UNKNOWN = {"an unknown coding", "an unknown coding of a known one"}
"""What is valid, but not understood (RFC 9112, 6.1)."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_recorded(wire: Wire, name: str) -> None:
    """The client is told why, the operator too, and the exchange says who refused it."""
    sent, why = REFUSED[name]
    message = error_in(said(wire, sent), b"501" if name in UNKNOWN else b"400")
    assert message.startswith("respool: this request cannot be passed on: ")
    assert why in message
    exchange = wire.exchange()
    assert (exchange.status, exchange.outcome) == (None, "upstream_unreachable")
    assert (exchange.request.method, exchange.request.path) == ("POST", "/v1/responses")
    assert dict(exchange.request.headers)["authorization"].startswith("[secret:")
    assert exchange.error is not None
    assert exchange.error.startswith("respool refused this request, of which nothing was passed on")
    assert why in exchange.error
    assert told(wire, exchange.error).startswith(f"respool: exchange {wire.asked}: ")


def test_a_chunk_that_breaks_later_is_refused_as_well(wire: Wire) -> None:
    """Whether the client has sent all at once, or the broken part when the head was read."""
    with wire.dial() as client:
        client.send(asking(CHUNKED, "Expect: 100-continue", body=b""))
        assert client.read(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(b"zz\r\n")
        assert "illegal chunk" in error_in(client.read_all(), b"400")
    exchange = wire.exchange()
    assert exchange.outcome == "upstream_unreachable"
    assert "refused" in (exchange.error or "")


@pytest.mark.parametrize(
    "sent",
    [b"hello there\r\n\r\n", b"GET /v1/models?api-key=sk-123\r\n\r\n", b"SSH-2.0-x\r\n\r\n"],
)
def test_what_is_no_request_is_told_to_the_operator(wire: Wire, sent: bytes) -> None:
    """There is nothing to record; the client gets its error, and the operator one line."""
    assert "not valid HTTP" in error_in(said(wire, sent), b"400")
    line = told(wire, sent[:9].decode())
    assert "is no request" in line
    assert "sk-123" not in line
    assert wire.ask(lambda peer: peer.send(ANSWER)) == ANSWER
    assert wire.exchange().outcome == "complete"


def test_a_head_without_an_end_is_refused(wire: Wire) -> None:
    """It would fill the memory."""
    with wire.dial() as client:
        client.send(b"POST /v1/responses HTTP/1.1\r\nX: " + b"x" * LARGEST_HEAD)
        assert "head is larger than 4 MB" in error_in(client.read_all(), b"400")
    assert "is no request" in told(wire, "4 MB")


def test_a_connect_is_told_where_it_belongs(wire: Wire) -> None:
    """In front of one server there is no tunnel to another, blank line or not."""
    for blank in (b"", b"\r\n"):
        got = said(wire, blank + b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n")
        assert "respool record --proxy" in error_in(got, b"400")


def test_what_a_recorded_host_is_asked_wrongly_is_recorded(tmp_path: Path) -> None:
    """A forward proxy knows where a refused request was to go, in a tunnel and without."""
    tape = tmp_path / "out.jsonl"
    wrong = "Content-Length: 13", CHUNKED
    with contextlib.ExitStack() as stack:
        there = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        host = f"localhost:{there.getsockname()[1]}"
        more = ("--upstream", f"http://{host}/v1", "--cassette", tape)
        proxy = stack.enter_context(serving("record", "--proxy", *more, env=settings(tmp_path)))
        with dialled(proxy.base_url) as client:
            client.send(asking(*wrong, first=f"POST http://{host}/v1/responses HTTP/1.1"))
            error_in(client.read_all(), b"400")
        with dialled(proxy.base_url) as client:
            client.send(f"\r\nCONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert client.read(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
            client.send(asking(*wrong))
            error_in(client.read_all(), b"400")
        assert proxy.stop() == 0
    with Cassette.open(tape) as cassette:
        assert len(cassette.exchanges) == 2
        for exchange in map(cassette.exchange, cassette.exchanges):
            assert "respool refused" in (exchange.error or "")
            assert exchange.request.path == "/v1/responses"
    assert not any(":0 " in line or "elsewhere" in line for line in proxy.said)


def test_equal_lengths_are_one(wire: Wire) -> None:
    """A request that gives its length twice is passed on with it once (RFC 9110, 8.6)."""
    for headers in (["Content-Length: 13"] * 2, ["Content-Length: 13, 13"]):
        case = wire.case(lambda peer: peer.send(ANSWER))
        with wire.dial() as client:
            client.send(asking(*headers, case))
            assert client.read(BODY) == ANSWER
        top, body = wire.received[-1]
        assert top.lower().count(b"content-length: 13\r\n") == 1
        assert body == ASKED
        assert wire.exchange().request.body == ASKED


@pytest.mark.parametrize("blank", [b"\r\n", b"\n", b"\r\n\r\n", b"\r"])
def test_blank_lines_before_a_request_are_ignored(wire: Wire, blank: bytes) -> None:
    """Old clients send one after each body (RFC 9112, 2.2), together with what follows or not."""
    with wire.dial() as client:
        for _ in range(2):
            client.send(blank)
            client.send(blank + request(ASKED, wire.case(lambda peer: peer.send(ANSWER))))
            assert client.read(BODY) == ANSWER
            assert wire.exchange().request.body == ASKED


def test_a_coded_request_passes_as_it_is(wire: Wire) -> None:
    """Its coding is the business of the upstream, and of who reads the cassette."""
    packed = gzip.compress(ASKED)
    sent = b"".join([*chunked(packed), LAST_CHUNK])

    def handle(peer: Peer) -> None:
        assert peer.read(LAST_CHUNK) == sent
        peer.send(ANSWER)

    with wire.dial() as client:
        client.send(asking("Transfer-Encoding: gzip, chunked", wire.case(handle), body=sent))
        assert client.read(BODY) == ANSWER
    assert b"Transfer-Encoding: gzip, chunked\r\n" in wire.received[-1][0]
    assert wire.exchange().request.body == packed


@pytest.mark.parametrize("size", [80_000, 1_000_000])
def test_heads_may_be_large(wire: Wire, size: int) -> None:
    """Many headers and one long one pass, in requests and in answers."""
    for headers in ([f"X-{n}: {'a' * 1000}" for n in range(size // 1000)], [f"X: {'a' * size}"]):
        answer = whole(BODY, JSON, *headers)
        assert wire.ask(lambda peer, it=answer: peer.send(it), ASKED, *headers) == answer
        assert all(f"{line}\r\n".encode() in wire.received[-1][0] for line in headers)
        exchange = wire.exchange()
        assert (exchange.outcome, exchange.body) == ("complete", BODY)


ANSWERS = {
    "equal lengths": (head(LENGTH, LENGTH) + BODY, head(LENGTH) + BODY),
    "a list of equal lengths": (head(f"{LENGTH}, {len(BODY)}") + BODY, head(LENGTH) + BODY),
    "chunks and their length": (head(LENGTH, CHUNKED) + IN_CHUNKS, head(CHUNKED) + IN_CHUNKS),
    "chunks and a length": (
        head(CHUNKED, "Content-Length: 1") + IN_CHUNKS,
        head(CHUNKED) + IN_CHUNKS,
    ),
    "no coding": (head("Transfer-Encoding: identity", LENGTH) + BODY, head(LENGTH) + BODY),
    "chunks of HTTP/1.0": (
        head(CHUNKED, version="1.0") + IN_CHUNKS,
        head(CHUNKED, "connection: close") + IN_CHUNKS,
    ),
    "a space before the colon": (
        head("X-A : 1", f"Content-Length : {len(BODY)}") + BODY,
        head("X-A: 1", LENGTH) + BODY,
    ),
    "a blank line in front": (b"\r\n" + ANSWER, ANSWER),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_clients_read_passes(wire: Wire, name: str) -> None:
    """It is told once how long it is, whatever else the upstream says, and is recorded."""
    sent, passed = ANSWERS[name]
    assert wire.ask(lambda peer: peer.send(sent)) == passed
    exchange = wire.exchange()
    assert (exchange.status, exchange.outcome, exchange.body) == (200, "complete", BODY)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_no_content_has_no_coding(wire: Wire, status: str) -> None:
    """204 and 304 end with their head (RFC 9112, 6.3), and the connection serves on."""
    none = head(status=status)
    with wire.dial() as client:
        case = wire.case(lambda peer: peer.send(head(CHUNKED, status=status)))
        client.send(request(ASKED, case))
        assert client.read(b"\r\n\r\n") == none
        assert wire.exchange().outcome == "complete"
        client.send(request(ASKED, wire.case(lambda peer: peer.send(ANSWER))))
        assert client.read(BODY) == ANSWER
    assert wire.exchange().outcome == "complete"


WRONG = {
    "two lengths": (head(LENGTH, "Content-Length: 1") + BODY, "content-length"),
    "a length below 0": (head("Content-Length: -1"), "content-length"),
    "an unknown coding": (head("Transfer-Encoding: x"), "transfer-encoding"),
    "no name of a header": (head("X(A): 1", LENGTH) + BODY, "header name: 'X(A)'"),
    "no header": (head("no colon"), "a line of it is no header"),
    "no answer": (b"SSH-2.0-OpenSSH\r\n\r\n", "SSH-2.0-OpenSSH"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_in_doubt_is_refused_understandably(wire: Wire, name: str) -> None:
    """The client and the cassette say what is wrong with it, and name no option of mitmproxy's."""
    sent, why = WRONG[name]
    message = error_in(wire.ask(lambda peer: peer.send(sent)), b"502")
    assert message.startswith("respool: no answer from the upstream 127.0.0.1:")
    exchange = wire.exchange()
    assert (exchange.status, exchange.outcome) == (None, "upstream_gone")
    for each in (message, exchange.error or ""):
        assert f"its head is not valid HTTP: {why}" in each or why in each
        assert "mitmproxy" not in each
        assert "validate_inbound_headers" not in each
