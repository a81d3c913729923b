"""What respool relies on inside mitmproxy: each fails by its name when mitmproxy changes it."""

import asyncio
import gc
import inspect
from asyncio import StreamReader

import pytest
from mitmproxy import http
from mitmproxy.http import HTTPFlow, MessageData
from mitmproxy.options import Options
from mitmproxy.optmanager import OptManager
from mitmproxy.proxy import mode_servers
from mitmproxy.proxy.commands import CloseConnection, Command, SendData
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.events import Event, Start
from mitmproxy.proxy.layer import CommandGenerator, Layer
from mitmproxy.proxy.layers import http as layers_http
from mitmproxy.proxy.layers import websocket
from mitmproxy.proxy.layers.http import (
    HttpErrorHook,
    HTTPMode,
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHook,
    _http2,
)
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.test import tflow
from wsproto import ConnectionType
from wsproto.events import CloseConnection as CloseFrame
from wsproto.events import TextMessage

from addons.internals.brief import BriefLayer, Hooks
from addons.internals.connecting import FaithfulHttpLayer
from addons.internals.handler import BriefHandler, DeepReader, _unread
from addons.internals.http2 import FaithfulH2Connection, FaithfulHttp2Server
from addons.internals.websockets import FaithfulConnection, pass_on_lost_websockets


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
    assert connection.send2(CloseFrame(code=1006)).data == b""
    assert connection.send2(TextMessage("x")).data
    assert connection.send2(CloseFrame(code=1000)).data


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


class Telling:
    """An addon that tells what it was asked."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def request(self, flow: HTTPFlow) -> None:
        """A hook."""
        self.told.append(flow.request.path)

    def response(self, flow: HTTPFlow) -> None:
        """A hook that fails."""
        raise RuntimeError("a bug")

    async def error(self, flow: HTTPFlow) -> None:
        """A hook that awaits."""
        self.told.append("error")


def test_hooks_are_called_in_place() -> None:
    """What does not await is called at once with its argument, and its error is nobody else's."""
    addon, flow = Telling(), tflow.tflow()
    hooks = Hooks([addon])
    assert hooks.call(HttpRequestHook(flow))
    assert hooks.call(HttpResponseHook(flow))
    assert hooks.call(HttpRequestHeadersHook(flow))
    assert addon.told == ["/path"]


def test_hooks_that_await_are_left_to_mitmproxy() -> None:
    """An addon may await, and may ask to hear of every change."""
    assert not Hooks([Telling()]).call(HttpErrorHook(tflow.tflow()))
    updated = type("Updated", (), {"update": lambda self, flows: None})()
    assert not Hooks([updated]).call(HttpRequestHook(tflow.tflow()))


class Inner(Layer):
    """A layer that does what it is told."""

    script: list[Command]

    def _handle_event(self, event: Event) -> CommandGenerator[None]:
        yield from self.script


def test_pieces_for_a_peer_are_sent_together() -> None:
    """Bytes stay in their order, and nothing else that is to be done comes before them."""
    client, server = tflow.tclient_conn(), tflow.tserver_conn()
    inner = Inner(Context(client, Options()))
    inner.script = [
        SendData(client, b"a"),
        SendData(server, b"1"),
        SendData(client, b"b"),
        CloseConnection(server),
        SendData(client, b"c"),
    ]
    done = [
        (type(command), command.connection, getattr(command, "data", None))
        for command in BriefLayer(inner, Hooks([])).handle_event(Start())
    ]
    assert done == [
        (SendData, client, b"ab"),
        (SendData, server, b"1"),
        (CloseConnection, server, None),
        (SendData, client, b"c"),
    ]


def test_a_hook_that_was_called_in_place_is_completed() -> None:
    """A layer that waits for its hook goes on within the same event."""

    class Waiting(Layer):
        def _handle_event(self, event: Event) -> CommandGenerator[None]:
            yield SendData(self.context.client, b"before")
            yield HttpRequestHook(tflow.tflow())
            yield SendData(self.context.client, b" after")

    addon = Telling()
    brief = BriefLayer(Waiting(Context(tflow.tclient_conn(), Options())), Hooks([addon]))
    [sent] = brief.handle_event(Start())
    assert isinstance(sent, SendData)
    assert sent.data == b"before after"
    assert addon.told == ["/path"]


