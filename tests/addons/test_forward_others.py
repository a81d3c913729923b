"""`respool record --proxy`: what is not recorded passes as if respool were not there."""

import hashlib
import queue
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import KEY, Running, serving
from office import office, settings
from tls_servers import (
    Answering,
    accepting,
    certificate,
    corporate_proxy,
    fingerprint,
    serving_asgi,
)

from cassettes.reader import Cassette


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def proxy(tmp_path: Path, tape: Path) -> Iterator[Running]:
    with serving("record", "--proxy", "--cassette", tape, env=settings(tmp_path)) as running:
        yield running
        assert running.stop() == 0
        with Cassette.open(tape) as cassette:
            assert not cassette.exchanges


def connected(proxy_url: str, target: str, before: str = "") -> socket.socket:
    """A connection that a proxy made to `target`; ConnectionError where it answers no 200."""
    parts = urlsplit(proxy_url)
    client = socket.create_connection((parts.hostname, parts.port), timeout=20)
    client.sendall(f"{before}CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = answer_head(client)
    if not head.startswith(b"HTTP/1.1 200 "):
        client.close()
        raise ConnectionError(head.decode())
    return client


def answer_head(client: socket.socket) -> bytes:
    """The head of an answer, and not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        assert byte, head
        head += byte
    return head


def presented(client: socket.socket, pem: Path, host: str) -> str:
    """The fingerprint of the certificate that is shown on a connection, which is verified."""
    context = ssl.create_default_context(cafile=str(pem))
    with context.wrap_socket(client, server_hostname=host) as secure:
        shown = secure.getpeercert(binary_form=True)
        assert shown
        return hashlib.sha256(shown).hexdigest()


@pytest.mark.parametrize("before", ["", "\r\n"])
def test_tls_is_end_to_end(tmp_path: Path, proxy: Running, before: str) -> None:
    """A client sees the certificate of the other server itself, and can trust that alone."""
    pem = certificate(tmp_path, "127.0.0.1")
    with serving_asgi(Answering("elsewhere"), pem) as port:
        client = connected(proxy.base_url, f"127.0.0.1:{port}", before)
        assert presented(client, pem, "127.0.0.1") == fingerprint(pem)


def test_tls_is_end_to_end_behind_a_corporate_proxy(tmp_path: Path, tape: Path) -> None:
    """So it is where a company's proxy makes the connection, with the password that we know."""
    pem = certificate(tmp_path, "other.example")
    with (
        serving_asgi(Answering("elsewhere"), pem) as port,
        office(tmp_path, **{"other.example:443": port}) as there,
        serving("record", "--proxy", "--cassette", tape, env=there.env) as proxy,
    ):
        client = connected(proxy.base_url, "other.example:443")
        assert presented(client, pem, "other.example") == fingerprint(pem)
        assert there.proxy.asked == ["CONNECT other.example:443 HTTP/1.1"]
        with pytest.raises(ConnectionError, match="503 No Such Host"):
            connected(proxy.base_url, "nowhere.example:443")
        proxy.stop()


def test_any_protocol_passes(proxy: Running) -> None:
    """In a tunnel the server may speak first, nothing need be TLS, and each side ends by itself."""

    def greet(client: socket.socket) -> None:
        client.sendall(b"220 ready\r\n")
        said = b""
        while data := client.recv(1000):
            said += data
        client.sendall(said[::-1])  # after the client's end, which must not have ended our side

    with accepting(greet) as port, connected(proxy.base_url, f"127.0.0.1:{port}") as client:
        assert client.recv(1000) == b"220 ready\r\n"
        client.sendall(b"GET / HTTP/9.9\r\n\x00\xff")
        client.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: client.recv(1000), b"")) == b"\xff\x00\n\r9.9/PTTH / TEG"


