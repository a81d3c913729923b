"""HTTP/2 passed on whole, as `addons.internals.http1` does HTTP/1."""

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ResponseProtocolError, ResponseTrailers
from mitmproxy.proxy.layers.http._http2 import Http2Client, Http2Server

from addons.error_answer import RESET_BY_CLIENT, error_answer
from addons.internals.handler import tell_unread
from addons.internals.named import named, status_of


class FaithfulHttp2Server(Http2Server):
    """The same for a client that speaks HTTP/2, in which names are in lower case."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        tell_unread(context.client, self._unread)

    def _unread(self) -> int:
        """Bytes of answers that wait until the client takes more."""
        waiting = self.h2_conn.stream_buffers.values()
        return sum(len(frame.data) for frames in waiting for frame in frames)

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's own, but for trailers and errors."""
        if isinstance(event, ResponseTrailers):
            fields = [(name.lower(), value) for name, value in event.trailers.fields]
            event = ResponseTrailers(event.stream_id, http.Headers(fields))
        if (
            isinstance(event, ResponseProtocolError)
            and (status := status_of(event))
            and self.is_open_for_us(event.stream_id)
            and not self.h2_conn.streams[event.stream_id].state_machine.headers_sent
        ):
            headers, body = error_answer(status, event.message, named(self.context.server.address))
            self.h2_conn.send_headers(event.stream_id, [(b":status", b"%d" % status), *headers])
            self.h2_conn.send_data(event.stream_id, body, end_stream=True)
            yield commands.SendData(self.conn, self.h2_conn.data_to_send())
        else:
            yield from super()._handle_event(event)


class FaithfulHttp2Client(Http2Client):
    """An upstream that speaks HTTP/2: who resets a stream is called by its name."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's own, which says of either side that it was the client."""
        for command in super()._handle_event(event):
            if isinstance(command, ReceiveHttp) and isinstance(
                command.event, ResponseProtocolError
            ):
                command.event.message = command.event.message.replace(
                    RESET_BY_CLIENT, "stream reset by upstream"
                )
            yield command
