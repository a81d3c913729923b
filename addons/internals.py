"""Every reach into what mitmproxy does not offer to addons; a test fails by name when it changes.

Those that keep HTTP whole have a file of their own, `addons.http_internals`.

A WebSocket that is lost, without a close frame, must be lost for the other side too: mitmproxy
tells it that all is well (close code 1000), so that a client takes half an answer for a whole one.
And a message of many megabytes must not hold up everybody else: mitmproxy copies all of it again
for each piece that arrives.

A proxy in front of everything somebody does must be quick: mitmproxy makes a task for each call of
each hook, in which it asks every addon twice, and writes each piece for a peer on its own.
"""

import logging
from asyncio import Event, StreamReader, current_task
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakMethod, WeakSet

from mitmproxy.addonmanager import traverse
from mitmproxy.connection import Client, Connection
from mitmproxy.http import MessageData
from mitmproxy.proxy import commands, events, mode_servers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers import websocket
from wsproto.events import CloseConnection
from wsproto.events import Event as Frame
from wsproto.frame_protocol import CloseReason

if TYPE_CHECKING:
    from mitmproxy.master import Master


class _Fragments(list[bytearray]):
    """Fragments that grow in place, where mitmproxy's own are made anew with each piece."""

    def append(self, fragment: bytes) -> None:  # type: ignore[override]  # takes what it is given
        """Begin the next fragment."""
        super().append(bytearray(fragment))


class FaithfulConnection(websocket.WebsocketConnection):
    """One side of a proxied WebSocket; says no more about the other side's end than that side."""

    @property  # type: ignore[override]  # who uses it sees a list of bytes
    def frame_buf(self) -> _Fragments:
        """The fragments of the message that is coming in, the last one still growing."""
        return self._fragments

    @frame_buf.setter
    def frame_buf(self, fragments: Iterable[bytes]) -> None:
        self._fragments = _Fragments(map(bytearray, fragments))

    def send2(self, event: Frame) -> commands.SendData:
        """mitmproxy's own way out: the bytes of a frame, here none for a connection that is lost.

        What follows is the end of the TCP connection, which the peer reads as code 1006.
        """
        if isinstance(event, CloseConnection) and event.code == CloseReason.ABNORMAL_CLOSURE:
            return commands.SendData(self.conn, b"")
        return super().send2(event)


def pass_on_lost_websockets() -> None:
    """Have mitmproxy use `FaithfulConnection`, in this process."""
    websocket.WebsocketConnection = FaithfulConnection  # type: ignore[misc]  # its name is its hook


_DEEP = 1 << 20


class Hooks:
    """What addons have for each hook, found once."""

    def __init__(self, addons: Iterable[object]) -> None:
        self._addons = list(traverse(addons))
        self._calls: dict[str, tuple[str, list[Callable[[Any], None]]] | None] = {}

    def call(self, hook: commands.StartHook) -> bool:
        """Call the hook in place; False if one that awaits must be called in a task."""
        if hook.name not in self._calls:
            self._calls[hook.name] = self._find(hook)
        found = self._calls[hook.name]
        if found is None:
            return False
        member, calls = found
        for each in calls:
            try:
                each(getattr(hook, member))
            except Exception:  # as mitmproxy has it: an addon's error is never the client's
                logging.getLogger(__name__).exception("the hook %s failed", hook.name)
        return True

    def _find(self, hook: commands.StartHook) -> tuple[str, list[Callable[[Any], None]]] | None:
        """The hook's argument by name, and the functions that get it; None if one awaits."""
        (member,) = (field.name for field in fields(hook))  # type: ignore[arg-type]  # they all are dataclasses
        calls = [call for each in self._addons if callable(call := getattr(each, hook.name, None))]
        if any(map(iscoroutinefunction, calls)) or any(hasattr(a, "update") for a in self._addons):
            return None
        return member, calls


class BriefLayer:
    """A connection's outermost layer, which calls hooks in place and sends pieces together.

    It answers with what is left to do: the same commands but for hooks, with the bytes for a peer
    in one piece wherever nothing else comes in between.
    """

    def __init__(self, inner: Layer, hooks: Hooks) -> None:
        self.inner = inner
        self._hooks = hooks

    @property
    def context(self) -> Context:
        """That of the layer inside."""
        return self.inner.context

    def handle_event(self, event: events.Event) -> Iterator[commands.Command]:
        """What is to be done about `event`, and about the hooks that it leads to."""
        due = deque([event])
        pieces: dict[Connection, list[bytes]] = {}
        try:
            while due:
                for command in self.inner.handle_event(due.popleft()):
                    if isinstance(command, commands.SendData):
                        pieces.setdefault(command.connection, []).append(command.data)
                    elif isinstance(command, commands.StartHook) and self._hooks.call(command):
                        if command.blocking:
                            due.append(events.HookCompleted(command))
                    else:
                        yield from _together(pieces)
                        yield command
        finally:
            yield from _together(pieces)


