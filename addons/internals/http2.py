"""HTTP/2 passed on whole, as `addons.internals.http1` does HTTP/1.

A peer that says goodbye (GOAWAY) ends no stream that it has taken (RFC 9113, 6.8); mitmproxy and h2
end all of them at once. And a client whose upload the upstream does not take gets no more credit
for that stream alone, and no more does an upstream whose answer the client does not read; mitmproxy
gives any, and keeps what comes.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import h2.config
import h2.events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hpack import Encoder
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame
from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import SendHttp
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestData,
    RequestHeaders,
    RequestProtocolError,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http2 import (
    Http2Client,
    Http2Server,
    StreamState,
    parse_h2_response_headers,
)
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

from addons.error_answer import RESET_BY_CLIENT, error_answer
from addons.internals.named import named, status_of
from addons.internals.stream import NotTaken

STREAMS = 1000
"""Requests that one client may have open on one connection; h2's own bound is 100."""
LARGEST_HEAD = 1 << 20
"""Bytes of a message's headers; h2's own bound is 64 KB, which a server's cookies can reach."""
UPLOAD = 2 << 20
"""Bytes of a request that a client may send before any of them has gone on."""
DOWNLOAD = 4 << 20
"""Bytes of an answer that an upstream may send before any of them has gone on."""
BEHIND = 1 << 20
"""Bytes of one of them that may wait for the other side before its sender gets no more credit."""
_CONTINUE = 100
_LONG = 4 << 10


@dataclass(kw_only=True)
class GoingAway(h2.events.Event):
    """The peer takes no new streams, and none above `last_stream_id`."""

    last_stream_id: int
    why: str


@dataclass
class Behind(HttpEvent):
    """Whether the other side is behind with what one side sends on a stream."""

    behind: bool


class _Encoder(Encoder):
    """hpack's own, whose Huffman code takes seconds for one long value."""

    def encode(self, headers: Sequence[tuple[bytes, bytes]], huffman: bool = True) -> bytes:  # type: ignore[override]  # h2 gives no other
        """The bytes of a head."""
        headers = list(headers)
        return super().encode(headers, huffman and all(len(value) < _LONG for _, value in headers))


class _Queue(defaultdict[int, list[events.Event]]):
    """Requests that wait for a free stream, which mitmproxy does not see.

    It takes them up one inside the other, for which Python has no room with some hundreds of them.
    """

    def __init__(self) -> None:
        super().__init__(list)

    def __bool__(self) -> bool:
        return False


