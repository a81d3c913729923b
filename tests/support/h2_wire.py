"""Both ends of HTTP/2, on raw sockets: a client with many streams, and an upstream that waits."""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
from hyperframe.frame import GoAwayFrame
from raw_wire import Peer, Wire, dialled, wired
from tls_servers import certificate, serving_tls

Fields = list[tuple[str, str]]


@dataclass
class Stream:
    """What came on one stream."""

    headers: Fields = field(default_factory=list)
    informed: list[Fields] = field(default_factory=list)
    """Heads of 1xx."""
    trailers: Fields = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: bool = False


class H2:
    """One connection; `streams` is what came, by the stream's number."""

    def __init__(self, peer: Peer, *, is_client: bool) -> None:
        self.peer = peer
        config = h2.config.H2Configuration(client_side=is_client, header_encoding="utf-8")
        self.conn = h2.connection.H2Connection(config)
        self.conn.initiate_connection()
        self.streams: dict[int, Stream] = {}
        self.unread: set[int] = set()
        """Streams on which the peer gets no more credit."""
        self.flush()

    def flush(self) -> None:
        """Send what is to be sent."""
        self.peer.send(self.conn.data_to_send())

    def ask(self, body: bytes, *more: tuple[str, str], says_length: bool = True) -> int:
        """Ask for a response; the number of the stream."""
        number = self.say(body, *more, says_length=says_length)
        self.flush()
        return number

    def say(self, body: bytes, *more: tuple[str, str], says_length: bool = True) -> int:
        """The same, which the next flush sends."""
        number = self.conn.get_next_available_stream_id()
        self.streams[number] = Stream()
        head = [(":method", "POST"), (":scheme", "https")]
        head += [(":path", "/v1/responses"), (":authority", "x")]
        head += [("content-length", str(len(body)))] if says_length else []
        head += [("content-type", "application/json"), ("authorization", "Bearer sk-h2-01234567")]
        self.conn.send_headers(number, [*head, *more])
        self.conn.send_data(number, body, end_stream=True)
        return number

    def answer(self, number: int, body: bytes, *headers: tuple[str, str]) -> None:
        """Answer on a stream."""
        self.conn.send_headers(number, [(":status", "200"), *headers])
        self.conn.send_data(number, body, end_stream=True)
        self.flush()

    def until(self, done: Callable[[], bool]) -> None:
        """Take what comes until `done`. Raises EOFError where the connection ends first."""
        while not done():
            for event in self.conn.receive_data(self.peer.read_some()):
                self._take(event)
            self.flush()

    def finished(self, number: int) -> Stream:
        """A stream, once it is over."""
        stream = self.streams[number]
        self.until(lambda: stream.ended or stream.reset)
        return stream

    def _take(self, event: h2.events.Event) -> None:
        stream = self.streams.setdefault(getattr(event, "stream_id", None) or 0, Stream())
        if isinstance(event, h2.events.RequestReceived | h2.events.ResponseReceived):
            stream.headers = event.headers
        elif isinstance(event, h2.events.InformationalResponseReceived):
            stream.informed.append(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if event.stream_id not in self.unread:
                self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = True


@contextlib.contextmanager
def h2_dialled(base_url: str) -> Iterator[H2]:
    """A client that speaks HTTP/2 by TLS to a proxy, whose certificate it does not look at."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        dialled(base_url) as plain,
        context.wrap_socket(plain.sock, server_hostname=urlsplit(base_url).hostname) as sock,
    ):
        assert sock.selected_alpn_protocol() == "h2"
        yield H2(Peer(sock), is_client=True)


@contextlib.contextmanager
def wire_to(tmp_path: Path, version: str) -> Iterator[Wire]:
    """A recording in front of an upstream that speaks `version` by TLS."""
    pem = certificate(tmp_path)
    env = {"SSL_CERT_FILE": str(pem)}
    context = serving_tls(pem, version)
    with wired(tmp_path / "out.jsonl", context=context, env=env) as wire:
        yield wire


def asked(server: H2, count: int = 1) -> list[int]:
    """The streams on which `count` requests have come whole."""
    server.until(lambda: sum(stream.ended for stream in server.streams.values()) >= count)
    return [number for number, stream in server.streams.items() if stream.ended]


def say_goodbye(server: H2, last: int, error: int = 0) -> None:
    """Take no streams after `last`."""
    server.peer.send(GoAwayFrame(0, last_stream_id=last, error_code=error).serialize())


def begun(client: H2, method: str, path: str, *more: tuple[str, str], ended: bool = False) -> int:
    """A request without a body so far."""
    number = client.conn.get_next_available_stream_id()
    client.streams[number] = Stream()
    fields = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "x")]
    client.conn.send_headers(number, [*fields, *more], end_stream=ended)
    client.flush()
    return number
