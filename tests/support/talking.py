"""Talking to a player over a WebSocket, as a client does."""

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from cassettes.format import Close


def told(socket: ClientConnection, count: int) -> list[bytes]:
    """The next messages of the server, as they travelled."""
    return [socket.recv(timeout=20, decode=False) for _ in range(count)]


def asked(socket: ClientConnection, text: bytes, count: int) -> list[bytes]:
    """What the server says to a message."""
    socket.send(text, text=True)
    return told(socket, count)


def ended(socket: ClientConnection) -> Close | None:
    """How the server ends the connection: the close frame, or None where it is lost."""
    with pytest.raises(ConnectionClosed) as caught:
        socket.recv(timeout=20)
    frame = caught.value.rcvd
    return Close(code=frame.code, reason=frame.reason, by="server") if frame else None
