"""What respool mends in mitmproxy's HTTP: the part of `addons.internals` with a file of its own.

HTTP must be passed on whole: mitmproxy takes an answer that only informs (1xx) for the answer, and
crashes on trailers, after both of which the client waits for ever. And where there is no answer the
client must be told in a way that its SDK understands: mitmproxy's own errors are pages of HTML.
"""

import re
from contextlib import suppress

import h11
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as http_layer
from mitmproxy.proxy.layers.http import SendHttp, _http1
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    HttpEvent,
    RequestHeaders,
    RequestTrailers,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http1 import Http1Client, Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Client, Http2Server
from mitmproxy.utils import human

from addons.error_answer import RESET_BY_CLIENT, error_answer
from addons.internals import tell_unread
from cassettes.notes import SWITCHED

CONTINUE = 100
_INFORMS = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d")
"""The beginning of an answer that is not the last one: 1xx, but for 101 (RFC 9110, 15.2)."""


class _Chunks(ChunkedReader):
    """Reads a chunked body as h11 does, and keeps its trailers, of which mitmproxy wants none."""

    trailers: http.Headers | None = None

    def __call__(self, buf: ReceiveBuffer) -> h11.Data | h11.EndOfMessage | None:
        """The next piece, or the end, without its trailers."""
        event: h11.Data | h11.EndOfMessage | None = super().__call__(buf)
        if isinstance(event, h11.EndOfMessage) and event.headers:
            self.trailers = http.Headers(event.headers.raw_items())
            return h11.EndOfMessage()
        return event


class Buffer(ReceiveBuffer):
    """What has come of a message and is not read yet, as h11 has it.

    A piece of a body that comes alone is passed on as it is, where h11 copies each byte four times.
    """

    _alone: bytes = b""
    """All there is, where it came in one piece; the rest of the class sees it in `_data`."""

    def __iadd__(self, piece: bytes | bytearray) -> "Buffer":
        """Add what has come."""
        if self:
            self._join()
            self._data += piece
        else:
            self._alone = bytes(piece)
        return self

    def _join(self) -> None:
        self._data += self._alone
        self._alone = b""

    def __len__(self) -> int:
        """How many bytes wait."""
        return len(self._alone) or len(self._data)

    def __bytes__(self) -> bytes:
        """All of them."""
        return self._alone or bytes(self._data)

    def maybe_extract_at_most(self, count: int) -> bytes | bytearray | None:  # type: ignore[override]  # bytes do
        """Up to `count` bytes, None if there are none."""
        if 0 < len(self._alone) <= count:
            alone, self._alone = self._alone, b""
            return alone
        self._join()
        return self._extract(count) if count and self._data else None

    def _extract(self, count: int) -> bytearray:
        if count < len(self._data):
            return super()._extract(count)
        everything, self._data = self._data, bytearray()
        self._next_line_search = self._multiple_lines_search = 0
        return everything

    def maybe_extract_next_line(self) -> bytearray | None:
        """The next line, None if it is not whole."""
        self._join()
        return super().maybe_extract_next_line()

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines up to the next blank one, None if it has not come."""
        self._join()
        return super().maybe_extract_lines()

    def is_next_line_obviously_invalid_request_line(self) -> bool:
        """Whether what comes is no HTTP."""
        self._join()
        return super().is_next_line_obviously_invalid_request_line()


class FaithfulClient(Http1Client):
    """The side of the upstream: answers that only inform go past, and are not the answer."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.buf = Buffer()

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """Pass 1xx on (RFC 9110, 15.2), but for 100, which the client has had from us."""
        while self.request and self.stream_id and _INFORMS.match(bytes(self.buf)):
            lines = self.buf.maybe_extract_lines()
            if lines is None:
                break  # the rest of it is on its way
            with suppress(ValueError):  # one that cannot be read says nothing to anybody
                response = http1.read_response_head([bytes(line) for line in lines])
                if response.status_code != CONTINUE and self.request.http_version != "HTTP/1.0":
                    informing = ResponseHeaders(self.stream_id, response, end_stream=False)
                    yield SendHttp(informing, self.context.client)
        yield from super().read_headers(event)

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Hand trailers over before the end."""
        for command in super().read_body(event):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, ResponseEndOfMessage):
                trailers = getattr(self.body_reader, "trailers", None)
                if trailers:
                    yield ReceiveHttp(ResponseTrailers(command.event.stream_id, trailers))
            yield command

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's own, which cannot take trailers (a request's are left out).

        Nor does it say where a body ends that came without a length, as it may in HTTP/2.
        """
        if isinstance(event, RequestTrailers):
            return
        if isinstance(event, RequestHeaders) and not event.end_stream:
            headers = event.request.headers
            if "content-length" not in headers and "transfer-encoding" not in headers:
                headers["transfer-encoding"] = "chunked"
        yield from super().send(event)


class FaithfulServer(Http1Server):
    """The side of the client: gets what informs, trailers, and errors in the API's own shape."""

    _trailers: http.Headers | None = None

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.buf = Buffer()

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's own, but for the three."""
        if isinstance(event, ResponseHeaders) and _informs(event.response):
            event.response.http_version = "HTTP/1.1"
            yield commands.SendData(self.conn, http1.assemble_response_head(event.response))
        elif isinstance(event, ResponseTrailers):
            self._trailers = event.trailers
        elif isinstance(event, ResponseEndOfMessage) and self._trailers:
            trailers, self._trailers = self._trailers, None
            if self.response and "chunked" in self.response.headers.get("transfer-encoding", ""):
                yield commands.SendData(self.conn, b"0\r\n" + bytes(trailers) + b"\r\n")
                yield from self.mark_done(response=True)
            else:
                yield from super().send(event)
        elif isinstance(event, ResponseProtocolError) and not self.response and _status(event):
            if self.conn.state & ConnectionState.CAN_WRITE:
                headers, body = error_answer(_status(event), event.message, self._upstream())
                headers.append((b"connection", b"close"))
                answer = http.Response.make(_status(event), body, http.Headers(headers))
                yield commands.SendData(self.conn, http1.assemble_response(answer))
                yield commands.CloseConnection(self.conn)
        else:
            yield from super().send(event)

    def _upstream(self) -> str:
        if self.request and not self.context.server.address:  # each request names its own
            return self.request.host
        return _named(self.context.server.address)


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
            and (status := _status(event))
            and self.is_open_for_us(event.stream_id)
            and not self.h2_conn.streams[event.stream_id].state_machine.headers_sent
        ):
            headers, body = error_answer(status, event.message, _named(self.context.server.address))
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


def _informs(response: http.Response) -> bool:
    return 100 <= response.status_code < 200 and response.status_code != SWITCHED


def _status(event: ResponseProtocolError) -> int:
    return event.code.http_status_code() or 0


def _named(upstream: tuple[str, int] | None) -> str:
    return human.format_address(upstream) if upstream else ""


def keep_http_whole() -> None:
    """Have mitmproxy pass on 1xx and trailers, and explain errors to clients, in this process."""
    vars(_http1).update(ChunkedReader=_Chunks)  # their names are their hooks
    vars(http_layer).update(
        Http1Client=FaithfulClient,
        Http1Server=FaithfulServer,
        Http2Client=FaithfulHttp2Client,
        Http2Server=FaithfulHttp2Server,
    )
