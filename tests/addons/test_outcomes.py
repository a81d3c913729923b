"""How an exchange ended, whoever broke it off and however: sockets without any manners."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_wire import LAST_CHUNK, Handler, Peer, Wire, chunked, head, request, whole, wired

BODY = b'{"id":"resp_1","object":"response","n":12}'
EVENT = b'event: response.created\ndata: {"type":"response.created"}\n\n'
LAST = b'event: response.completed\ndata: {"type":"response.completed"}\n\n'
JSON = "Content-Type: application/json"
SSE = "Content-Type: text/event-stream"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One recording for all that happens here, one thing after another."""
    with wired(tmp_path_factory.mktemp("outcomes") / "out.jsonl") as wire:
        yield wire


def sends(*parts: bytes) -> Handler:
    """An upstream that sends this and hangs up."""

    def handle(peer: Peer) -> None:
        peer.send(*parts)
        peer.close()

    return handle


def resets(*parts: bytes) -> Handler:
    """An upstream that sends this, and resets the connection once it has gone out."""

    def handle(peer: Peer) -> None:
        peer.send(*parts)
        time.sleep(0.2)  # a reset overtakes what is on its way
        peer.reset()

    return handle


CUT_OFF = {
    "content-length": (head(JSON, "Content-Length: 100"), BODY),
    "chunked": (head(JSON, CHUNKED), *chunked(BODY)),
    "amid a chunk": (head(JSON, CHUNKED), b"fff\r\n" + BODY),
    "no chunk": (head(JSON, CHUNKED), b"zz\r\n" + BODY),
    "stream, chunked": (head(SSE, CHUNKED), *chunked(EVENT)),
}
KEPT = {"no chunk": b"", "stream, chunked": EVENT}


@pytest.mark.parametrize("name", CUT_OFF)
@pytest.mark.parametrize("ends", [sends, resets])
def test_an_upstream_that_leaves_amid_its_answer_is_gone(
    wire: Wire, name: str, ends: Handler
) -> None:
    """What says how long it is and is shorter was broken off, and the client sees that too."""
    got = wire.ask(ends(*CUT_OFF[name]))
    exchange = wire.exchange()
    assert (exchange.status, exchange.outcome) == (200, "upstream_gone")
    assert exchange.body == KEPT.get(name, BODY)
    assert exchange.error
    assert not got.endswith(LAST_CHUNK)
    assert KEPT.get(name, BODY) in got


UNTIL_THE_END = {
    "stream": (SSE, EVENT + LAST, "complete"),
    "stream without its last event": (SSE, EVENT, "truncated"),
    "stream that was never one": (SSE, b"", "truncated"),
    "JSON": (JSON, BODY, "complete"),
    "JSON on lines": (JSON, b'{\n "a": 1\n}\n', "complete"),
    "JSON in half": (JSON, BODY[:-9], "truncated"),
    "JSON but for its end": (JSON, BODY[:-1], "truncated"),
    "JSON up to a sign": (JSON, b'{"a":-', "truncated"),
    "JSON that never came": (JSON, b"", "truncated"),
    "no JSON": (JSON, b"Internal Server Error", "complete"),
    "text": ("Content-Type: text/plain", b'{"half', "complete"),
}


@pytest.mark.parametrize("name", UNTIL_THE_END)
def test_what_lasts_until_the_connection_ends_must_be_read(wire: Wire, name: str) -> None:
    """Where nothing else says so, it is the text that tells whether an answer is all there."""
    kind, body, outcome = UNTIL_THE_END[name]
    got = wire.ask(sends(head(kind), body))
    exchange = wire.exchange()
    assert (exchange.outcome, exchange.body, exchange.error) == (outcome, body, None)
    assert got.endswith(b"\r\n\r\n" + body)


def test_json_that_is_cut_off_is_seen_when_it_came_slowly(wire: Wire) -> None:
    """Parts of it are in the file by then."""

    body = b'{"text":"%s"}' % (b"word " * 500)

    def handle(peer: Peer) -> None:
        peer.send(head(JSON), body[:2000])
        deadline_s = time.monotonic() + 20
        while b'"chunk","x":%d,' % (wire.asked + 1) not in wire.tape.read_bytes():
            assert time.monotonic() < deadline_s
        peer.send(body[2000:-1])
        peer.close()

    wire.ask(handle)
    exchange = wire.exchange()
    assert (exchange.outcome, exchange.body) == ("truncated", body[:-1])
    assert len(exchange.pieces) == 2


def test_a_body_that_cannot_be_there_is_not_missed(wire: Wire) -> None:
    """204 has no body, and so none that is cut off."""
    wire.ask(sends(head(JSON, status="204 No Content")))
    assert wire.exchange().outcome == "complete"