def test_pieces_are_sent_before_a_layer_that_fails() -> None:
    """What was to be sent when a bug of mitmproxy's shows is sent."""

    class Failing(Layer):
        def _handle_event(self, event: Event) -> CommandGenerator[None]:
            yield SendData(self.context.client, b"first")
            raise RuntimeError("a bug")

    made = BriefLayer(Failing(Context(tflow.tclient_conn(), Options())), Hooks([])).handle_event(
        Start()
    )
    assert isinstance(next(made), SendData)
    with pytest.raises(RuntimeError):
        next(made)


def test_the_server_makes_its_handlers_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server looks `ProxyConnectionHandler` up in its module, and sets its layer twice."""
    assert "handler = ProxyConnectionHandler(" in inspect.getsource(mode_servers)
    assert "handler.layer = self.make_top_layer(handler.layer.context)" in inspect.getsource(
        mode_servers.ServerInstance
    )
    assert "self.layer.handle_event(event)" in inspect.getsource(ConnectionHandler.server_event)


def test_a_side_of_a_connection_waits_where_ours_waits() -> None:
    """Each side is read in a task that its transport names, and waits in `drain_writers`."""
    assert "await self.drain_writers()" in inspect.getsource(ConnectionHandler.handle_connection)
    assert "self.transports[self.client].handler = handler" in inspect.getsource(
        ConnectionHandler.handle_client
    )
    assert "handler=asyncio.current_task()" in inspect.getsource(ConnectionHandler.open_connection)
    theirs = inspect.getsource(ConnectionHandler.drain_writers)
    assert "for transport in list(self.transports.values())" in theirs
    assert 'transport.handler.cancel(f"Error sending data: {e}")' in theirs
    assert BriefHandler.drain_writers is not ConnectionHandler.drain_writers


def test_options_are_found_before_they_are_copied() -> None:
    """Only what is no attribute of its options is looked up in them."""
    options = Options()
    assert "__getattr__" in vars(OptManager)
    assert "__getattribute__" not in vars(OptManager)
    assert options.tcp_timeout == dict(options.items())["tcp_timeout"].current()


def test_messages_check_their_types_where_ours_is() -> None:
    """The check that is left out stands in `__post_init__` of all messages."""
    assert "__post_init__" in vars(MessageData)
    source = inspect.getsource(http)  # as another test may have put ours in its place
    assert "def __post_init__(self):" in source
    assert source.count("check_option_type") == 1


def test_what_came_before_a_reset_is_read() -> None:
    """A peer that sends its last words and resets the connection is heard to the end."""

    async def read() -> list[bytes]:
        reader = StreamReader()
        deep = DeepReader(reader, lambda: -1)
        reader.feed_data(b"last words")
        reader.set_exception(ConnectionResetError())
        got = [await deep.read(1)]
        with pytest.raises(ConnectionResetError):
            await deep.read(1)
        return got

    assert asyncio.run(read()) == [b"last words"]


def test_readers_let_their_peers_wait_later() -> None:
    """A reader's limit is where asyncio has it."""

    async def limit() -> int:
        reader = StreamReader(limit=5)
        assert reader._limit == 5
        DeepReader(reader, lambda: -1)
        return reader._limit

    assert asyncio.run(limit()) > 1 << 16


def test_a_connection_of_http2_that_is_over_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What knows of its unread bytes holds the client, and must not be held by it."""
    monkeypatch.setattr(_http2, "BufferedH2Connection", FaithfulH2Connection)
    monkeypatch.setattr(layers_http, "Http2Server", FaithfulHttp2Server)
    gc.collect()
    before = len(_unread)
    options = Options()
    options.add_option("validate_inbound_headers", bool, True, "")
    client = tflow.tclient_conn()
    client.alpn = b"h2"
    layer = FaithfulHttpLayer(Context(client, options), HTTPMode.transparent)
    list(layer.handle_event(Start()))
    assert len(_unread) == before + 1
    del layer, client
    gc.collect()
    assert len(_unread) == before
