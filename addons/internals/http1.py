"""HTTP/1 passed on whole: answers that only inform, trailers, and errors that an SDK understands.

mitmproxy takes an answer that only informs (1xx) for the answer, and crashes on trailers, after
both of which the client waits for ever; so it does after a blank line in front. Its own errors are
pages of HTML, and what it refuses it says that the client broke off. And it gives an HTTP/2 client
credit for an upload that an HTTP/1 upstream does not take.
"""

from dataclasses import dataclass

from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.net.http import http1
from mitmproxy.net.http.validate import validate_headers
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
    RequestTrailers,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http1 import Http1Client, Http1Server, make_body_reader
from mitmproxy.proxy.tunnel import TunnelLayer

from addons.error_answer import REFUSED, error_answer, plain
from addons.internals.buffer import Buffer
from addons.internals.framing import settle
from addons.internals.handler import unsent
from addons.internals.http2 import BEHIND, Behind
from addons.internals.named import named, status_of
from addons.internals.stream import Unanswered
from cassettes.notes import SWITCHED

CONTINUE = 100
BAD_REQUEST = 400
_SOON_S = 0.005
LARGEST_HEAD = 4 << 20
"""Bytes of a request's head; who sends more is no client, and mitmproxy would keep it all."""


@dataclass
class UnreadableHook(commands.StartHook):
    """What came is no request; `why` says what it is instead."""

    why: str
    blocking = False


class FaithfulClient(Http1Client):
    """The side of the upstream: answers that only inform go past, and are not the answer."""

    buf: Buffer
    _is_proven = False
    """Whether answers have come, and nothing has since the last one."""
    _behind_with = 0
    """The stream of the upload that the upstream is behind with, 0 for none."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.buf = Buffer()

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's own, but for 1xx, blank lines in front and what `settle` settles.

        1xx is passed on (RFC 9110, 15.2), but for 100, which the client has had from us.
        """
        if not isinstance(event, events.DataReceived) or not self.request or not self.stream_id:
            for command in super().read_headers(event):
                told = command.event if isinstance(command, ReceiveHttp) else None
                if self._is_proven and isinstance(told, ResponseProtocolError):
                    command = ReceiveHttp(Unanswered(told.stream_id, told.message, told.code))
                yield command
            return
        self._is_proven = False
        while lines := self.buf.maybe_extract_head():
            try:
                response = http1.read_response_head([bytes(line) for line in lines])
                settle(response)
                if _informs(response):
                    yield from self._inform(self.stream_id, self.request, response)
                    continue
                if response.status_code == SWITCHED and "upgrade" not in self.request.headers:
                    raise ValueError("101 for a request that asks for no other protocol")
                size = http1.expected_http_body_size(self.request, response)
            except ValueError as error:
                why = f"Cannot parse HTTP response: {error}"
                failed = ErrorCode.GENERIC_SERVER_ERROR
                yield commands.CloseConnection(self.conn)
                yield ReceiveHttp(ResponseProtocolError(self.stream_id, why, failed))
                return
            self.response = response
            yield ReceiveHttp(ResponseHeaders(self.stream_id, response, size == 0))
            self.body_reader = make_body_reader(size)
            self.state = self.read_body
            yield from self.state(event)
            return

    def _inform(
        self, stream_id: int, request: http.Request, response: http.Response
    ) -> layer.CommandGenerator[None]:
        try:
            validate_headers(response)
        except ValueError:
            return  # as only a hint it is, the answer may be right
        if response.status_code != CONTINUE and request.http_version != "HTTP/1.0":
            informing = ResponseHeaders(stream_id, response, end_stream=False)
            yield SendHttp(informing, self.context.client)

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Hand trailers over before the end; what comes after it waits for the next request."""
        if self.response_done and isinstance(event, events.DataReceived):
            return
        for command in super().read_body(event):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, ResponseEndOfMessage):
                trailers = getattr(self.body_reader, "trailers", None)
                if trailers:
                    yield ReceiveHttp(ResponseTrailers(command.event.stream_id, trailers))
            yield command

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's own; now and then it looks whether the upstream has caught up."""
        if not isinstance(event, events.Wakeup):
            yield from super()._handle_event(event)
        elif self._unsent() > BEHIND // 2:
            yield commands.RequestWakeup(_SOON_S)
        elif self._behind_with:
            yield SendHttp(Behind(self._behind_with, False), self.context.client)
            self._behind_with = 0

    def _unsent(self) -> int:
        """Bytes that wait for the upstream, or for the proxy that leads there."""
        ways = [way for way in self.context.layers if isinstance(way, TunnelLayer)]
        carriers = [way.tunnel_connection for way in ways if way.conn is self.conn]
        return max(map(unsent, [self.conn, *carriers]))

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's own, and no credit for an upload that the upstream does not take."""
        yield from self._send(event)
        uploads = isinstance(event, RequestData) and self.context.client.alpn == b"h2"
        if uploads and not self._behind_with and self._unsent() > BEHIND:
            self._behind_with = event.stream_id
            yield SendHttp(Behind(event.stream_id, True), self.context.client)
            yield commands.RequestWakeup(_SOON_S)

    def _send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
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

    def mark_done(
        self, *, request: bool = False, response: bool = False
    ) -> layer.CommandGenerator[None]:
        """mitmproxy's own, which hangs up after each request that came in HTTP/2."""
        if self.request and self.request.is_http2:
            self.request = self.request.copy()
            self.request.http_version = "HTTP/1.1"
        yield from super().mark_done(request=request, response=response)
        self._is_proven = self._is_proven or self.stream_id is None


