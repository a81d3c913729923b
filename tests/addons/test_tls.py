"""An upstream that is reached by TLS, as the vendor's is."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import KEY, recording
from socket_traffic import creating, messages
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from cassettes.reader import Cassette
from cassettes.serving import listen

BODY = b'{"id":"resp_1","object":"response"}'


async def application(scope: dict, receive: object, send: object) -> None:
    """Answers everything with `BODY`."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "respool tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "upstream.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@contextmanager
def tls_server(pem: Path) -> Iterator[str]:
    """A server behind TLS; its base URL."""
    config = uvicorn.Config(application, lifespan="off", log_config=None, ssl_certfile=pem)
    server = uvicorn.Server(config)
    sock = listen(0)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    try:
        yield f"https://127.0.0.1:{sock.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_upstream(tmp_path: Path, trusted: bool) -> None:
    """Traffic goes on by TLS, to a server whose certificate is trusted, and to no other."""
    pem = certificate(tmp_path)
    tape = tmp_path / "out.jsonl"
    env = {"SSL_CERT_FILE": str(pem)} if trusted else {}
    with tls_server(pem) as upstream, recording(upstream, tape, env=env) as proxy:
        answer = httpx2.post(
            f"{proxy.base_url}/responses",
            json={"model": "gpt-5.1", "input": "pack"},
            headers={"authorization": f"Bearer {KEY}"},
        )
        proxy.stop()
    with Cassette.open(tape) as cassette:
        exchange = cassette.exchange(1)
    if trusted:
        assert answer.status_code == 200
        assert exchange.body == answer.content == BODY
    else:
        assert answer.status_code == 502
        assert exchange.outcome == "upstream_unreachable"
        assert "ertificate verify failed" in (exchange.error or "")
        assert any("ertificate verify failed" in line for line in proxy.said)


def test_websocket_over_tls(tmp_path: Path) -> None:
    """A WebSocket goes on by TLS too, and is recorded like any other."""
    pem = certificate(tmp_path)
    tape = tmp_path / "out.jsonl"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    said = messages("Hello")

    def handler(connection: ServerConnection) -> None:
        for _ in connection:
            for text in said:
                connection.send(text, text=True)

    with serve(handler, "127.0.0.1", 0, ssl=context) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        upstream = f"https://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        with recording(upstream, tape, env={"SSL_CERT_FILE": str(pem)}) as proxy:
            url = proxy.base_url.replace("http:", "ws:") + "/responses"
            with connect(url, additional_headers={"authorization": f"Bearer {KEY}"}) as client:
                client.send(creating("Hi"), text=True)
                assert [client.recv(timeout=20, decode=False) for _ in said] == said
            proxy.stop()
        server.shutdown()
        thread.join()
    with Cassette.open(tape) as cassette:
        assert [piece.data for piece in cassette.exchange(2).pieces] == said
