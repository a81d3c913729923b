"""An upstream that is reached by TLS, as the vendor's is."""

import threading
from pathlib import Path

import httpx2
import openai
import pytest
from harness import KEY, recording
from socket_traffic import creating, messages
from tls_servers import Answering, certificate, serving_asgi, serving_tls
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from cassettes.reader import Cassette

ANSWERING = Answering("resp_1")


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_upstream(tmp_path: Path, trusted: bool) -> None:
    """Traffic goes on by TLS, to a server whose certificate is trusted, and to no other."""
    pem = certificate(tmp_path)
    tape = tmp_path / "out.jsonl"
    env = {"SSL_CERT_FILE": str(pem)} if trusted else {}
    with (
        serving_asgi(ANSWERING, pem) as port,
        recording(f"https://127.0.0.1:{port}/v1", tape, env=env) as proxy,
    ):
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
        assert exchange.body == answer.content == ANSWERING.body
    else:
        assert answer.status_code == 502
        assert exchange.outcome == "upstream_unreachable"
        assert "ertificate verify failed" in (exchange.error or "")
        assert any("ertificate verify failed" in line for line in proxy.said)


WRONG = {
    "untrusted": ((), 1, "elf-signed certificate"),
    "expired": ((), 9, "certificate has expired"),
    "another host": (("127.0.0.9",), 1, "IP address mismatch"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_certificate_that_is_wrong_is_told(tmp_path: Path, name: str) -> None:
    """Client, operator and cassette hear what is wrong with it, and nothing is sent there."""
    names, age_days, why = WRONG[name]
    pem = certificate(tmp_path, *names, age_days=age_days)
    env = {} if name == "untrusted" else {"SSL_CERT_FILE": str(pem)}
    tape = tmp_path / "out.jsonl"
    with (
        serving_asgi(ANSWERING, pem) as port,
        recording(f"https://127.0.0.1:{port}/v1", tape, env=env) as proxy,
    ):
        with proxy.client(max_retries=0) as client, pytest.raises(openai.APIStatusError) as raised:
            client.responses.create(model="gpt-5.1", input="Hi")
        proxy.stop()
    with Cassette.open(tape) as cassette:
        exchange = cassette.exchange(1)
    assert (exchange.status, exchange.outcome) == (None, "upstream_unreachable")
    assert raised.value.status_code == 502
    for said in (str(raised.value), str(exchange.error), *proxy.said[2:3]):
        assert why in said


def test_websocket_over_tls(tmp_path: Path) -> None:
    """A WebSocket goes on by TLS too, and is recorded like any other."""
    pem = certificate(tmp_path)
    tape = tmp_path / "out.jsonl"
    said = messages("Hello")

    def handler(connection: ServerConnection) -> None:
        for _ in connection:
            for text in said:
                connection.send(text, text=True)

    with serve(handler, "127.0.0.1", 0, ssl=serving_tls(pem)) as server:
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
