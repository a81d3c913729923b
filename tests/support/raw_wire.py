"""Raw sockets on both sides of a proxy: what no SDK and no server of ours would send.

An upstream is a function that has the connection for itself, in a thread; a client sends bytes and
reads bytes. Whatever passes is kept, so that both ends of the proxy can be compared.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness import Running, recording

from cassettes.contents import Entry
from cassettes.exchange import Exchange
from cassettes.reader import Cassette

DEADLINE_S = 20.0


class Peer:
    """One connection; `seen` is all that came."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(DEADLINE_S)
        self.sock = sock
        self.seen = bytearray()
        self.asked = b"", b""
        """Head and body of the last request."""
        self._at = 0

    def send(self, *parts: bytes) -> None:
        """Send bytes, each part on its own."""
        for part in parts:
            self.sock.sendall(part)

    def read(self, end: bytes) -> bytes:
        """What comes up to and including `end`. Raises EOFError where the connection ends first."""
        while (found := self.seen.find(end, self._at)) < 0:
            self._more()
        return self._taken(found + len(end))

    def read_bytes(self, size: int) -> bytes:
        """The next `size` bytes."""
        while len(self.seen) - self._at < size:
            self._more()
        return self._taken(self._at + size)

    def read_all(self) -> bytes:
        """Whatever comes until the connection ends."""
        with contextlib.suppress(EOFError):
            while True:
                self._more()
        return self._taken(len(self.seen))

    def read_some(self) -> bytes:
        """The next bytes, as many as there are. Raises EOFError."""
        if len(self.seen) == self._at:
            self._more()
        return self._taken(len(self.seen))

    def read_request(self) -> tuple[bytes, bytes]:
        """Head and body of a request that says how long it is."""
        head = self.read(b"\r\n\r\n")
        size = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        self.asked = head, self.read_bytes(size)
        return self.asked

    def _more(self) -> None:
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        self.seen += data

    def _taken(self, to: int) -> bytes:
        data, self._at = bytes(self.seen[self._at : to]), to
        return data

    def shut(self) -> None:
        """Say that nothing more will be sent, and read on."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Hang up."""
        self.sock.close()

    def reset(self) -> None:
        """Hang up with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Handler = Callable[[Peer], None]


@contextlib.contextmanager
def upstream(handle: Handler, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that gives each connection to `handle`, and hangs up after it; its base URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    peers: list[Peer] = []

    def serve(sock: socket.socket) -> None:
        with contextlib.closing(sock), contextlib.suppress(EOFError, OSError):
            peer = Peer(context.wrap_socket(sock, server_side=True) if context else sock)
            peers.append(peer)
            with contextlib.closing(peer):
                handle(peer)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listening.accept()
                threads.append(threading.Thread(target=serve, args=[sock]))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    scheme = "https" if context else "http"
    try:
        yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def dialled(base_url: str) -> Iterator[Peer]:
    """A plain connection to where a base URL leads."""
    parts = urlsplit(base_url)
    with socket.create_connection((parts.hostname, parts.port)) as sock:
        yield Peer(sock)


def request(
    body: bytes = b'{"model":"m","input":"Hi"}', *headers: str, version: str = "1.1", **options: str
) -> bytes:
    """The bytes of a request that asks for a response."""
    method, path = options.get("method", "POST"), options.get("path", "/v1/responses")
    lines = [
        f"{method} {path} HTTP/{version}",
        "Host: 127.0.0.1",
        "Authorization: Bearer sk-raw-0123456789abcdef",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*parts: bytes) -> list[bytes]:
    """Each part as a chunk of HTTP/1.1, without the end."""
    return [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]


LAST_CHUNK = b"0\r\n\r\n"


def head(*headers: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/{version} {status}", *headers]).encode() + b"\r\n\r\n"


def whole(body: bytes, *headers: str, **options: str) -> bytes:
    """An answer that says how long it is."""
    return head(f"Content-Length: {len(body)}", *headers, **options) + body


def dechunked(body: bytes) -> bytes:
    """What a chunked body carries, up to its end or as far as it goes."""
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        found, body = found + body[:length], body[length + 2 :]
    return found


@dataclass
class Wire:
    """A recording proxy between raw sockets. What the upstream does is set for each request."""

    tape: Path
    base_url: str = ""
    upstream_url: str = ""
    proxy: Running | None = None
    asked: int = 0
    speak_h2: Handler = Peer.close
    """What the upstream does with a connection on which HTTP/2 is spoken."""
    handlers: dict[str, Handler] = field(default_factory=dict)
    received: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Heads and bodies, as the upstream got them."""

    def upstream(self, peer: Peer) -> None:
        """Answer each request on a connection as it asks for, until a handler hangs up."""
        if isinstance(peer.sock, ssl.SSLSocket) and peer.sock.selected_alpn_protocol() == "h2":
            self.speak_h2(peer)
            return
        while peer.sock.fileno() >= 0:
            self.received.append(peer.read_request())
            name = self.received[-1][0].lower().partition(b"x-case: ")[2].partition(b"\r\n")[0]
            self.handlers[name.decode()](peer)

    def case(self, handle: Handler) -> str:
        """The header of a request that is handled by `handle`."""
        name = str(len(self.handlers))
        self.handlers[name] = handle
        return f"X-Case: {name}"

    def dial(self) -> contextlib.AbstractContextManager[Peer]:
        """A connection to the proxy."""
        return dialled(self.base_url)

    def ask(self, handle: Handler, body: bytes = b'{"input":"Hi"}', *headers: str) -> bytes:
        """All that a client gets that asks for its connection to be closed."""
        with self.dial() as client:
            client.send(request(body, self.case(handle), "Connection: close", *headers))
            return client.read_all()

    def exchange(self) -> Exchange:
        """The exchange that came next on the wire, once it is over."""
        self.asked += 1
        return self.ended(self.asked)

    def begun(self, number: int) -> Exchange:
        """Exchange `number`, once it has begun."""
        return self._once(number, lambda _: True, f"exchange {number} is not there")

    def ended(self, number: int) -> Exchange:
        """Exchange `number`, once it is over."""
        return self._once(number, lambda entry: entry.ended, f"exchange {number} has no end")

    def _once(self, number: int, seen: Callable[[Entry], bool], lack: str) -> Exchange:
        deadline_s = time.monotonic() + DEADLINE_S
        with Cassette.open(self.tape) as cassette:
            while number not in cassette.exchanges or not seen(cassette.exchanges[number]):
                assert time.monotonic() < deadline_s, lack
                cassette.poll()
            return cassette.exchange(number)


@contextlib.contextmanager
def wired(
    tape: Path, *more: str, context: ssl.SSLContext | None = None, **options
) -> Iterator[Wire]:
    """Record into `tape` what goes from raw clients to raw upstreams."""
    wire = Wire(tape)
    with upstream(wire.upstream, context) as url, recording(url, tape, *more, **options) as proxy:
        wire.upstream_url, wire.proxy, wire.base_url = url, proxy, proxy.base_url
        yield wire
