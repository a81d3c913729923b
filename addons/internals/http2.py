"""HTTP/2 passed on whole, as `addons.internals.http1` does HTTP/1.

A peer that says goodbye (GOAWAY) ends no stream that it has taken (RFC 9113, 6.8); mitmproxy and h2
end all of them at once.
"""

import time
from dataclasses import dataclass

import h2.config
import h2.events
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import Frame, GoAwayFrame
from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import SendHttp
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestHeaders,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http2 import (
    Http2Client,
    Http2Server,
    parse_h2_response_headers,
)
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

from addons.error_answer import RESET_BY_CLIENT, error_answer
from addons.internals.handler import tell_unread
from addons.internals.named import named, status_of

STREAMS = 1000
"""Requests that one client may have open on one connection; h2's own bound is 100."""
LARGEST_HEAD = 1 << 20
"""Bytes of a message's headers; h2's own bound is 64 KB, which a server's cookies can reach."""
_CONTINUE = 100


@dataclass(kw_only=True)
class GoingAway(h2.events.Event):
    """The peer takes no new streams, and none above `last_stream_id`."""

    last_stream_id: int
    why: str


class FaithfulH2Connection(BufferedH2Connection):
    """One side's frames; goes on after a goodbye, and takes large heads."""

    def __init__(self, config: h2.config.H2Configuration) -> None:
        super().__init__(config)
        self.local_settings[SettingCodes.MAX_HEADER_LIST_SIZE] = LARGEST_HEAD
        if not config.client_side:
            self.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = STREAMS
        self.local_settings.acknowledge()  # or h2 would tell the peer what was before
        self.decoder.max_header_list_size = LARGEST_HEAD

    def unsent(self) -> int:
        """Bytes that wait until the peer takes more."""
        waiting = self.stream_buffers.values()
        return sum(len(frame.data) for frames in waiting for frame in frames)

    def _receive_goaway_frame(
        self, frame: GoAwayFrame
    ) -> tuple[list[Frame], list[h2.events.Event]]:
        """h2's own, after which nothing more can be received."""
        try:
            why = ErrorCodes(frame.error_code).name
        except ValueError:
            why = str(frame.error_code)
        if frame.additional_data:
            why += f": {frame.additional_data.decode(errors='replace')}"
        return [], [GoingAway(last_stream_id=frame.last_stream_id, why=why)]


class FaithfulHttp2Server(Http2Server):
    """The side of the client: trailers in lower case, errors in the API's own shape."""

    h2_conn: FaithfulH2Connection

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        tell_unread(context.client, self.h2_conn.unsent)

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        """mitmproxy's own; a client that says goodbye still wants what it has asked for."""
        if isinstance(event, GoingAway):
            return False
        return (yield from super().handle_h2_event(event))

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
    """The side of the upstream: hints go past, and who ends a stream is called by its name."""

    h2_conn: FaithfulH2Connection
    gone: str | None = None
    """Why the upstream takes no new streams on this connection, once it has said so."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        tell_unread(context.server, self.h2_conn.unsent)

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's own, but for what comes after a goodbye."""
        if self.gone is not None and isinstance(event, RequestHeaders):
            yield self._not_taken(event.stream_id)
            return
        for command in super()._handle_event(event):
            # mitmproxy says of either side that it was the client
            if isinstance(command, ReceiveHttp) and isinstance(
                command.event, ResponseProtocolError
            ):
                command.event.message = command.event.message.replace(
                    RESET_BY_CLIENT, "stream reset by upstream"
                )
            yield command
        if self.gone is not None:
            for stream_id in self.stream_queue:
                yield self._not_taken(stream_id)
            self.stream_queue.clear()
            if not self.streams and self.conn.connected:
                yield commands.CloseConnection(self.conn)

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        """mitmproxy's own, which takes a goodbye for the end, and drops hints."""
        if isinstance(event, GoingAway):
            self.gone = event.why
            for stream_id in [number for number in self.streams if number > event.last_stream_id]:
                self.streams.pop(stream_id)
                yield self._not_taken(stream_id)
            return False
        if isinstance(event, h2.events.InformationalResponseReceived):
            stream_id = self.their_stream_id[event.stream_id]
            status, headers = parse_h2_response_headers(event.headers)
            if status != _CONTINUE:  # which the client has had from us
                response = http.Response(
                    http_version=b"HTTP/2.0",
                    status_code=status,
                    reason=b"",
                    headers=headers,
                    content=None,
                    trailers=None,
                    timestamp_start=time.time(),
                    timestamp_end=None,
                )
                informing = ResponseHeaders(stream_id, response, end_stream=False)
                yield SendHttp(informing, self.context.client)
            return False
        return (yield from super().handle_h2_event(event))

    def close_connection(self, msg: str) -> layer.CommandGenerator[None]:
        """mitmproxy's own, which does not know of the goodbye."""
        yield from super().close_connection(f"{msg} ({self.gone})" if self.gone else msg)

    def _not_taken(self, stream_id: int) -> ReceiveHttp:
        message = f"the upstream ended its HTTP/2 connection before this request ({self.gone})"
        code = ErrorCode.GENERIC_SERVER_ERROR
        return ReceiveHttp(ResponseProtocolError(stream_id, message, code))
