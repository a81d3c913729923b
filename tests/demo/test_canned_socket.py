"""WebSockets on which a test dictates every message and frame."""

import contextlib
import logging

import pytest
from scripted import send
from sockets import dialled
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    InvalidMessage,
    InvalidStatus,
)

from respool.demo.server import (
    BREAK,
    Canned,
    CannedSocket,
    Close,
    Fragments,
    Gate,
    Ping,
    Received,
    SocketStep,
    running_server,
)

CHOSEN = {"x-scripted": "x", "authorization": ""}


def test_each_message_gets_its_reply() -> None:
    """An opening, then the steps for the first message, the second, and nothing more."""
    canned = CannedSocket(
        [["one", b"\x00\xff", 1], ["two"]], opening=["hello"], headers={"x-own": "a"}
    )
    with running_server(canned={"x": canned}) as server, dialled(server, CHOSEN) as socket:
        assert socket.response
        assert socket.response.headers["x-own"] == "a"
        assert socket.recv(timeout=10) == "hello"
        socket.send("a")
        assert [socket.recv(timeout=10) for _ in range(2)] == ["one", b"\x00\xff"]
        socket.send(b"b")
        assert socket.recv(timeout=10) == "two"
        socket.send("c")
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)
        assert [request.body for request in server.requests] == [b"a", b"b", b"c"]


def test_a_reply_can_be_made_from_the_message() -> None:
    """A function of the message says what comes back."""

    def echo(message: Received) -> list[SocketStep]:
        return [message.body.decode().upper()]

    with (
        running_server(canned={"x": CannedSocket(echo)}) as server,
        dialled(server, CHOSEN) as socket,
    ):
        socket.send("quiet")
        assert socket.recv(timeout=10) == "QUIET"


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_message_can_come_in_fragments(compression: str | None) -> None:
    """Text and bytes arrive frame by frame, deflated or not."""
    canned = CannedSocket(opening=[Fragments(["o", "n", "é"]), Fragments([b"\x00", b"\xff"])])
    with (
        running_server(canned={"x": canned}) as server,
        dialled(server, CHOSEN, compression=compression) as socket,
    ):
        assert list(socket.recv_streaming()) == ["o", "n", "é"]
        assert list(socket.recv_streaming()) == [b"\x00", b"\xff"]


def test_the_server_can_ping(caplog: pytest.LogCaptureFixture) -> None:
    """A ping arrives between messages."""
    canned = CannedSocket(opening=[Ping(b"there?"), "hello"])
    caplog.set_level(logging.DEBUG, "pinged")
    with (
        running_server(canned={"x": canned}) as server,
        dialled(server, CHOSEN, logger=logging.getLogger("pinged")) as socket,
    ):
        assert socket.recv(timeout=10) == "hello"
    assert "PING 'there?'" in caplog.text


def test_the_server_can_close() -> None:
    """The client sees code and reason, and what stands behind the close is not sent."""
    canned = CannedSocket(opening=["bye", Close(1013, "try later"), "never"])
    with running_server(canned={"x": canned}) as server, dialled(server, CHOSEN) as socket:
        assert socket.recv(timeout=10) == "bye"
        with pytest.raises(ConnectionClosed) as raised:
            socket.recv(timeout=10)
    assert raised.value.rcvd
    assert (raised.value.rcvd.code, raised.value.rcvd.reason) == (1013, "try later")


def test_the_connection_can_break(caplog: pytest.LogCaptureFixture) -> None:
    """It ends without a close frame behind what was sent, and nothing is logged."""
    canned = CannedSocket([["half", BREAK]])
    with running_server(canned={"x": canned}) as server, dialled(server, CHOSEN) as socket:
        socket.send("go")
        assert socket.recv(timeout=10) == "half"
        with pytest.raises(ConnectionClosedError) as raised:
            socket.recv(timeout=10)
        assert raised.value.rcvd is None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_socket_can_halt() -> None:
    """At a gate the client has what was sent before, and the rest comes when it is opened."""
    gate = Gate()
    canned = CannedSocket([["one", gate, "two"], ["three"]])
    with running_server(canned={"x": canned}) as server, dialled(server, CHOSEN) as socket:
        socket.send("a")
        socket.send("b")
        gate.wait_reached()
        assert socket.recv(timeout=10) == "one"
        gate.open()
        assert [socket.recv(timeout=10) for _ in range(2)] == ["two", "three"]


def test_closing_does_not_wait_for_a_closed_gate(caplog: pytest.LogCaptureFixture) -> None:
    """A client at a closed gate is sent a close when the server closes."""
    gate = Gate()
    with contextlib.ExitStack() as dialling:
        with running_server(canned={"x": CannedSocket(opening=[gate])}) as server:
            socket = dialling.enter_context(dialled(server, CHOSEN))
            gate.wait_reached()
        with pytest.raises(ConnectionClosed) as raised:
            socket.recv(timeout=10)
    assert raised.value.rcvd
    assert raised.value.rcvd.code == 1012
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_upgrade_can_be_refused(caplog: pytest.LogCaptureFixture) -> None:
    """A canned HTTP answer stands in place of the upgrade, and the handshake is kept."""
    refused = Canned([b"use ", b"HTTP"], 426, {"x-own": "a"})
    with running_server(canned={"x": refused, "break": Canned([BREAK])}) as server:
        with pytest.raises(InvalidStatus) as raised, dialled(server, CHOSEN):
            pass
        response = raised.value.response
        assert (response.status_code, response.body) == (426, b"use HTTP")
        assert response.headers["x-own"] == "a"
        with pytest.raises(InvalidMessage), dialled(server, {"x-scripted": "break"}):
            pass
        assert [request.method for request in server.requests] == ["GET", "GET"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_canned_socket_needs_a_websocket() -> None:
    """Asked for over HTTP, or misspelt, it is a bad request."""
    with running_server(canned={"x": CannedSocket()}) as server:
        assert send(server, {}, CHOSEN)[0] == 400
        with pytest.raises(InvalidStatus) as raised, dialled(server, {"x-scripted": "y"}):
            pass
        assert raised.value.response.status_code == 400


def test_a_client_may_leave_at_any_time(caplog: pytest.LogCaptureFixture) -> None:
    """A client that is gone in the middle of a reply leaves no task and no log behind."""
    gate = Gate()
    with running_server(canned={"x": CannedSocket(opening=["one", gate, "two"])}) as server:
        with dialled(server, CHOSEN):
            gate.wait_reached()
        gate.open()
        with dialled(server) as socket:
            socket.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
