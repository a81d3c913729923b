"""Servers behind TLS with throwaway authorities, and a proxy such as a company has."""

import base64
import datetime as dt
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cassettes.serving import listen


def certificate(folder: Path, *names: str, age_days: int = 1) -> Path:
    """A self-signed certificate, good for two days, and its key, in one file.

    It is for `names`, hosts or addresses, of which the default is this one.
    """
    names = names or ("127.0.0.1",)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"for {names[0]}")])
    begins = dt.datetime.now(dt.UTC) - dt.timedelta(days=age_days)
    alternatives = [_general_name(each) for each in names]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(alternatives), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{names[0]}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def fingerprint(pem: Path) -> str:
    """The SHA-256 of the certificate in a file, in hexadecimal."""
    made = x509.load_pem_x509_certificate(pem.read_bytes())
    return made.fingerprint(hashes.SHA256()).hex()


@dataclass
class Answering:
    """An application that answers everything with one JSON; what it was asked, it keeps."""

    ident: str
    asked: list[dict] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """What it answers."""
        return b'{"id":"%s","object":"response"}' % self.ident.encode()

    async def __call__(self, scope: dict, receive: object, send: object) -> None:
        self.asked.append(scope)
        body = self.body
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def serving_asgi(application: object, pem: Path | None = None) -> Iterator[int]:
    """An ASGI application, behind TLS where there is a certificate; its port."""
    config = uvicorn.Config(application, lifespan="off", log_config=None, ssl_certfile=pem)
    server = uvicorn.Server(config)
    sock = listen(0)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


def serving_tls(pem: Path, *protocols: str) -> ssl.SSLContext:
    """What a server needs to speak TLS with a certificate, and HTTP in one of some versions."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


@contextmanager
def tls_in_front_of(port: int, pem: Path) -> Iterator[int]:
    """A port that speaks TLS and passes what comes on to a loopback `port` in the clear."""
    context = serving_tls(pem)

    def handle(client: socket.socket) -> None:
        with (
            suppress(OSError),  # the other side is gone, or did not want this certificate
            context.wrap_socket(client, server_side=True) as plain,
            socket.create_connection(("127.0.0.1", port)) as server,
        ):
            relay(plain, server)

    with accepting(handle) as address:
        yield address


@contextmanager
def accepting(handle: object) -> Iterator[int]:
    """A loopback port of which each connection is handled in a thread of its own."""
    threads: list[threading.Thread] = []
    open_ones: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                open_ones.append(client)
                threads.append(threading.Thread(target=one, args=(client,)))
                threads[-1].start()

        def one(client: socket.socket) -> None:
            with client:
                handle(client)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listening.getsockname()[1]
        finally:
            for each in (listening, *open_ones):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes from either side until one of them ends."""
    while True:
        waiting = [each for each in (one, other) if isinstance(each, ssl.SSLSocket)]
        ready = [each for each in waiting if each.pending()]
        for source in ready or select.select([one, other], [], [])[0]:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)


@dataclass
class CorporateProxy:
    """A proxy with a password, which alone knows where names lead; it keeps who asked for what."""

    places: dict[str, int]
    """The loopback port that stands for a `host:port`."""
    user: str = "worker"
    password: str = "p@ss:word"
    asked: list[str] = field(default_factory=list)
    """The request lines of those that it let through."""
    refused: int = 0
    heads: list[bytes] = field(default_factory=list)

    @property
    def credentials(self) -> str:
        """As a header has them."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def handle(self, client: socket.socket) -> None:
        """Serve one connection: a CONNECT, or one plain request."""
        with suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(65536)
                if not data:
                    return
                head += data
            self._answer(client, head)

    def _answer(self, client: socket.socket, head: bytes) -> None:
        line = head.partition(b"\r\n")[0].decode()
        if f"proxy-authorization: basic {self.credentials}".lower() not in head.decode().lower():
            self.refused += 1
            client.sendall(
                b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
            )
            return
        method, target, _ = line.split(" ")
        if method != "CONNECT":
            target = target.removeprefix("http://").partition("/")[0]
            target = target if ":" in target else f"{target}:80"
        if target not in self.places:
            client.sendall(b"HTTP/1.1 503 No Such Host\r\ncontent-length: 0\r\n\r\n")
            return
        self.asked.append(line)
        self.heads.append(head)
        with socket.create_connection(("127.0.0.1", self.places[target])) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                server.sendall(head)
            relay(client, server)


@contextmanager
def corporate_proxy(**places: int) -> Iterator[tuple[CorporateProxy, str]]:
    """A running proxy, and its URL with the password in it."""
    proxy = CorporateProxy(dict(places))
    with accepting(proxy.handle) as port:
        yield proxy, f"http://{proxy.user}:p%40ss%3Aword@127.0.0.1:{port}"
