"""What respool relies on inside mitmproxy: each fails by its name when mitmproxy changes it."""

import inspect

import pytest
from mitmproxy.proxy.layers import websocket
from mitmproxy.test import tflow
from wsproto import ConnectionType
from wsproto.events import CloseConnection, TextMessage

from addons.internals import FaithfulConnection, pass_on_lost_websockets


@pytest.fixture
def connection() -> FaithfulConnection:
    """One side of a proxied WebSocket."""
    return FaithfulConnection(ConnectionType.SERVER, conn=tflow.tclient_conn())


def test_the_websocket_layer_makes_its_connections_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer looks `WebsocketConnection` up in its module, where ours takes its place."""
    monkeypatch.setattr(websocket, "WebsocketConnection", websocket.WebsocketConnection)
    pass_on_lost_websockets()
    assert websocket.WebsocketConnection is FaithfulConnection
    made = inspect.getsource(websocket.WebsocketLayer)
    assert made.count("WebsocketConnection(") == 2
    assert "frame_buf[-1] += " in made


def test_a_lost_connection_gets_no_close_frame(connection: FaithfulConnection) -> None:
    """Code 1006 stands for no frame, so that none is sent; any other close is."""
    assert connection.send2(CloseConnection(code=1006)).data == b""
    assert connection.send2(TextMessage("x")).data
    assert connection.send2(CloseConnection(code=1000)).data


def test_fragments_grow_in_place(connection: FaithfulConnection) -> None:
    """A piece is added to what is there, in the first fragment, in others and in later messages."""
    for _ in range(2):
        for _ in range(2):
            before = connection.frame_buf[-1]
            connection.frame_buf[-1] += b"piece"
            assert connection.frame_buf[-1] is before
            connection.frame_buf.append(b"")
        assert b"".join(connection.frame_buf) == b"piecepiece"
        connection.frame_buf = [b""]