NO_ANSWER = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 O",
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "noise": b"\x16\x03\x01\x00\xff\r\n\r\n",
    "a broken header": head("No Colon Here"),
    "two lengths": head("Content-Length: 1", "Content-Length: 2"),
}


@pytest.mark.parametrize("name", NO_ANSWER)
@pytest.mark.parametrize("ends", [sends, resets])
def test_an_upstream_that_talks_no_http_is_gone(wire: Wire, name: str, ends: Handler) -> None:
    """No answer is recorded, but what was said in its place, and the client gets an error."""
    got = wire.ask(ends(NO_ANSWER[name]))
    exchange = wire.exchange()
    assert (exchange.status, exchange.outcome, exchange.body) == (None, "upstream_gone", b"")
    assert exchange.error
    assert got.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


def test_a_client_that_leaves_is_gone(wire: Wire) -> None:
    """In the middle of a stream, of a body, or before there is any answer."""
    for answer in (
        [head(SSE, CHUNKED), *chunked(EVENT)],
        [head(JSON, "Content-Length: 99"), BODY],
        [],
    ):

        def handle(peer: Peer, answer: list[bytes] = answer) -> None:
            peer.send(*answer)
            peer.read_all()  # until the proxy lets go

        with wire.dial() as client:
            client.send(request(b"{}", wire.case(handle)))
            if answer:
                assert client.read(b"\r\n\r\n")
        exchange = wire.exchange()
        assert exchange.outcome == "client_gone"
        assert exchange.status == (200 if answer else None)


def test_a_client_that_leaves_after_the_last_event_has_it_all(wire: Wire) -> None:
    """SDKs hang up when they have read the terminal event."""

    def handle(peer: Peer) -> None:
        peer.send(head(SSE, CHUNKED), *chunked(EVENT + LAST))
        peer.read_all()

    with wire.dial() as client:
        client.send(request(b"{}", wire.case(handle)))
        client.read(LAST)
    assert wire.exchange().outcome == "complete"


def test_a_request_that_is_broken_off_is_recorded(wire: Wire) -> None:
    """There is an exchange that says so, and nothing of it was passed on."""
    passed = len(wire.received)
    asking = request(b"x" * 100)
    with wire.dial() as client:
        client.send(asking[:-50])
    exchange = wire.exchange()
    assert (exchange.status, exchange.outcome) == (None, "client_gone")
    assert (exchange.request.method, exchange.request.path) == ("POST", "/v1/responses")
    assert exchange.request.body == b""
    assert exchange.error is not None
    assert "broke off its request" in exchange.error
    assert len(wire.received) == passed


def test_half_a_head_is_no_request(wire: Wire) -> None:
    """Nobody knows yet what was to be asked, so there is nothing to record."""
    with wire.dial() as client:
        client.send(b"POST /v1/responses HTTP/1.1\r\nHost: x\r\n")
    wire.ask(sends(whole(BODY, JSON)))
    assert wire.exchange().body == BODY


def test_a_client_that_says_it_will_send_no_more_has_gone(wire: Wire) -> None:
    """mitmproxy takes a closed half for a closed whole, as most servers do."""

    def handle(peer: Peer) -> None:
        peer.read_all()

    with wire.dial() as client:
        client.send(request(b"{}", wire.case(handle)))
        client.shut()
        assert client.read_all() == b""
    assert wire.exchange().outcome == "client_gone"


@pytest.mark.parametrize("number", [2, 15], ids=["SIGINT", "SIGTERM"])
def test_a_proxy_that_is_stopped_says_so(tmp_path: Path, number: int) -> None:
    """What was in flight ends as proxy_stopped: a stream, a body, an answer that never came."""

    def handle(parts: list[bytes]) -> Handler:
        def hold(peer: Peer) -> None:
            peer.send(*parts)
            peer.read_all()

        return hold

    answers = [
        [head(SSE, CHUNKED), *chunked(EVENT)],
        [head(JSON, "Content-Length: 99"), BODY],
        [],
        [head(SSE, CHUNKED), *chunked(EVENT + LAST)],
    ]
    with wired(tmp_path / "out.jsonl") as wire, contextlib.ExitStack() as stack:
        dialled = [stack.enter_context(wire.dial()) for _ in answers]
        for client, answer in zip(dialled, answers, strict=True):
            client.send(request(b"{}", wire.case(handle(answer))))
            if answer:
                client.read(b"\r\n\r\n")
        while len(wire.received) < len(answers):
            pass
        assert wire.proxy.stop(number) == 0
        for client in dialled:
            assert not client.read_all().endswith(LAST_CHUNK)
    found = [wire.exchange() for _ in answers]
    assert [each.outcome for each in found] == ["proxy_stopped"] * 3 + ["complete"]
    assert [each.body for each in found] == [EVENT, BODY, b"", EVENT + LAST]