def test_client_that_sends_all_before_it_reads(proxy: Running) -> None:
    """A side of a tunnel that is not read from yet does not keep the other from sending."""
    size = 60 << 20

    def echo(client: socket.socket) -> None:
        said: queue.SimpleQueue[bytes] = queue.SimpleQueue()

        def answer() -> None:
            with suppress(OSError):
                while data := said.get():
                    client.sendall(data)

        answering = threading.Thread(target=answer)
        answering.start()
        while data := client.recv(1 << 20):
            said.put(data)
        said.put(b"")
        answering.join()

    with accepting(echo) as port, connected(proxy.base_url, f"127.0.0.1:{port}") as client:
        client.sendall(b"y" * size)
        client.shutdown(socket.SHUT_WR)
        assert sum(map(len, iter(lambda: client.recv(1 << 20), b""))) == size


def test_unreachable_host_is_an_error_at_once(proxy: Running) -> None:
    """A tunnel that cannot be made is refused with 502 and the reason, before anything is sent."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(ConnectionError, match="502 Bad Gateway"):
            connected(proxy.base_url, target)


def test_reason_is_given_plainly(proxy: Running) -> None:
    """What a client is told of a tunnel holds no calls, numbers, or words of mitmproxy's."""
    here = urlsplit(proxy.base_url).port
    for target, why in (
        ("127.0.0.1:1", "Connection refused"),
        (f"localhost:{here}", "it is respool itself"),
        ("no.such.invalid:443", ""),
    ):
        with socket.create_connection(("127.0.0.1", here), timeout=20) as client:
            client.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
            said = b"".join(iter(lambda it=client: it.recv(1000), b"")).decode()
        assert f"respool: cannot reach {target}: {why}" in said
        for noise in ("Errno", "killed", "("):
            assert noise not in said


def test_plain_http_passes(proxy: Running) -> None:
    """A plain request to another host is forwarded as it is, also to a path of the API."""
    elsewhere = Answering("elsewhere")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy.base_url}))
    with serving_asgi(elsewhere) as port:
        url = f"http://127.0.0.1:{port}/v1/responses"
        request = urllib.request.Request(url, b"{}", {"Authorization": f"Bearer {KEY}"})
        with opener.open(request, timeout=20) as answer:
            assert answer.read() == elsewhere.body
    headers = dict(elsewhere.asked[0]["headers"])
    assert headers[b"host"] == f"127.0.0.1:{port}".encode()
    assert headers[b"authorization"] == f"Bearer {KEY}".encode()
    assert elsewhere.asked[0]["raw_path"] == b"/v1/responses"


def test_plain_http_through_a_corporate_proxy(tmp_path: Path, tape: Path) -> None:
    """It is asked of the company's proxy as plain HTTP is, by its whole URL and no CONNECT."""
    elsewhere = Answering("elsewhere")
    with (
        serving_asgi(elsewhere) as port,
        corporate_proxy(**{"other.example:80": port}) as (company, url),
        serving(
            *("record", "--proxy", "--cassette", tape),
            env=settings(tmp_path, HTTP_PROXY=url, http_proxy=url),
        ) as proxy,
    ):
        handler = urllib.request.ProxyHandler({"http": proxy.base_url})
        with urllib.request.build_opener(handler).open("http://other.example/a?b", timeout=20) as a:
            assert a.read() == elsewhere.body
        proxy.stop()
    assert company.asked == ["GET http://other.example/a?b HTTP/1.1"]
    assert dict(elsewhere.asked[0]["headers"])[b"host"] == b"other.example"


def test_it_listens_on_loopback_alone(proxy: Running) -> None:
    """Nobody else on the network can use the proxy."""
    port = urlsplit(proxy.base_url).port
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("the addresses of listening sockets are read from Linux's /proc")
    listening = [line.split()[1] for line in table.read_text().splitlines()[1:] if " 0A " in line]
    assert [each for each in listening if each.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
    six = Path("/proc/net/tcp6")
    assert not six.exists() or f":{port:04X} " not in six.read_text()
