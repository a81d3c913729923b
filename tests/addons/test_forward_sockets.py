"""`respool record --proxy`: WebSockets, which clients open by CONNECT, with TLS or without."""

import json
import ssl
from pathlib import Path

import pytest
from harness import KEY, Running, serving
from office import port_of, settings
from socket_traffic import creating, messages
from tls_servers import certificate, tls_in_front_of
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from addons.authority import certificate as authority_certificate
from cassettes.reader import Cassette
from respool.demo.canned import BREAK, CannedSocket
from respool.demo.server import running_server

SAID = [each.decode() for each in messages("Hello there")]
WHOLE = CannedSocket([[*SAID]])
CUT = CannedSocket([[*SAID[:-1], BREAK]])


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def dialled(url: str, proxy: Running, folder: Path, scripted: str) -> ClientConnection:
    """A WebSocket through the proxy, from a client that trusts respool's authority alone."""
    context = None
    if url.startswith("wss:"):
        ours = authority_certificate(folder / "data" / "respool" / "mitmproxy")
        context = ssl.create_default_context(cafile=str(ours))
    headers = {"authorization": f"Bearer {KEY}", "x-scripted": scripted}
    return connect(url, proxy=proxy.base_url, ssl=context, additional_headers=headers)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("scripted", ["whole", "cut"])
def test_websocket(tmp_path: Path, tape: Path, scheme: str, scripted: str) -> None:
    """It is recorded as any other, and one that the server loses is lost for the client too."""
    pem = certificate(tmp_path, "127.0.0.1")
    with (
        running_server(canned={"whole": WHOLE, "cut": CUT}) as server,
        tls_in_front_of(port_of(server), pem) as tls,
    ):
        port = tls if scheme == "wss" else port_of(server)
        upstream = f"{scheme.replace('ws', 'http')}://127.0.0.1:{port}/v1"
        env = settings(tmp_path, SSL_CERT_FILE=str(pem))
        arguments = ("--proxy", "--upstream", upstream, "--cassette", tape)
        with serving("record", *arguments, env=env) as proxy:
            url = f"{scheme}://127.0.0.1:{port}/v1/responses"
            with dialled(url, proxy, tmp_path, scripted) as socket:
                socket.send(creating("Hi"), text=True)
                got = []
                try:
                    while not got or json.loads(got[-1])["type"] != "response.completed":
                        got.append(socket.recv(timeout=20))
                except ConnectionClosed as closed:
                    assert scripted == "cut", closed  # noqa: PT017 (only one of two is closed)
                    assert closed.rcvd is None, closed  # noqa: PT017 (no close frame: lost)
            assert proxy.stop() == 0
    assert got == (SAID if scripted == "whole" else SAID[:-1])
    with Cassette.open(tape) as cassette:
        handshake, answer = (cassette.exchange(number) for number in cassette.exchanges)
    assert [piece.data.decode() for piece in answer.pieces] == got
    assert answer.outcome == ("complete" if scripted == "whole" else "upstream_gone")
    assert answer.upstream == handshake.upstream == upstream