def _together(pieces: dict[Connection, list[bytes]]) -> Iterator[commands.SendData]:
    for connection, each in pieces.items():
        yield commands.SendData(connection, each[0] if len(each) == 1 else b"".join(each))
    pieces.clear()


class DeepReader:
    """A connection's incoming bytes: all that has come, where mitmproxy asks for 64 KB.

    And more may come before the peer must wait, as to wait and to go on are calls of the system.
    What came before a reset counts: asyncio's own reader forgets it.
    """

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader
        reader._limit = _DEEP // 2  # type: ignore[attr-defined]  # it has the peer wait at twice that

    async def read(self, _: int) -> bytes:
        """What has come. Raises OSError for a connection that broke, once all was read."""
        try:
            return await self._reader.read(_DEEP)
        except OSError:
            rest: bytearray = self._reader._buffer  # type: ignore[attr-defined]  # private
            if not rest:
                raise
            data = bytes(rest)
            rest.clear()
            return data


MOST_UNREAD = 32 << 20
"""Bytes that a client may leave unread on one HTTP/2 connection before its upstreams must wait."""
_unread: WeakKeyDictionary[Client, WeakMethod[Callable[[], int]]] = WeakKeyDictionary()
"""Held weakly on both sides: what counts holds the client."""


def tell_unread(client: Client, count: Callable[[], int]) -> None:
    """Let `count` say how many bytes wait in a layer until the client reads on."""
    _unread[client] = WeakMethod(count)


_pipes: WeakSet[Client] = WeakSet()


def be_pipe(client: Client) -> None:
    """Let each side of a client's tunnel be read as fast as the other takes what it says.

    mitmproxy waits for both sides to take what they were sent. So a client that sends all before it
    reads, to a server that answers meanwhile, would wait for itself.
    """
    _pipes.add(client)


class BriefHandler(mode_servers.ProxyConnectionHandler):
    """A client's connection whose outermost layer is a `BriefLayer`.

    A slow reader of HTTP/2 slows its upstreams, as one of HTTP/1 does: mitmproxy would keep all
    that the client does not read. What the client sends is always read, as it may ask for more.
    """

    hooks: Hooks

    def __init__(self, *arguments: Any) -> None:  # mitmproxy's own, whatever they are
        self._read_on = Event()
        super().__init__(*arguments)  # type: ignore[no-untyped-call]  # mitmproxy has no types here

    @property  # type: ignore[override]  # a layer in all that is asked of it
    def layer(self) -> BriefLayer:
        """The outermost layer."""
        return self._layer

    @layer.setter
    def layer(self, inner: Layer) -> None:
        self._layer = BriefLayer(inner, self.hooks)

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """mitmproxy's own way to call what is not called in place."""
        if not self.hooks.call(hook):
            await super().handle_hook(hook)

    async def handle_connection(self, connection: Connection) -> None:
        """mitmproxy's own, which reads until the end."""
        io = self.transports[connection]
        if isinstance(io.reader, StreamReader):
            io.reader = DeepReader(io.reader)  # type: ignore[assignment]  # all that is asked of it
        await super().handle_connection(connection)

    async def server_event(self, event: events.Event) -> None:
        """mitmproxy's own; what the client sends may say that it has read on."""
        await super().server_event(event)
        if isinstance(event, events.ConnectionEvent) and event.connection is self.client:
            self._read_on.set()

    async def drain_writers(self) -> None:
        """mitmproxy's own way to wait for slow readers, which knows only those of HTTP/1."""
        if self.client in _pipes:
            await self._drain_others()
            return
        await super().drain_writers()  # type: ignore[no-untyped-call]  # nor here
        held = _unread.get(self.client)
        count = held() if held else None
        client = self.transports.get(self.client)
        if count is None or client is None or client.handler is current_task():
            return
        while count() > MOST_UNREAD and self.client in self.transports:
            self._read_on.clear()
            await self._read_on.wait()

    async def _drain_others(self) -> None:
        """Wait for the sides of a tunnel that the current task does not read from."""
        for transport in list(self.transports.values()):
            if transport.writer is None or transport.handler is current_task():
                continue
            try:
                await transport.writer.drain()
            except OSError as error:  # as mitmproxy has it
                if transport.handler is not None:
                    transport.handler.cancel(f"Error sending data: {error}")


def be_brief(master: "Master") -> None:
    """Have mitmproxy be brief in this process; `master` has all its addons and options by now."""
    BriefHandler.hooks = Hooks(master.addons.chain)
    mode_servers.ProxyConnectionHandler = BriefHandler  # type: ignore[misc]  # its name is its hook
    # Each reading of an option copies its value twice; as attributes they are found before that.
    vars(master.options).update({name: value.current() for name, value in master.options.items()})
    # The types of all members of each message are checked, for those who write mitmproxy.
    MessageData.__post_init__ = lambda _: None  # type: ignore[method-assign]  # on purpose
