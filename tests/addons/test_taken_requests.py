"""Requests that an HTTP/2 upstream has begun with are not made again, whatever it says later."""

import socket
import threading
from pathlib import Path

import h2.events
import pytest
from h2.errors import ErrorCodes
from h2_wire import H2, asked, begun, h2_dialled, say_goodbye, wire_to
from harness import recording
from raw_wire import DEADLINE_S, Peer, dialled, head, upstream
from tls_servers import certificate, serving_tls

BODY = b'{"id":"resp_1","object":"response"}'
PART = b"x" * 10_000


@pytest.mark.parametrize("how", ["goodbye", "refusal"])
def test_a_request_whose_answer_has_begun_was_taken(tmp_path: Path, how: str) -> None:
    """It may have cost something; the client hears that the answer has no end."""
    connections: list[H2] = []

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        connections.append(server)
        number = asked(server)[0]
        server.conn.send_headers(number, [(":status", "200")])
        server.conn.send_data(number, b"{")
        server.flush()
        begins.wait(DEADLINE_S)
        if how == "goodbye":
            say_goodbye(server, 0)
        else:
            server.conn.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            server.flush()
            server.answer(asked(server, 2)[-1], BODY)
        peer.read_all()

    begins = threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        number = client.ask(b"{}")
        client.until(lambda: client.streams[number].body == b"{")
        begins.set()
        assert client.finished(number).reset
        assert wire.exchange().outcome == "upstream_gone"
        if how == "refusal":
            assert client.finished(client.ask(b"{}")).body == BODY
    assert len(connections) == 1


def settle(peer: H2) -> None:
    """Wait until the proxy has taken all that was said."""
    peer.conn.ping(b"12345678")
    peer.flush()
    heard: list[h2.events.Event] = []
    while not any(isinstance(event, h2.events.PingAckReceived) for event in heard):
        heard += peer.conn.receive_data(peer.peer.read_some())


def early(server: H2) -> int:
    """Answer an upload of which a part has come; its number."""
    server.until(lambda: any(len(each.body) >= len(PART) for each in server.streams.values()))
    [number] = [each for each, stream in server.streams.items() if stream.headers]
    server.answer(number, BODY)
    return number


def answered_early(client: H2) -> int:
    """An upload that has its answer, and of which a part was sent."""
    upload = begun(client, "POST", "/v1/files")
    client.conn.send_data(upload, PART)
    client.flush()
    assert client.finished(upload).body == BODY
    return upload


def test_an_upload_that_is_refused_once_it_is_answered_goes_nowhere(tmp_path: Path) -> None:
    """Its rest is not sent as a part of another."""

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        upload = early(server)
        settle(server)
        server.conn.reset_stream(upload, ErrorCodes.REFUSED_STREAM)
        settle(server)
        refused.set()
        number = asked(server)[-1]
        server.answer(number, bytes(server.streams[number].body))
        peer.read_all()

    refused = threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        upload = answered_early(client)
        assert refused.wait(DEADLINE_S)
        client.conn.send_data(upload, b"secret")
        settle(client)
        other = begun(client, "POST", "/v1/files")
        for part in (b"a", b"b", b"c"):
            client.conn.send_data(other, part)
            settle(client)
            client.conn.send_data(upload, b"secret")
            settle(client)
        client.conn.send_data(other, b"d", end_stream=True)
        client.flush()
        assert client.finished(other).body == b"abcd"


def test_a_goodbye_to_what_was_answered_is_no_harm(tmp_path: Path) -> None:
    """As of an upload that had its answer before its end; and what was not taken is made again."""
    connections: list[H2] = []

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        connections.append(server)
        if len(connections) == 1:
            upload = early(server)
            server.until(lambda: server.streams[upload].ended)
            server.answer(asked(server, 2)[-1], BODY)
            asked(server, 3)
            say_goodbye(server, 0)
        else:
            server.answer(asked(server)[0], BODY)
        peer.read_all()  # which ends when the proxy hangs up
        if server is connections[0]:
            hung_up.set()

    hung_up = threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        upload = answered_early(client)
        client.conn.send_data(upload, b"x", end_stream=True)
        client.flush()
        for _ in range(2):
            assert client.finished(client.ask(b"{}")).body == BODY
        assert hung_up.wait(DEADLINE_S)


def test_a_request_is_made_again_with_its_trailers(tmp_path: Path) -> None:
    """As it was made first."""
    trailers: list[list[tuple[str, str]]] = []

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        first = asked(server)[0]
        server.conn.reset_stream(first, ErrorCodes.REFUSED_STREAM)
        server.flush()
        second = asked(server, 2)[-1]
        trailers.extend(server.streams[each].trailers for each in (first, second))
        server.answer(second, BODY)
        peer.read_all()

    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        number = begun(client, "POST", "/v1/responses")
        client.conn.send_data(number, b"{}")
        client.conn.send_headers(number, [("x-sum", "1")], end_stream=True)
        client.flush()
        assert client.finished(number).body == BODY
    assert trailers == [[("x-sum", "1")]] * 2


def test_what_is_cancelled_while_its_connection_is_made_is_not_sent(tmp_path: Path) -> None:
    """Nobody would read what it costs; the next request takes the connection."""
    pem = certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/v1"
        env = {"SSL_CERT_FILE": str(pem)}
        with (
            recording(url, tmp_path / "out.jsonl", env=env) as proxy,
            h2_dialled(proxy.base_url) as client,
        ):
            cancelled = client.ask(b'{"input":"1"}')
            plain, _ = listening.accept()
            while not plain.recv(1, socket.MSG_PEEK):  # it was only looked whether we are there
                plain.close()
                plain, _ = listening.accept()
            client.conn.reset_stream(cancelled, ErrorCodes.CANCEL)
            other = client.ask(b'{"input":"2"}')
            settle(client)
            with serving_tls(pem, "h2").wrap_socket(plain, server_side=True) as secure:
                server = H2(Peer(secure), is_client=False)
                [number] = asked(server)
                assert server.streams[number].body == b'{"input":"2"}'
                server.answer(number, BODY)
                assert client.finished(other).body == BODY


def test_another_protocol_may_begin_before_the_request_is_over(tmp_path: Path) -> None:
    """It begins on both sides once the client has sent all (RFC 9110, 7.8)."""

    def switch(peer: Peer) -> None:
        peer.read(b"\r\n\r\nfirst")
        peer.send(head("Upgrade: x", "Connection: upgrade", status="101 Switching Protocols"))
        peer.read(b"last")
        peer.send(b"hello")
        peer.read(b"world")
        peer.send(b"bye")

    with (
        upstream(switch) as url,
        recording(url, tmp_path / "out.jsonl") as proxy,
        dialled(proxy.base_url) as client,
    ):
        client.send(
            b"POST /v1/files HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n"
            b"Content-Length: 9\r\n\r\nfirst"
        )
        assert client.read(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        client.send(b"last")
        client.read(b"hello")
        client.send(b"world")
        client.read(b"bye")
