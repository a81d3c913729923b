"""Which connections HTTP/2 lives on, and how it leaves them."""

import contextlib
import json
import socket
import threading
import time
from pathlib import Path

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from h2_wire import H2, Stream, asked, begun, h2_dialled, say_goodbye, wire_to
from harness import recording
from hpack import Encoder
from hyperframe.frame import HeadersFrame
from raw_wire import DEADLINE_S, Peer, head, upstream, whole

from addons.internals.http2 import UPLOAD

BODY = b'{"id":"resp_1","object":"response"}'
JSON = "Content-Type: application/json"
EVENT = b'data: {"type":"response.created"}\n\n'
LAST = b'data: {"type":"response.completed"}\n\n'
STREAMING = [(":status", "200"), ("content-type", "text/event-stream")]


@pytest.mark.parametrize("error", [0, 11])
def test_an_upstream_that_says_goodbye_finishes_what_it_has_taken(
    tmp_path: Path, error: int
) -> None:
    """A running answer goes on to its end (RFC 9113, 6.8); the next has a new connection."""
    connections: list[H2] = []

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        connections.append(server)
        [number] = asked(server)
        if len(connections) > 1:
            server.answer(number, BODY)
        else:
            server.conn.send_headers(number, STREAMING)
            server.conn.send_data(number, EVENT)
            server.flush()
            say_goodbye(server, (1 << 31) - 1)
            say_goodbye(server, number, error)
            told.wait(DEADLINE_S)
            server.conn.send_data(number, LAST, end_stream=True)
            server.flush()
        peer.read_all()  # which ends when the proxy hangs up

    told = threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        first = client.ask(b'{"input":"1"}')
        client.until(lambda: client.streams[first].body == EVENT)
        second = client.finished(client.ask(b'{"input":"2"}'))
        assert (":status", "200") in second.headers
        assert second.body == BODY
        told.set()
        assert client.finished(first).body == EVENT + LAST
        assert not client.streams[first].reset
        found = wire.ended(1), wire.ended(2)
        assert [each.outcome for each in found] == ["complete", "complete"]
        assert found[0].body == EVENT + LAST
    assert len(connections) == 2


@pytest.mark.parametrize("how", ["goodbye", "refusal"])
def test_a_request_that_was_not_taken_is_made_again(tmp_path: Path, how: str) -> None:
    """Streams above the last one, or refused, were not begun (RFC 9113, 8.7)."""
    connections: list[H2] = []

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        connections.append(server)
        if len(connections) > 1:
            [number] = asked(server)
            server.answer(number, bytes(server.streams[number].body))
        else:
            first, second = asked(server, 2)
            if how == "goodbye":
                say_goodbye(server, first)
            else:
                server.conn.reset_stream(second, ErrorCodes.REFUSED_STREAM)
            server.answer(first, bytes(server.streams[first].body))
            if how == "refusal":
                again = asked(server, 3)[-1]
                server.answer(again, bytes(server.streams[again].body))
        peer.read_all()

    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        bodies = [b'{"input":"%d"}' % n for n in range(2)]
        numbers = [client.ask(body) for body in bodies]
        assert [client.finished(number).body for number in numbers] == bodies
        assert [wire.exchange().outcome for _ in numbers] == ["complete", "complete"]
    assert len(connections) == (2 if how == "goodbye" else 1)


def test_a_request_that_is_left_out_twice_fails(tmp_path: Path) -> None:
    """The client hears why, and may ask again."""

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        asked(server)
        say_goodbye(server, 0)
        peer.read_all()

    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        left = client.finished(client.ask(b"{}"))
        assert (":status", "502") in left.headers
        error = json.loads(left.body)["error"]
        assert error["code"] == "respool_upstream_error"
        assert "ended its HTTP/2 connection before this request (NO_ERROR)" in error["message"]
        assert wire.exchange().outcome == "upstream_gone"


def test_a_client_that_says_goodbye_gets_what_it_has_asked_for(tmp_path: Path) -> None:
    """A goodbye of a client is about streams that the other side would begin."""

    def h1(peer: Peer) -> None:
        told.wait(DEADLINE_S)
        peer.send(whole(BODY, JSON))

    told = threading.Event()
    with wire_to(tmp_path, "http/1.1") as wire, h2_dialled(wire.base_url) as client:
        number = client.ask(b"{}", tuple(wire.case(h1).lower().split(": ")))
        say_goodbye(client, 0)
        told.set()
        assert client.finished(number).body == BODY
        assert wire.exchange().outcome == "complete"


