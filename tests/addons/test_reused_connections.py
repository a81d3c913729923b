"""Connections to an upstream that serve one request after another, until the upstream hangs up."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from h2_wire import h2_dialled
from raw_wire import DEADLINE_S, Handler, Peer, Wire, head, whole, wired
from raw_wire import request as asking
from tls_servers import certificate, serving_tls

BODY = b'{"id":"resp_1","object":"response"}'
ANSWER = whole(BODY, "Content-Type: application/json")
RESPONSE = "/v1/responses/resp_1"


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One recording of all traffic for all that happens here, one thing after another."""
    with wired(tmp_path_factory.mktemp("reused") / "out.jsonl", "--record-all") as wire:
        yield wire


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """The same, with an upstream that speaks TLS."""
    folder = tmp_path_factory.mktemp("secure")
    pem = certificate(folder)
    context = serving_tls(pem, "http/1.1")
    env = {"SSL_CERT_FILE": str(pem)}
    with wired(folder / "out.jsonl", context=context, env=env) as wire:
        yield wire


def answer(peer: Peer) -> None:
    """Answer, and keep the connection."""
    peer.send(ANSWER)


def in_turn(*handlers: Handler) -> Handler:
    """An upstream that handles requests of one case differently, one after another."""
    left = iter(handlers)
    return lambda peer: next(left)(peer)


def asked(wire: Wire, client: Peer, handle: Handler, method: str, body: bytes = b"") -> bytes:
    """What a client gets on a connection that has served before."""
    client.send(asking(b'{"input":"1"}', wire.case(answer)))
    assert client.read(BODY) == ANSWER
    assert wire.exchange().outcome == "complete"
    path = "/v1/responses" if method == "POST" else RESPONSE
    client.send(asking(body, wire.case(handle), method=method, path=path))
    if method == "HEAD":
        return client.read(b"\r\n\r\n")
    top = client.read(b"\r\n\r\n")
    size = int(top.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return top + client.read_bytes(size)


@pytest.mark.parametrize("hang_up", [Peer.close, Peer.reset])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE", "PUT"])
def test_what_may_be_asked_twice_is(wire: Wire, method: str, hang_up: Handler) -> None:
    """An upstream that hangs up instead of answering is asked again, which nobody notices."""
    body = b'{"name":"x"}' if method == "PUT" else b""
    with wire.dial() as client:
        got = asked(wire, client, in_turn(hang_up, answer), method, body)
    assert got == ANSWER
    [first, second] = wire.received[-2:]
    assert first == second
    assert second[1] == body
    exchange = wire.exchange()
    assert (exchange.outcome, exchange.status, exchange.body) == ("complete", 200, BODY)
    assert (exchange.request.method, exchange.request.body) == (method, body)


def hint(peer: Peer) -> None:
    """Begin to answer, and hang up."""
    peer.send(head(status="103 Early Hints"))
    peer.close()


def begin(peer: Peer) -> None:
    """Send a part of a head."""
    peer.send(ANSWER[:10])
    peer.close()


@pytest.mark.parametrize(
    ("method", "handle"),
    [
        ("POST", Peer.close),
        ("PATCH", Peer.close),
        ("GET", begin),
        ("GET", in_turn(Peer.close, Peer.close)),
    ],
)
def test_what_may_have_been_done_is_not_asked_again(
    wire: Wire, method: str, handle: Handler
) -> None:
    """A POST may have cost something, and one answer was on its way; SDKs decide for themselves."""
    with wire.dial() as client:
        got = asked(wire, client, handle, method)
        assert got.startswith(b"HTTP/1.1 502 ")
        assert b"no answer from the upstream" in got
        exchange = wire.exchange()
        assert (exchange.outcome, exchange.status) == ("upstream_gone", None)
    with wire.dial() as client:
        client.send(asking(b"{}", wire.case(answer)))
        assert client.read(BODY) == ANSWER
    assert wire.exchange().outcome == "complete"


def test_a_hint_is_a_part_of_an_answer(wire: Wire) -> None:
    """What is hinted at was begun: the request is not made again."""
    with wire.dial() as client:
        client.send(asking(b"{}", wire.case(answer)))
        assert client.read(BODY) == ANSWER
        assert wire.exchange().outcome == "complete"
        client.send(asking(b"", wire.case(hint), method="GET", path=RESPONSE))
        assert client.read(b"\r\n\r\n").startswith(b"HTTP/1.1 103 ")
        assert client.read_all().startswith(b"HTTP/1.1 502 ")
    assert wire.exchange().outcome == "upstream_gone"


@contextmanager
def busy(wire: Wire) -> Iterator[None]:
    """The proxy notices nothing for a while."""
    assert wire.proxy is not None
    os.kill(wire.proxy.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(wire.proxy.process.pid, signal.SIGCONT)


def time_out(peer: Peer) -> None:
    """Close a connection that was idle as some servers do, with an answer that nobody wants."""
    peer.send(whole(b"", status="408 Request Timeout"))
    peer.close()


@pytest.mark.parametrize("hang_up", [Peer.close, Peer.reset, time_out])
@pytest.mark.parametrize("kind", ["wire", "secure"])
def test_a_connection_that_is_over_is_not_used_again(
    request: pytest.FixtureRequest, kind: str, hang_up: Handler
) -> None:
    """The upstream hung up as the request came: a new connection is made, for a POST as well."""
    wire: Wire = request.getfixturevalue(kind)
    idle: list[Peer] = []
    over = threading.Event()

    def answer_and_wait(peer: Peer) -> None:
        answer(peer)
        idle.append(peer)
        over.wait(DEADLINE_S)

    with wire.dial() as client:
        client.send(asking(b"{}", wire.case(answer_and_wait)))
        assert client.read(BODY) == ANSWER
        assert wire.exchange().outcome == "complete"
        with busy(wire):
            client.send(asking(b'{"input":"2"}', wire.case(answer)))
            hang_up(idle[0])
        over.set()
        assert client.read(BODY) == ANSWER
    assert wire.exchange().outcome == "complete"


def test_a_repeated_request_of_an_http2_client(secure: Wire) -> None:
    """Its HTTP/1 upstream's connections are shared; the one that is over fails nobody."""
    with h2_dialled(secure.base_url) as client:
        first = tuple(secure.case(answer).lower().split(": "))
        assert client.finished(client.ask(b"{}", first)).body == BODY
        number = client.conn.get_next_available_stream_id()
        again = tuple(secure.case(in_turn(Peer.close, answer)).lower().split(": "))
        fields = [(":method", "GET"), (":scheme", "https"), (":path", RESPONSE)]
        client.conn.send_headers(number, [*fields, (":authority", "x"), again], end_stream=True)
        client.flush()
        client.until(lambda: number in client.streams and client.streams[number].ended)
        assert client.streams[number].body == BODY
    assert [secure.exchange().outcome for _ in range(2)] == ["complete", "complete"]
