"""HTTP/1 as it may be spoken: 1xx, trailers, Expect, pipelines, HTTP/1.0, upgrades, errors."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from harness import recording
from raw_wire import Handler, Peer, Wire, chunked, head, request, whole, wired

BODY = b'{"id":"resp_1","object":"response"}'
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
HINTS = head("Link: </style.css>; rel=preload", status="103 Early Hints")
CONTINUE = head(status="100 Continue")
ANSWER = whole(BODY, JSON)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One recording for all that happens here, one thing after another."""
    with wired(tmp_path_factory.mktemp("forms") / "out.jsonl") as wire:
        yield wire


def sends(*parts: bytes) -> Handler:
    """An upstream that sends this, and keeps the connection."""
    return lambda peer: peer.send(*parts)


def is_the_answer(wire: Wire) -> bool:
    """Whether the exchange that came next is `ANSWER`, and whole."""
    exchange = wire.exchange()
    return (exchange.status, exchange.body, exchange.outcome) == (200, BODY, "complete")


@pytest.mark.parametrize("cut", [None, 1, 20, len(HINTS) - 1, len(HINTS)])
def test_what_only_informs_goes_past(wire: Wire, cut: int | None) -> None:
    """The client gets 103 and then the answer, which alone is recorded, however they came."""
    sent = HINTS + HINTS + ANSWER
    parts = [sent] if cut is None else [sent[:cut], sent[cut:]]
    assert wire.ask(sends(*parts)) == sent
    assert is_the_answer(wire)


def test_to_continue_is_not_said_twice(wire: Wire) -> None:
    """100 is the answer to what the proxy has dealt with."""
    assert wire.ask(sends(CONTINUE, ANSWER)) == ANSWER
    assert is_the_answer(wire)


def test_nothing_is_hinted_to_an_old_client(wire: Wire) -> None:
    """HTTP/1.0 knows no 1xx (RFC 9110, 15.2)."""
    with wire.dial() as client:
        client.send(request(b"{}", wire.case(sends(HINTS + ANSWER)), version="1.0"))
        assert client.read_all() == ANSWER
    assert is_the_answer(wire)


@pytest.mark.parametrize("leaves", [HINTS, HINTS + b"HTTP/1.1 200", HINTS[:30], CONTINUE])
def test_a_hint_is_no_answer(wire: Wire, leaves: bytes) -> None:
    """An upstream that leaves after it gave none, and the client is told."""

    def handle(peer: Peer) -> None:
        peer.send(leaves)
        peer.close()

    assert b"HTTP/1.1 502 " in wire.ask(handle)
    exchange = wire.exchange()
    assert (exchange.status, exchange.outcome) == (None, "upstream_gone")


def test_the_connection_serves_on(wire: Wire) -> None:
    """After hints and trailers the next request on the connection gets its own answer."""
    trailers = b"0\r\nX-Checksum: 1\r\nX-More: 2\r\n\r\n"
    with wire.dial() as client:
        for _ in range(2):
            client.send(request(b"{}", wire.case(sends(HINTS, ANSWER))))
            assert client.read(BODY) == HINTS + ANSWER
            assert is_the_answer(wire)
            sent = head(JSON, CHUNKED, "Trailer: X-Checksum") + chunked(BODY)[0] + trailers
            client.send(request(b"{}", wire.case(sends(sent))))
            assert client.read(trailers) == sent
            assert is_the_answer(wire)


def test_trailers_of_a_request_are_left_out(wire: Wire) -> None:
    """The request goes on without them, and is recorded as it went on."""
    asking = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    asking = asking.replace(b"\r\n\r\n", b"\r\n%s\r\n\r\n" % wire.case(_chunked_reader).encode())
    with wire.dial() as client:
        client.send(asking + b"2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n")
        assert client.read(BODY) == ANSWER
    assert is_the_answer(wire)
    assert wire.ended(wire.asked).request.body == b"{}"