def test_an_http1_upstream_is_connected_to_once(tmp_path: Path) -> None:
    """Requests that an HTTP/2 client makes one after another share a connection, as in HTTP/1."""
    with wire_to(tmp_path, "http/1.1") as wire, h2_dialled(wire.base_url) as client:
        peers: set[int] = set()

        def h1(peer: Peer) -> None:
            peers.add(id(peer))
            peer.send(whole(BODY, JSON))

        case = tuple(wire.case(h1).lower().split(": "))
        for _ in range(10):
            assert client.finished(client.ask(b"{}", case)).body == BODY
        assert len(peers) == 1


def test_an_upstream_that_is_there_again_is_found(tmp_path: Path) -> None:
    """That it could not be reached once says nothing about the next request on a connection."""
    with contextlib.ExitStack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            url = f"http://127.0.0.1:{port}/v1"
            proxy = stack.enter_context(recording(url, tmp_path / "out.jsonl"))
        client = stack.enter_context(h2_dialled(proxy.base_url))
        assert (":status", "502") in client.finished(client.ask(b"{}")).headers
        with socket.create_server(("127.0.0.1", port)) as listening:
            number = client.ask(b"{}")
            sock, _ = listening.accept()
            with sock:
                Peer(sock).read_request()
                sock.sendall(whole(BODY, JSON))
                stream = client.finished(number)
        assert (":status", "200") in stream.headers


def test_large_heads_pass(tmp_path: Path) -> None:
    """Those of 200 KB in either direction, of which h2 by itself takes 64 KB."""
    large = "x" * 100_000

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        server.conn.decoder.max_header_list_size = 1 << 20
        [number] = asked(server)
        sent = dict(server.streams[number].headers)
        assert (sent["x-one"], sent["x-two"]) == (large, large)
        server.answer(number, BODY, ("x-one", large), ("x-two", large))
        peer.read_all()

    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        client.conn.decoder.max_header_list_size = 1 << 20
        stream = client.finished(client.ask(b"{}", ("x-one", large), ("x-two", large)))
        assert dict(stream.headers)["x-two"] == large
        exchange = wire.exchange()
        assert dict(exchange.headers)["x-two"] == large


def test_three_hundred_streams_of_one_client(tmp_path: Path) -> None:
    """As many requests as a client makes go on at once; h2 by itself lets it have a hundred."""
    many = 300
    together = threading.Barrier(many)

    def h1(peer: Peer) -> None:
        together.wait(DEADLINE_S)
        peer.send(whole(BODY, JSON))

    with wire_to(tmp_path, "http/1.1") as wire, h2_dialled(wire.base_url) as client:
        case = tuple(wire.case(h1).lower().split(": "))
        client.until(lambda: client.conn.remote_settings.max_concurrent_streams >= many)
        numbers = [client.ask(b"{}", case) for _ in range(many)]
        assert {bytes(client.finished(number).body) for number in numbers} == {BODY}


class Uploading:
    """A client's upload of `SIZE` bytes, as far as it has credit."""

    def __init__(self, client: H2, *more: tuple[str, str]) -> None:
        client.until(lambda: client.conn.outbound_flow_control_window > SIZE)
        self.number = begun(client, "POST", "/v1/files", *more)
        self.sent = 0
        self._client = client

    @property
    def credit(self) -> int:
        """Bytes that may be sent."""
        return min(self._client.conn.local_flow_control_window(self.number), SIZE - self.sent)

    def go_on(self) -> None:
        """Send what may be sent."""
        while data := b"x" * min(self.credit, 16_000):
            self._client.conn.send_data(self.number, data)
            self._client.flush()
            self.sent += len(data)

    def finish(self) -> Stream:
        """Send all of it, as credit comes; what is answered."""
        while self.sent < SIZE:
            self._client.until(lambda: self.credit > 0)
            self.go_on()
        self._client.conn.end_stream(self.number)
        self._client.flush()
        return self._client.finished(self.number)


SIZE = 40_000_000


def test_a_slow_upstream_slows_an_upload_and_nothing_else(tmp_path: Path) -> None:
    """The client gets no more credit for that stream; when the upstream reads on, all comes."""
    received: list[int] = []

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        [other] = asked(server)
        server.answer(other, BODY)
        [number] = [n for n, stream in server.streams.items() if stream.headers and n != other]
        server.conn.increment_flow_control_window(1 << 30)
        server.conn.increment_flow_control_window(1 << 30, number)
        server.flush()
        asked(server, 2)
        received.append(len(server.streams[number].body))
        server.answer(number, BODY)
        peer.read_all()

    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        upload = Uploading(client)
        upload.go_on()
        other = begun(client, "GET", "/v1/models", ended=True)
        assert client.finished(other).body == BODY
        upload.go_on()
        assert upload.credit == 0
        assert upload.sent <= 2 * UPLOAD  # some of it before there is a connection
        assert upload.finish().body == BODY
    assert received == [SIZE]


