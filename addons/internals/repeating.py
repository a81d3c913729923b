"""A request that is made again, as its connection ended while it was on its way.

An upstream closes a connection that was idle for some time, and cannot know that a request has just
been sent on it. Such a request is made once more, on a new connection, if that does no harm.
"""

from dataclasses import dataclass

from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import (
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseProtocolError,
)

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that a proxy may repeat (RFC 9110, 9.2.2); it must not repeat any other."""


@dataclass
class Unanswered(ResponseProtocolError):
    """A connection that had carried answers ended before the first byte of the next."""


class FaithfulStream(HttpStream):
    """One request and its answer."""

    repeated = False
    """Whether the request is made for the second time, which no connection in use is good for."""

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> CommandGenerator[None]:
        """mitmproxy's own, but for a request that may be made again."""
        if isinstance(event, Unanswered) and self._may_be_repeated():
            self.repeated = True
            if (yield from self.make_server_connection()):
                yield from self._send()
        else:
            yield from super().handle_protocol_error(event)

    def _may_be_repeated(self) -> bool:
        """Whether it is idempotent and all of it is still there."""
        whole = self.client_state == self.state_done and self.flow.request.raw_content is not None
        return whole and not self.repeated and self.flow.request.method in IDEMPOTENT

    def _send(self) -> CommandGenerator[None]:
        """Send the request as mitmproxy did the first time; trailers have no place in HTTP/1."""
        request, content = self.flow.request, self.flow.request.raw_content
        head = RequestHeaders(self.stream_id, request, end_stream=not content)
        yield SendHttp(head, self.context.server)
        if content:
            yield SendHttp(RequestData(self.stream_id, content), self.context.server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), self.context.server)
