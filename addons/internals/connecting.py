"""Which connection to an upstream a request takes, whose answers wait, and when one is forgotten.

mitmproxy keeps all it knows of each connection that a client connection ever had, has an HTTP/1
upstream of an HTTP/2 client take one request for each, and says of an upstream that could not be
reached once that it cannot be reached, for as long as the client stays. And of an answer that an
HTTP/2 client does not read it keeps all.
"""

from mitmproxy.connection import Connection
from mitmproxy.proxy import events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import CommandGenerator, Layer
from mitmproxy.proxy.layers.http import (
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    HttpStream,
    RegisterHttpConnection,
)
from mitmproxy.proxy.layers.http._http1 import Http1Client

from addons.internals.handler import has_come, tell_unread
from addons.internals.http2 import (
    BEHIND,
    Behind,
    FaithfulH2Connection,
    FaithfulHttp2Client,
    FaithfulHttp2Server,
)
from addons.internals.stream import FaithfulStream

UNREAD = 128 << 20
"""Bytes of all answers that may wait for one client before no upstream of it is read."""


class FaithfulHttpLayer(HttpLayer):
    """All HTTP of one client connection."""

    def __init__(self, context: Context, mode: HTTPMode) -> None:
        super().__init__(context, mode)
        self._over: set[Connection] = set()
        """Connections to upstreams of which nothing more will come."""
        self._client: FaithfulHttp2Server | None = None
        """The client's side, if requests share its connection."""
        self._unread: dict[int, Connection] = {}
        """By stream, the upstream whose answer the client does not read."""

    def _handle_event(self, event: events.Event) -> CommandGenerator[None]:
        """mitmproxy's own; notes which connections are over, and which answers are not read."""
        yield from super()._handle_event(event)
        if self._client is not None:
            yield from self._look_at_unread(self._client.h2_conn)
        elif isinstance(event, events.Start):
            side = self.connections[self.context.client]
            if isinstance(side, FaithfulHttp2Server):
                self._client = side
                tell_unread(self.context.client, self._is_unread)
        if isinstance(event, events.OpenConnectionCompleted) and event.reply:
            self._end(event.command.connection)
        elif isinstance(event, events.ConnectionClosed):
            self._end(event.connection)

    def _end(self, connection: Connection) -> None:
        """A connection is over, and so are those that were made inside it."""
        if connection is not self.context.client and connection in self.connections:
            ended = self.connections[connection]
            self._over |= {each for each, has in self.connections.items() if has is ended}

    def _look_at_unread(self, client: FaithfulH2Connection) -> CommandGenerator[None]:
        """Let no upstream send on what the client does not read, and each what it reads again."""
        for number in tuple(client.stream_buffers):
            more_may_come = number in self.streams and number not in self._unread
            if more_may_come and client.unsent_on(number) > BEHIND:
                self._unread[number] = self.streams[number].context.server
                yield from self._tell_upstream(number, behind=True)
        for number in [each for each in self._unread if client.unsent_on(each) <= BEHIND]:
            yield from self._tell_upstream(number, behind=False)
            del self._unread[number]

    def _tell_upstream(self, number: int, *, behind: bool) -> CommandGenerator[None]:
        has = self.connections.get(self._unread[number])
        if has is not None and isinstance(has.context.layers[-1], FaithfulHttp2Client):
            yield from self.event_to_child(has, Behind(number, behind))

    def _is_unread(self, upstream: Connection) -> bool:
        """Whether to read on from an upstream would be to keep what it sends."""
        if self._client is not None and self._client.h2_conn.unsent() > UNREAD:
            return True
        has = self.connections.get(upstream)
        if has is None or isinstance(has.context.layers[-1], FaithfulHttp2Client):
            return False
        return any(
            self.connections.get(each) is has and number in self.streams
            for number, each in self._unread.items()
        )

    def get_connection(
        self, event: GetHttpConnection, *, reuse: bool = True
    ) -> CommandGenerator[None]:
        """Answer `event` with a connection that takes one more request, or open one.

        Until it is open, nothing that the client sends on goes anywhere.
        """
        self._forget()
        stream = self.command_sources[event]
        wants_new = isinstance(stream, FaithfulStream) and stream.wants_new
        yield from self._connect(event, reuse and not wants_new)
        if event in self.command_sources:
            yield from self._tell_client(event, behind=True)

    def register_connection(self, command: RegisterHttpConnection) -> CommandGenerator[None]:
        """mitmproxy's own: a connection is open, or is not to be had."""
        for event in self.waiting_for_establishment.get(command.connection, ()):
            yield from self._tell_client(event, behind=False)
        yield from super().register_connection(command)

    def _tell_client(self, event: GetHttpConnection, *, behind: bool) -> CommandGenerator[None]:
        stream, client = self.command_sources[event], self.context.client
        if client.alpn == b"h2" and isinstance(stream, HttpStream):
            yield from self.event_to_child(
                self.connections[client], Behind(stream.stream_id, behind)
            )

    def _connect(self, event: GetHttpConnection, reuse: bool) -> CommandGenerator[None]:
        if reuse:
            for connection, has in self.connections.items():
                if not event.connection_spec_matches(connection):
                    continue
                if connection in self.waiting_for_establishment:
                    self.waiting_for_establishment[connection].append(event)
                    return
                if connection.connected and self._takes_more(has):
                    stream = self.command_sources.pop(event)
                    found = GetHttpConnectionCompleted(event, (connection, None))
                    yield from self.event_to_child(stream, found)
                    return
        failed = self.context.server.error
        yield from super().get_connection(event, reuse=False)
        if failed:  # which has been said; the next request tries again
            self.context.server.error = None

    def _forget(self) -> None:
        if self._over:
            used = {stream.context.server for stream in self.streams.values()}
            for connection in self._over - used - self.waiting_for_establishment.keys():
                self.connections.pop(connection, None)
            self._over &= self.connections.keys()

    def _takes_more(self, has: Layer) -> bool:
        """Whether the connection of a layer takes another request now."""
        spoken = has.context.layers[-1]
        if isinstance(spoken, Http1Client):
            if spoken.stream_id is not None:
                return False
            # Where nobody has asked, nothing comes but the end; a direct client looks as well.
            return not any(has_come(each) for each, own in self.connections.items() if own is has)
        return not isinstance(spoken, FaithfulHttp2Client) or spoken.gone is None