def _chunked_reader(peer: Peer) -> None:
    assert peer.read(b"\r\n0\r\n\r\n").endswith(b"{}\r\n0\r\n\r\n")
    peer.send(ANSWER)


def test_a_client_that_expects_to_be_told_is_told(wire: Wire) -> None:
    """Expect: 100-continue is answered at once, and the body then goes on whole."""
    asking = request(b'{"input":"%s"}' % (b"x" * 5000), wire.case(sends(ANSWER)))
    asked, _, body = asking.partition(b"\r\n\r\n")
    with wire.dial() as client:
        client.send(asked + b"\r\nExpect: 100-continue\r\n\r\n")
        assert client.read(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(body)
        assert client.read(BODY) == ANSWER
    assert is_the_answer(wire)
    assert wire.ended(wire.asked).request.body == body
    assert b"expect" not in wire.received[-1][0].lower()


def test_requests_that_do_not_wait_are_answered_in_turn(wire: Wire) -> None:
    """Pipelined requests get their answers in order, each an exchange."""
    answers = [whole(b'{"n":%d}' % n, JSON) for n in range(4)]
    with wire.dial() as client:
        client.send(b"".join(request(b"{}", wire.case(sends(answer))) for answer in answers))
        for answer in answers:
            assert client.read(answer[-7:]) == answer
    assert [wire.exchange().body for _ in answers] == [answer[-7:] for answer in answers]


@pytest.mark.parametrize("keep", [False, True])
def test_old_clients_and_servers(wire: Wire, keep: bool) -> None:
    """HTTP/1.0 on both sides ends with the connection, or goes on if both say so."""
    more = ["Connection: keep-alive"] if keep else []
    answer = whole(BODY, JSON, *more, version="1.0")
    with wire.dial() as client:
        for _ in range(2 if keep else 1):
            client.send(request(b"{}", wire.case(sends(answer)), *more, version="1.0"))
            assert client.read(BODY) == answer
            assert is_the_answer(wire)
        if not keep:
            assert client.read_all() == b""


def test_another_protocol_takes_over_unrecorded(wire: Wire) -> None:
    """After a 101 that is no WebSocket bytes pass both ways; the exchange says that they did."""
    switching = head("Upgrade: x/1", "Connection: upgrade", status="101 Switching Protocols")

    def handle(peer: Peer) -> None:
        peer.send(switching + b"welcome")
        assert peer.read(b"!") == b"hello!"
        peer.send(b"goodbye")
        peer.close()

    with wire.dial() as client:
        more = "Upgrade: x/1", "Connection: upgrade"
        client.send(request(b"", wire.case(handle), *more, method="GET"))
        assert client.read(b"welcome") == switching + b"welcome"
        client.send(b"hello!")
        assert client.read_all() == b"goodbye"
    exchange = wire.exchange()
    assert (exchange.status, exchange.outcome, exchange.body) == (101, "complete", b"")
    assert exchange.error is not None
    assert "passed on unrecorded" in exchange.error


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_understands_what_is_wrong(tmp_path: Path, stream: bool) -> None:
    """With the upstream gone it raises, after its retries, an error that names respool and why."""
    with contextlib.ExitStack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            address = f"127.0.0.1:{closed.getsockname()[1]}"
            proxy = stack.enter_context(recording(f"http://{address}/v1", tmp_path / "out.jsonl"))
        client = stack.enter_context(proxy.client(max_retries=1))
        with pytest.raises(openai.InternalServerError) as raised:
            client.responses.create(model="gpt-5.1", input="Hi", stream=stream)
        assert proxy.stop() == 0
    why = f"respool: no answer from the upstream {address}: Connection refused"
    assert raised.value.status_code == 502
    assert raised.value.code == raised.value.type == "respool_upstream_error"
    assert raised.value.body["message"] == why
    assert "x-should-retry" not in raised.value.response.headers
    assert raised.value.response.headers["x-respool-synthesised"] == "true"
    said = [line for line in proxy.said if "no connection" in line]
    assert [line.rpartition(": ")[2] for line in said] == ["Connection refused"] * 2
