"""`respool record --proxy`: what comes to a recorded host in small pieces, or is no HTTP."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import Running, serving
from office import settings
from tls_servers import Answering, accepting, certificate, serving_asgi

from cassettes.reader import Cassette

ASK = b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@contextmanager
def proxy_for(url: str, tape: Path, **env: str) -> Iterator[Running]:
    """A proxy that records what goes to `url`; it ends well."""
    record = ("record", "--proxy", "--upstream", url, "--cassette", tape)
    with serving(*record, env=settings(tape.parent, **env)) as running:
        yield running
        assert running.stop() == 0


def opened(proxy: Running) -> socket.socket:
    """A connection to the proxy itself."""
    return socket.create_connection(("127.0.0.1", urlsplit(proxy.base_url).port or 0), timeout=20)


def connected(proxy: Running, port: int) -> socket.socket:
    """A connection to what is recorded."""
    client = opened(proxy)
    client.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())
    assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    return client


def let_read(proxy: Running) -> None:
    """Come back when the proxy has read what was sent to it before."""
    with opened(proxy) as other:
        other.sendall(b"nonsense\r\n\r\n")
        assert other.recv(1000).startswith(b"HTTP/1.1 400 ")


def in_pieces(proxy: Running, client: socket.socket, data: bytes, *ends: int) -> None:
    """Send `data` so that the proxy reads it in pieces that end there."""
    for begin, end in zip((0, *ends), (*ends, len(data)), strict=True):
        client.sendall(data[begin:end])
        let_read(proxy)


def fed[T](client: socket.socket, come: ssl.MemoryBIO, step: Callable[[], T]) -> T:
    """What a step of TLS comes to, once enough has come for it."""
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            come.write(client.recv(10_000))


@pytest.mark.parametrize("ends", [(1,), (2, 3), (4,), (5, 10), (20,), (28,)])
def test_http_in_pieces(tape: Path, ends: tuple[int, ...]) -> None:
    """A request is recorded wherever its first line is cut."""
    with (
        serving_asgi(Answering("whole")) as port,
        proxy_for(f"http://127.0.0.1:{port}/v1", tape) as proxy,
        connected(proxy, port) as client,
    ):
        in_pieces(proxy, client, ASK, *ends)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    with Cassette.open(tape) as cassette:
        assert cassette.exchange(1).outcome == "complete"


def test_tls_in_pieces(tmp_path: Path, tape: Path) -> None:
    """So is one in TLS, wherever its hello is cut, and its own first line in there."""
    pem = certificate(tmp_path)
    with (
        serving_asgi(Answering("whole"), pem) as port,
        proxy_for(f"https://127.0.0.1:{port}/v1", tape, SSL_CERT_FILE=str(pem)) as proxy,
    ):
        ours = tmp_path / "data" / "respool" / "mitmproxy" / "mitmproxy-ca-cert.pem"
        context = ssl.create_default_context(cafile=str(ours))
        for ends in ((1,), (2,), (1, 2, 3), (6,)):
            with connected(proxy, port) as client:
                come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
                secure = context.wrap_bio(come, go, server_hostname="127.0.0.1")
                with pytest.raises(ssl.SSLWantReadError):
                    secure.do_handshake()
                in_pieces(proxy, client, go.read(), *ends)
                fed(client, come, secure.do_handshake)
                client.sendall(go.read())
                for piece in (ASK[:1], ASK[1:3], ASK[3:9], ASK[9:]):
                    secure.write(piece)
                    client.sendall(go.read())
                    let_read(proxy)
                assert fed(client, come, lambda it=secure: it.read(15)) == b"HTTP/1.1 200 OK"
    with Cassette.open(tape) as cassette:
        assert [cassette.exchange(x).outcome for x in cassette.exchanges] == ["complete"] * 4


def test_something_else(tape: Path) -> None:
    """What is neither passes, and the operator hears of it, once for each host."""

    def echo(client: socket.socket) -> None:
        while data := client.recv(1000):
            client.sendall(data)

    with (
        accepting(echo) as port,
        proxy_for(f"http://127.0.0.1:{port}/v1", tape) as proxy,
    ):
        for first in (b"\x00", b"\x16\x04", b"SSH-2.0-x", b"* OK\r\n", b"{}", b"hello\nyou", b"-"):
            with connected(proxy, port) as client:
                in_pieces(proxy, client, first)
                assert client.recv(1000) == first
    said = [line for line in proxy.said if "neither TLS nor HTTP" in line]
    assert said == [
        "respool: a client speaks neither TLS nor HTTP to 127.0.0.1: that passes unrecorded"
    ]
