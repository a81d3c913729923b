"""HTTP/1 passed on whole: answers that only inform, trailers, and errors that an SDK understands.

mitmproxy takes an answer that only informs (1xx) for the answer, and crashes on trailers, after
both of which the client waits for ever; its own errors are pages of HTML.
"""

import re
from contextlib import suppress

from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import SendHttp
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

from addons.error_answer import error_answer
from addons.internals.buffer import Buffer
from addons.internals.named import named, status_of
from cassettes.notes import SWITCHED

CONTINUE = 100
_INFORMS = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d")
"""The beginning of an answer that is not the last one: 1xx, but for 101 (RFC 9110, 15.2)."""


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

    def mark_done(
        self, *, request: bool = False, response: bool = False
    ) -> layer.CommandGenerator[None]:
        """mitmproxy's own, which hangs up after each request that came in HTTP/2."""
        if self.request and self.request.is_http2:
            self.request = self.request.copy()
            self.request.http_version = "HTTP/1.1"
        yield from super().mark_done(request=request, response=response)


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
        elif isinstance(event, ResponseProtocolError) and not self.response and status_of(event):
            if self.conn.state & ConnectionState.CAN_WRITE:
                headers, body = error_answer(status_of(event), event.message, self._upstream())
                headers.append((b"connection", b"close"))
                answer = http.Response.make(status_of(event), body, http.Headers(headers))
                yield commands.SendData(self.conn, http1.assemble_response(answer))
                yield commands.CloseConnection(self.conn)
        else:
            yield from super().send(event)

    def _upstream(self) -> str:
        if self.request and not self.context.server.address:  # each request names its own
            return self.request.host
        return named(self.context.server.address)


def _informs(response: http.Response) -> bool:
    return 100 <= response.status_code < 200 and response.status_code != SWITCHED