def test_a_slow_http1_upstream_slows_an_upload(tmp_path: Path) -> None:
    """What it does not take is not asked for: little of it waits in memory; at last all comes."""

    def take(peer: Peer) -> None:
        if b"/files" in peer.read(b"\r\n\r\n"):
            over.wait(DEADLINE_S)
            assert len(peer.read_bytes(SIZE)) == SIZE
        peer.send(whole(BODY, JSON))

    over = threading.Event()
    with (
        upstream(take) as url,
        recording(url, tmp_path / "out.jsonl") as proxy,
        h2_dialled(proxy.base_url) as client,
    ):
        upload = Uploading(client, ("content-length", str(SIZE)))
        for _ in range(5):
            while upload.credit:
                upload.go_on()
                client.finished(begun(client, "GET", "/v1/models", ended=True))
        assert upload.sent < 12_000_000  # of which the system takes some
        over.set()
        assert upload.finish().body == BODY


def test_an_upload_that_gets_nowhere_holds_no_answer_up(tmp_path: Path) -> None:
    """Another upstream connection of the same client is read on."""
    over, wanted = threading.Event(), threading.Semaphore(0)

    def answer(peer: Peer) -> None:
        if b"/files" in peer.read(b"\r\n\r\n"):
            over.wait(DEADLINE_S)
            return
        peer.send(head("Content-Type: text/event-stream"))
        for _ in range(5):
            wanted.acquire(timeout=DEADLINE_S)
            peer.send(EVENT)

    with (
        upstream(answer) as url,
        recording(url, tmp_path / "out.jsonl") as proxy,
        h2_dialled(proxy.base_url) as client,
    ):
        upload = Uploading(client, ("content-length", str(SIZE)))
        upload.go_on()
        stream = client.streams[begun(client, "GET", "/v1/responses/resp_1", ended=True)]
        for n in range(5):
            client.until(lambda n=n: stream.body == EVENT * n)
            wanted.release()
        client.until(lambda: stream.ended)
        assert stream.body == EVENT * 5
        over.set()


@pytest.mark.parametrize("reset", [False, True])
def test_requests_that_wait_for_a_stream_hear_of_the_end(tmp_path: Path, reset: bool) -> None:
    """An upstream that takes one at a time and then hangs up leaves none without an answer."""

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        server.conn.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 1})
        server.flush()
        asked(server)
        sent.wait(DEADLINE_S)
        peer.reset() if reset else peer.close()

    sent = threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        numbers = [client.ask(b"{}") for _ in range(20)]
        sent.set()
        for number in numbers:
            assert (":status", "502") in client.finished(number).headers
        assert {wire.exchange().outcome for _ in numbers} == {"upstream_gone"}


def test_hints_for_somebody_who_has_gone_disturb_nobody(tmp_path: Path) -> None:
    """h2 takes a 103 on a stream that was cancelled for a broken connection."""

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        first, second = asked(server, 2)
        both.set()
        hinted = [(":status", "103"), ("link", "x")]
        encoded = server.conn.encoder.encode(hinted)
        server.until(lambda: server.streams[first].reset)
        peer.send(HeadersFrame(first, data=encoded, flags=["END_HEADERS"]).serialize())
        server.answer(second, BODY)
        peer.read_all()

    both = threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        first = client.ask(b"{}")
        second = client.ask(b"{}")
        both.wait(DEADLINE_S)
        client.conn.reset_stream(first, 8)
        client.flush()
        assert client.finished(second).body == BODY


def test_a_long_header_is_encoded_in_no_time(tmp_path: Path) -> None:
    """hpack takes seconds for one by itself, in which nobody else would be served."""
    large = "x" * 300_000

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        [number] = asked(server)
        server.conn.encoder = _Plain()
        server.answer(number, BODY, ("x-large", large))
        peer.read_all()

    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        client.conn.decoder.max_header_list_size = 1 << 20
        began = time.monotonic()
        assert dict(client.finished(client.ask(b"{}")).headers)["x-large"] == large
        assert time.monotonic() - began < 3  # hpack alone takes twelve


class _Plain(Encoder):
    """hpack's, without its Huffman code."""

    def encode(self, headers: object, huffman: bool = False) -> bytes:  # type: ignore[override]
        return super().encode(headers, huffman=False)  # type: ignore[arg-type]
