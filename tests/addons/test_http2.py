"""HTTP/2 on either side of the proxy, which its listener speaks to clients that come by TLS."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2_wire import H2, h2_dialled
from playing import playing
from raw_wire import DEADLINE_S, Peer, Wire, chunked, head, whole, wired
from tls_servers import certificate, serving_tls

from cassettes.reader import Cassette

BODY = b'{"id":"resp_1","object":"response"}'
JSON = "Content-Type: application/json"
MANY = 20


@pytest.fixture(params=["http/1.1", "h2"])
def wire(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Wire]:
    """A recording in front of an upstream that speaks one version by TLS."""
    pem = certificate(tmp_path)
    context = serving_tls(pem, request.param)
    env = {"SSL_CERT_FILE": str(pem)}
    with wired(tmp_path / "out.jsonl", context=context, env=env) as wire:
        yield wire


def test_twenty_streams_do_not_wait_for_one_another(wire: Wire, tmp_path: Path) -> None:
    """The upstream answers none before it has all: one connection of the client, 20 of its own."""
    together = threading.Barrier(MANY)

    def h1(peer: Peer) -> None:
        together.wait(DEADLINE_S)
        said = json.loads(peer.asked[1])["input"]
        peer.send(whole(b'{"output":"%s"}' % said.encode(), JSON))

    def h2(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        server.until(lambda: sum(stream.ended for stream in server.streams.values()) == MANY)
        for number, stream in server.streams.items():
            if stream.ended:
                said = json.loads(stream.body)["input"]
                body = b'{"output":"%s"}' % said.encode()
                server.answer(number, body, ("content-type", "application/json"))
        peer.read_all()

    wire.speak_h2 = h2
    case = tuple(wire.case(h1).lower().split(": "))
    with h2_dialled(wire.base_url) as client:
        asked = {client.ask(b'{"input":"%d"}' % n, case): n for n in range(MANY)}
        for number, n in asked.items():
            stream = client.finished(number)
            assert (":status", "200") in stream.headers
            assert stream.body == b'{"output":"%d"}' % n
    found = [wire.exchange() for _ in asked]
    assert {each.outcome for each in found} == {"complete"}
    for each in found:
        said = json.loads(each.request.body)["input"]
        assert each.body == b'{"output":"%s"}' % said.encode()
        names = [name for name, _ in (*each.request.headers, *each.headers)]
        assert names == [name.lower() for name in names]
        assert not any(name.startswith(":") for name in names)
    wire.proxy.stop()
    with playing(wire.tape) as played:
        assert json.loads(played.send(b'{"input":"7"}')[2]) == {"output": "7"}


def test_hints_and_trailers_reach_a_client(wire: Wire) -> None:
    """What either kind of upstream sends of them is there in HTTP/2."""
    hints = head("Link: x", status="103 Early Hints")
    sent = head(JSON, "Transfer-Encoding: chunked"), *chunked(BODY), b"0\r\nX-Late: 1\r\n\r\n"

    def h2(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        server.until(lambda: any(stream.ended for stream in server.streams.values()))
        [number] = [number for number, stream in server.streams.items() if stream.ended]
        server.conn.send_headers(number, [(":status", "103"), ("link", "x")])
        server.conn.send_headers(number, [(":status", "200"), ("content-type", "application/json")])
        server.conn.send_data(number, BODY)
        server.conn.send_headers(number, [("x-late", "1")], end_stream=True)
        server.flush()
        peer.read_all()

    wire.speak_h2 = h2
    case = tuple(wire.case(lambda peer: peer.send(hints, *sent)).lower().split(": "))
    with h2_dialled(wire.base_url) as client:
        stream = client.finished(client.ask(b"{}", case))
    assert (":status", "200") in stream.headers
    assert stream.informed == [[(":status", "103"), ("link", "x")]]
    assert (stream.body, stream.trailers) == (BODY, [("x-late", "1")])
    exchange = wire.exchange()
    assert (exchange.status, exchange.body, exchange.outcome) == (200, BODY, "complete")


@pytest.mark.parametrize("answered", [False, True])
def test_an_upstream_that_hangs_up(wire: Wire, answered: bool) -> None:
    """The client gets an error in the API's shape, or sees its stream reset; others go on."""
    event = b'data: {"type":"response.created"}\n\n'

    def h1(peer: Peer) -> None:
        if answered:
            peer.send(head("Content-Type: text/event-stream", "Content-Length: 999"), event)
        peer.close()

    def h2(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        server.until(lambda: any(stream.ended for stream in server.streams.values()))
        [number] = [number for number, stream in server.streams.items() if stream.ended]
        if answered:
            server.conn.send_headers(
                number, [(":status", "200"), ("content-type", "text/event-stream")]
            )
            server.conn.send_data(number, event)
            server.flush()
        peer.shut()  # to close now, with bytes unread, may be a reset that overtakes the answer
        peer.read_all()

    wire.speak_h2 = h2
    case = tuple(wire.case(h1).lower().split(": "))
    with h2_dialled(wire.base_url) as client:
        for _ in range(2):
            stream = client.finished(client.ask(b"{}", case))
            exchange = wire.exchange()
            assert exchange.outcome == "upstream_gone"
            if answered:
                assert (stream.reset, stream.body) == (True, event)
                assert exchange.body == event
            else:
                assert (":status", "502") in stream.headers
                assert ("x-respool-synthesised", "true") in stream.headers
                assert json.loads(stream.body)["error"]["code"] == "respool_upstream_error"
                assert exchange.status is None


def test_a_client_that_resets_its_stream_is_gone(wire: Wire) -> None:
    """That is how it hangs up in HTTP/2; the connection serves on."""

    def h1(peer: Peer) -> None:
        peer.send(head("Content-Type: text/event-stream"), b": here\n\n")
        peer.read_all()

    def h2(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        server.until(lambda: any(stream.ended for stream in server.streams.values()))
        [number] = [number for number, stream in server.streams.items() if stream.ended]
        server.conn.send_headers(
            number, [(":status", "200"), ("content-type", "text/event-stream")]
        )
        server.conn.send_data(number, b": here\n\n")
        server.flush()
        peer.read_all()

    wire.speak_h2 = h2
    case = tuple(wire.case(h1).lower().split(": "))
    with h2_dialled(wire.base_url) as client:
        number = client.ask(b"{}", case)
        client.until(lambda: client.streams[number].body == b": here\n\n")
        client.conn.reset_stream(number, 8)
        client.flush()
        assert wire.exchange().outcome == "client_gone"


def test_a_body_without_a_length_goes_on_whole(wire: Wire) -> None:
    """HTTP/2 needs none; HTTP/1 is told where the body ends all the same."""

    def h1(peer: Peer) -> None:
        assert peer.read(b"0\r\n\r\n") == b"".join(chunked(b'{"input":"Hi"}')) + b"0\r\n\r\n"
        peer.send(whole(BODY, JSON))

    def h2(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        server.until(lambda: any(stream.ended for stream in server.streams.values()))
        [number] = [number for number, stream in server.streams.items() if stream.ended]
        server.answer(number, BODY if server.streams[number].body == b'{"input":"Hi"}' else b"")
        peer.read_all()

    wire.speak_h2 = h2
    case = tuple(wire.case(h1).lower().split(": "))
    with h2_dialled(wire.base_url) as client:
        number = client.ask(b'{"input":"Hi"}', case, says_length=False)
        assert client.finished(number).body == BODY
    exchange = wire.exchange()
    assert (exchange.request.body, exchange.body) == (b'{"input":"Hi"}', BODY)


def test_http2_needs_tls(tmp_path: Path) -> None:
    """A client that speaks it in the clear, unasked, is answered in HTTP/1: no SDK does."""
    with wired(tmp_path / "out.jsonl") as wire, wire.dial() as client:
        wire.handlers[""] = lambda peer: peer.send(head(status="400 Bad Request"))
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.read(b"\r\n") == b"HTTP/1.1 400 Bad Request\r\n"
        wire.proxy.stop()
    with Cassette.open(wire.tape) as cassette:
        assert not cassette.exchanges
