"""One client's connection: read deeply, slowed where others cannot follow, with brief layers."""

from asyncio import Event, StreamReader, StreamWriter, current_task
from collections.abc import Callable
from contextlib import suppress
from os import read
from select import POLLIN, poll
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakMethod

from mitmproxy.connection import Client, Connection
from mitmproxy.http import MessageData
from mitmproxy.proxy import commands, events, mode_servers
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.server import ConnectionIO

from addons.internals.brief import BriefLayer, Hooks

if TYPE_CHECKING:
    from mitmproxy.master import Master

_DEEP = 1 << 20


class DeepReader:
    """A connection's incoming bytes: all that has come, where mitmproxy asks for 64 KB.

    And more may come before the peer must wait, as to wait and to go on are calls of the system.
    What came before a reset counts: asyncio's own reader forgets it.
    """

    def __init__(self, reader: StreamReader, fd: Callable[[], int]) -> None:
        """`fd` says which file the connection is, -1 if none any more."""
        self._reader = reader
        self._fd = fd
        self._set_exception = reader.set_exception
        reader.set_exception = self._lose  # type: ignore[assignment,method-assign]  # asyncio's call
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

    @property
    def holds_any(self) -> bool:
        """Whether something has come that was not read yet."""
        return bool(self._reader._buffer)  # type: ignore[attr-defined]  # private

    def _lose(self, error: Exception) -> None:
        """The connection broke, maybe as we wrote to it: keep what has come, which asyncio drops.

        A server that wants no more of an upload has answered before it hung up.
        """
        with suppress(OSError):
            while data := read(self._fd(), _DEEP):
                self._reader._buffer += data  # type: ignore[attr-defined]  # private
        self._set_exception(error)


MOST = 32 << 20
"""Bytes that may wait for an upstream before an HTTP/2 client is read no further."""
_unread: WeakKeyDictionary[Client, WeakMethod[Callable[[Connection], bool]]] = WeakKeyDictionary()
"""Held weakly on both sides: what counts holds the client."""


def _is_unread(client: Client, upstream: Connection) -> bool:
    held = _unread.get(client)
    ask = held() if held else None
    return ask is not None and ask(upstream)


def _unsent(transport: ConnectionIO) -> int:
    writer = transport.writer
    return writer.transport.get_write_buffer_size() if isinstance(writer, StreamWriter) else 0


_upstreams: dict[Connection, tuple[DeepReader, StreamWriter]] = {}


def has_come(upstream: Connection) -> bool:
    """Whether something has come from an upstream that no layer has heard of yet, or its end."""
    if upstream not in _upstreams:
        return False
    reader, writer = _upstreams[upstream]
    if writer.is_closing() or reader.holds_any:
        return True
    looking = poll()
    looking.register(writer.get_extra_info("socket"), POLLIN)
    return bool(looking.poll(0))


def unsent(upstream: Connection) -> int:
    """Bytes that wait until an upstream takes more, 0 for one that has gone."""
    found = _upstreams.get(upstream)
    return found[1].transport.get_write_buffer_size() if found else 0


def tell_unread(client: Client, ask: Callable[[Connection], bool]) -> None:
    """Let `ask` say whether what an upstream sends waits in a layer until the client reads on."""
    _unread[client] = WeakMethod(ask)


class BriefHandler(mode_servers.ProxyConnectionHandler):
    """A client's connection whose outermost layer is a `BriefLayer`.

    A slow reader of HTTP/2 slows its upstreams, as one of HTTP/1 does: mitmproxy would keep all
    that the client does not read. What the client sends is read all the same, as it may be credit.
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
        if isinstance(io.reader, StreamReader) and isinstance(io.writer, StreamWriter):
            reader = io.reader = DeepReader(io.reader, io.writer.get_extra_info("socket").fileno)  # type: ignore[assignment]  # all that is asked of it
            if connection is not self.client:
                _upstreams[connection] = reader, io.writer
        try:
            await super().handle_connection(connection)
        finally:
            _upstreams.pop(connection, None)

    async def server_event(self, event: events.Event) -> None:
        """mitmproxy's own; what the client sends may say that it has read on."""
        await super().server_event(event)
        if isinstance(event, events.ConnectionEvent) and event.connection is self.client:
            self._read_on.set()

    async def drain_writers(self) -> None:
        """Wait until the other side takes what it was sent, and for nobody else.

        mitmproxy waits for all connections. So a client that sends all before it reads, to a server
        that answers meanwhile, would wait for itself, and an upstream for uploads to others.
        """
        client = self.transports.get(self.client)
        if client is None:
            return
        if client.handler is current_task():
            for transport in list(self.transports.values()):
                # What one upstream leaves must not hold up other requests, or credit for answers.
                if transport is not client and (not self._is_shared or _unsent(transport) > MOST):
                    await self._drain(transport)
        else:
            await self._drain(client)
            if self._is_shared:
                await self._be_read_on()

    async def _be_read_on(self) -> None:
        """Wait until the client reads on what came from the upstream that is read here."""
        here = current_task()
        for upstream in [it for it, io in self.transports.items() if io.handler is here]:
            while self.client in self.transports and _is_unread(self.client, upstream):
                self._read_on.clear()
                await self._read_on.wait()

    @property
    def _is_shared(self) -> bool:
        return self.client.alpn == b"h2"

    async def _drain(self, transport: ConnectionIO) -> None:
        if transport.writer is None:
            return
        try:
            await transport.writer.drain()
        except OSError as error:  # as mitmproxy has it
            unread = getattr(transport.reader, "holds_any", False)  # which is read on
            if transport.handler is not None and not unread:
                transport.handler.cancel(f"Error sending data: {error}")


def be_brief(master: "Master") -> None:
    """Have mitmproxy be brief in this process; `master` has all its addons and options by now."""
    BriefHandler.hooks = Hooks(master.addons.chain)
    mode_servers.ProxyConnectionHandler = BriefHandler  # type: ignore[misc]  # its name is its hook
    # Each reading of an option copies its value twice; as attributes they are found before that.
    vars(master.options).update({name: value.current() for name, value in master.options.items()})
    # The types of all members of each message are checked, for those who write mitmproxy.
    MessageData.__post_init__ = lambda _: None  # type: ignore[method-assign]  # on purpose