class FaithfulServer(Http1Server):
    """The side of the client: gets what informs, trailers, and errors in the API's own shape."""

    buf: Buffer
    _trailers: http.Headers | None = None

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.buf = Buffer()

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """mitmproxy's own, but for blank lines in front, what `settle` settles, and refusals.

        What is wrong with a head that can be read is found again where the flow begins, which so
        is refused with the client still there.
        """
        if not isinstance(event, events.DataReceived):
            yield from super().read_headers(event)
            return
        if not (lines := self.buf.maybe_extract_head()):
            if len(self.buf) > LARGEST_HEAD:
                self.state = self.done
                why = f"its head is larger than {LARGEST_HEAD >> 20} MB"
                yield UnreadableHook(why)
                yield from self._refuse(BAD_REQUEST, why)
            return
        head = [bytes(line) for line in lines]
        try:
            request = http1.read_request_head(head)
        except ValueError as error:
            yield from self._unreadable(head, plain(str(error)))
            return
        self.request = request
        settle(request)
        try:
            size = http1.expected_http_body_size(request)
        except ValueError as error:
            self.state = self.done
            yield ReceiveHttp(RequestHeaders(self.stream_id, request, end_stream=False))
            failed = ErrorCode.REQUEST_VALIDATION_FAILED
            yield ReceiveHttp(RequestProtocolError(self.stream_id, str(error), failed))
            return
        yield ReceiveHttp(RequestHeaders(self.stream_id, request, size == 0))
        self.body_reader = make_body_reader(size)
        self.state = self.read_body
        yield from self.state(event)

    def _unreadable(self, head: list[bytes], why: str) -> layer.CommandGenerator[None]:
        """Refuse a head with a line that says nothing; where that is the first, nobody asked."""
        self.state = self.done
        headers = [line for line in head[1:] if line[:1] not in b" \t:" and b":" in line]
        try:
            self.request = http1.read_request_head([head[0], *headers])
        except ValueError:
            yield UnreadableHook(why)
        else:
            yield ReceiveHttp(RequestHeaders(self.stream_id, self.request, end_stream=True))
            failed = ErrorCode.REQUEST_VALIDATION_FAILED
            yield ReceiveHttp(RequestProtocolError(self.stream_id, REFUSED + why, failed))
        yield from self._refuse(BAD_REQUEST, why)

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """mitmproxy's own, which says nothing to a client whose body is broken."""
        closing: commands.CloseConnection | None = None
        for command in super().read_body(event):
            if isinstance(command, commands.CloseConnection):
                closing = command  # mitmproxy does so before it says why
                continue
            broken = command.event if isinstance(command, ReceiveHttp) else None
            if isinstance(broken, RequestProtocolError) and isinstance(event, events.DataReceived):
                self.state = self.done
                why, broken.message = broken.message, REFUSED + broken.message
                yield command
                if not self.response:
                    yield from self._refuse(BAD_REQUEST, why)
            else:
                yield command
        if closing and self.conn.state is not ConnectionState.CLOSED:
            yield closing

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
        elif isinstance(event, ResponseProtocolError) and not self.response and status_of(event):
            yield from self._refuse(status_of(event), event.message)
        else:
            yield from super().send(event)

    def _refuse(self, status: int, why: str) -> layer.CommandGenerator[None]:
        """Tell the client, and hang up."""
        if self.conn.state & ConnectionState.CAN_WRITE:
            headers, body = error_answer(status, why, self._upstream())
            headers.append((b"connection", b"close"))
            answer = http.Response.make(status, body, http.Headers(headers))
            yield commands.SendData(self.conn, http1.assemble_response(answer))
            yield commands.CloseConnection(self.conn)

    def _upstream(self) -> str:
        if self.request and not self.context.server.address:  # each request names its own
            return self.request.host
        return named(self.context.server.address)


def _informs(response: http.Response) -> bool:
    return 100 <= response.status_code < 200 and response.status_code != SWITCHED