class FaithfulH2Connection(BufferedH2Connection):
    """One side's frames; goes on after a goodbye, takes large heads, and can withhold credit."""

    def __init__(self, config: h2.config.H2Configuration) -> None:
        super().__init__(config)
        self.local_settings[SettingCodes.MAX_HEADER_LIST_SIZE] = LARGEST_HEAD
        if not config.client_side:
            self.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = STREAMS
        window = DOWNLOAD if config.client_side else UPLOAD
        self.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = window
        self.local_settings.acknowledge()  # or h2 would tell the peer what was before
        self.decoder.max_header_list_size = LARGEST_HEAD
        self.encoder = _Encoder()
        self._withheld: dict[int, int] = {}
        """Bytes that the peer has sent and gets no credit for yet, by stream."""

    def acknowledge_received_data(self, acknowledged_size: int, stream_id: int) -> None:
        """h2's own, but for a stream whose credit is withheld."""
        if stream_id in self._withheld:
            self._withheld[stream_id] += acknowledged_size
        else:
            super().acknowledge_received_data(acknowledged_size, stream_id)

    def give(self, stream_id: int, *, behind: bool) -> None:
        """Give no more credit for a stream, or all that was withheld, and more as it comes."""
        if behind:
            self._withheld.setdefault(stream_id, 0)
        elif owed := self._withheld.pop(stream_id, 0):
            super().acknowledge_received_data(owed, stream_id)

    def local_flow_control_window(self, stream_id: int) -> int:
        """h2's own, but for one below 0 after settings of the peer, which mitmproxy would fill."""
        return max(0, super().local_flow_control_window(stream_id))

    def unsent(self) -> int:
        """Bytes that wait until the peer takes more."""
        return sum(map(self.unsent_on, self.stream_buffers))

    def unsent_on(self, stream_id: int) -> int:
        """Those of one stream."""
        return sum(len(frame.data) for frame in self.stream_buffers.get(stream_id, ()))

    def _receive_headers_frame(
        self, frame: HeadersFrame
    ) -> tuple[list[Frame], list[h2.events.Event]]:
        """h2's own, which takes hints on a stream that we have reset for a broken connection."""
        try:
            return super()._receive_headers_frame(frame)
        except ProtocolError as error:
            # Whatever else is wrong with the frame leaves the connection in no known state.
            out_of_turn = isinstance(error.__cause__, KeyError)
            if not out_of_turn or not self._stream_is_closed_by_reset(frame.stream_id):
                raise
            return [], []

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

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        """mitmproxy's own; a client that says goodbye still wants what it has asked for.

        One that cancels in the same breath does not: mitmproxy has forgotten the stream by then.
        """
        if isinstance(event, GoingAway):
            return False
        if isinstance(event, h2.events.StreamReset):
            self.streams.setdefault(event.stream_id, StreamState.HEADERS_RECEIVED)
        return (yield from super().handle_h2_event(event))

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's own, but for trailers, errors and credit."""
        if isinstance(event, Behind):
            self.h2_conn.give(event.stream_id, behind=event.behind)
            yield commands.SendData(self.conn, self.h2_conn.data_to_send())
            return
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
        self.stream_queue = _Queue()
        self._left: list[int] = []
        """Requests that had no stream yet when the upstream went, by the client's numbers."""
        self._behind: set[int] = set()
        """Streams of ours with which the upstream is behind."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's own, but for credit, and what comes after a goodbye or waits for a stream."""
        if isinstance(event, Behind):
            if ours := self.our_stream_id.get(event.stream_id):
                self.h2_conn.give(ours, behind=event.behind)
                yield commands.SendData(self.conn, self.h2_conn.data_to_send())
            return
        yield from self._take(event)
        while len(self.stream_queue) and self._has_room():
            waiting = self.stream_queue.pop(number := next(iter(self.stream_queue)))
            yield from self._tell_client(number, behind=False)
            if not any(isinstance(each, RequestProtocolError) for each in waiting):
                for each in waiting:
                    yield from self._take(each)
        if self.gone is not None:
            for number in self._left:
                yield from self._tell_client(number, behind=False)
                yield ReceiveHttp(self._not_taken(number))
            self._left.clear()
            if self.conn.connected and all(map(self.is_closed, self.streams)):
                yield commands.CloseConnection(self.conn)

    def _has_room(self) -> bool:
        most = (
            self.provisional_max_concurrency or self.h2_conn.remote_settings.max_concurrent_streams
        )
        return self.h2_conn.open_outbound_streams < most

    def _take(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's own, but for what it leaves behind, and for credit."""
        if self.gone is not None and isinstance(event, RequestHeaders):
            # Its sender is amid sending it, and cannot begin anew.
            yield ReceiveHttp(_final(self._not_taken(event.stream_id)))
            return
        if isinstance(event, RequestHeaders):
            self.our_stream_id.pop(event.stream_id, None)  # that of a request that was refused
        theirs = event.stream_id if isinstance(event, HttpEvent) else 0
        for command in super()._handle_event(event):
            # mitmproxy says of either side that it was the client
            if isinstance(command, ReceiveHttp) and isinstance(
                command.event, ResponseProtocolError
            ):
                command.event.message = command.event.message.replace(
                    RESET_BY_CLIENT, "stream reset by upstream"
                )
            yield command
        if theirs in self.stream_queue:
            if isinstance(event, RequestHeaders):
                yield from self._tell_client(theirs, behind=True)
        elif isinstance(event, RequestProtocolError):
            self.streams.pop(event.stream_id, None)  # by now it is ours, as in the next lines
        elif (
            isinstance(event, RequestData)
            and event.stream_id not in self._behind
            and self.h2_conn.unsent_on(event.stream_id) > BEHIND
        ):
            self._behind.add(event.stream_id)
            yield from self._tell_client(theirs, behind=True)
        for number in [each for each in self._behind if self.h2_conn.unsent_on(each) < BEHIND]:
            self._behind.discard(number)
            yield from self._tell_client(self.their_stream_id[number], behind=False)

    def _tell_client(self, number: int, *, behind: bool) -> layer.CommandGenerator[None]:
        if self.context.client.alpn == b"h2":
            yield SendHttp(Behind(number, behind), self.context.client)

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        """mitmproxy's own, which takes a goodbye for the end, and drops hints."""
        if isinstance(event, GoingAway):
            self._go(event.why)
            for number in [each for each in self.streams if each > event.last_stream_id]:
                is_begun = self.streams.pop(number) is StreamState.HEADERS_RECEIVED
                if not self.is_closed(number):
                    self.h2_conn.reset_stream(number, ErrorCodes.CANCEL)
                left = self._not_taken(number)
                yield ReceiveHttp(_final(left) if is_begun else left)
            return False
        if isinstance(event, h2.events.StreamReset) and self._is_refused(event):
            self.streams.pop(event.stream_id)
            refused = self._not_taken(event.stream_id, "refused this request (REFUSED_STREAM)")
            yield ReceiveHttp(refused)
            return False
        if isinstance(event, h2.events.InformationalResponseReceived):
            stream_id = self.their_stream_id[event.stream_id]
            try:
                status, headers = parse_h2_response_headers(event.headers)
            except ValueError as error:
                yield from self.protocol_error(f"Invalid HTTP/2 response headers: {error}")
                return True
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
        why = f"{msg} ({self.gone})" if self.gone else msg
        self._go(msg)
        self.h2_conn.stream_buffers.clear()
        yield from super().close_connection(why)

    def _go(self, why: str) -> None:
        """Take no more requests, not even those that wait."""
        self.gone = self.gone or why
        self._left += self.stream_queue
        self.stream_queue.clear()

    def _is_refused(self, event: h2.events.StreamReset) -> bool:
        is_unanswered = self.streams.get(event.stream_id) is StreamState.EXPECTING_HEADERS
        return is_unanswered and event.error_code == ErrorCodes.REFUSED_STREAM

    def _not_taken(self, stream_id: int, why: str = "") -> NotTaken:
        why = why or f"ended its HTTP/2 connection before this request ({self.gone})"
        return NotTaken(stream_id, f"the upstream {why}", ErrorCode.GENERIC_SERVER_ERROR)


def _final(error: NotTaken) -> ResponseProtocolError:
    """The same of a request that is not to be made again, whatever the upstream says.

    What has an answer, or a part of one, was taken.
    """
    return ResponseProtocolError(error.stream_id, error.message, error.code)
