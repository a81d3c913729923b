"""Where a forward proxy does not connect to: nowhere, to itself, and in a replay to no server."""

import contextlib
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import Running, run, serving
from office import port_of, settings

from respool.demo.server import running_server

ASK = "import openai\nopenai.OpenAI().responses.create(model='gpt-5.1', input='pack')"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A `respool record --proxy`."""
    folder = tmp_path_factory.mktemp("refused")
    tape = folder / "out.jsonl"
    with serving("record", "--proxy", "--cassette", tape, env=settings(folder)) as running:
        yield running
        assert running.stop() == 0


def open_to(proxy: Running) -> socket.socket:
    """A connection to a proxy itself."""
    parts = urlsplit(proxy.base_url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def answer(proxy: Running, request: bytes) -> bytes:
    """The first of what a proxy says to `request`."""
    with open_to(proxy) as client:
        client.sendall(request)
        return client.recv(10_000)


@pytest.mark.parametrize(
    "target",
    ["foo..bar:443", "a" * 64 + ".example:443", ".:443", "münchen.example:443", "127.0.0.1:70000"],
)
def test_impossible_host(proxy: Running, target: str) -> None:
    """A tunnel to where nothing can be is refused at once."""
    said = answer(proxy, f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    assert said.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 400 ")), said


@pytest.mark.parametrize("target", ["[fe80::1%25lo]:1", "[fe80::1%lo]:1"])
def test_an_address_in_a_zone(proxy: Running, target: str) -> None:
    """It is connected to, and where that fails the client hears so."""
    said = answer(proxy, f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 502 "), said
    assert b"respool: cannot reach [fe80::1%lo]:1: " in said


def test_impossible_host_of_plain_http(proxy: Running) -> None:
    """So is a request in plain HTTP."""
    for host in ("a..b", "x:99999"):
        said = answer(proxy, f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert said.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 400 ")), said


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]", "[::]"]
)
def test_proxy_itself(proxy: Running, name: str) -> None:
    """A request to the proxy by any of its names is refused, where it would come back for ever."""
    there = f"{name}:{urlsplit(proxy.base_url).port}"
    said = answer(proxy, f"CONNECT {there} HTTP/1.1\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 502 "), said
    said = answer(proxy, f"GET http://{there}/x HTTP/1.1\r\nHost: {there}\r\n\r\n".encode())
    assert said.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 400 ")), said


def test_replay_reaches_no_server(tmp_path: Path) -> None:
    """What is no HTTP, in TLS or without, is not taken to the server that was recorded."""
    env, tape = settings(tmp_path), tmp_path / "out.jsonl"
    with running_server() as server:
        port = port_of(server)
        command = (sys.executable, "-P", "-c", ASK)
        done = run(
            *("record", "--proxy", "--upstream", server.base_url, "--cassette", tape, "--"),
            *command,
            env=env | {"OPENAI_BASE_URL": server.base_url},
        )
        assert "recorded 1 exchange" in done.stderr, done.stderr
    with (
        socket.create_server(("127.0.0.1", port)) as there,
        serving("replay", "--proxy", tape, env=env) as proxy,
    ):
        for first in (b"\x00\x01\x02\x03\x04\x05", b"SSH-2.0-x\r\n", b""):
            with _recorded(proxy, port) as client:
                if first:
                    client.sendall(first)
                    assert _rest(client) == b""
                    continue
                context = ssl._create_unverified_context()  # whose it is does not matter here
                with context.wrap_socket(client, server_hostname="localhost") as secure:
                    secure.sendall(b"\x00\x01\x02zzzz")
                    assert _rest(secure) == b""
        assert proxy.stop() == 0
        told = "to 127.0.0.1: that cannot be played"
        assert [told in line for line in proxy.said].count(True) == 1
        there.setblocking(False)
        with pytest.raises(BlockingIOError):
            there.accept()


def _recorded(proxy: Running, port: int) -> socket.socket:
    """A connection that was asked for, and granted, to a local server that was recorded."""
    client = open_to(proxy)
    client.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())
    assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    return client


def _rest(client: socket.socket) -> bytes:
    with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
        return b"".join(iter(lambda: client.recv(1000), b""))
    return b""
