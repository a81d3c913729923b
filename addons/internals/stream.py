"""One request and its answer: asked again where that does no harm, and answered at once.

An upstream closes a connection that was idle for some time, and cannot know that a request has just
been sent on it; or it says which requests it did not take. Such a request is made once more, on
another connection, if that does no harm.

And an upstream may answer before it has the whole request. mitmproxy tells the client that the
answer is over when the request is, and takes it back if the upstream then hangs up.
"""

from dataclasses import dataclass

from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import DropStream, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import (
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseEndOfMessage,
    ResponseProtocolError,
)

from cassettes.notes import SWITCHED

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that a proxy may repeat (RFC 9110, 9.2.2); it must not repeat any other."""


@dataclass
class Unanswered(ResponseProtocolError):
    """A connection that had carried answers ended before the first byte of the next."""


@dataclass
class NotTaken(Unanswered):
    """The upstream has said that it does nothing with a request, or has not seen it.

    Such a request may be made again whatever its method (RFC 9113, 8.7).
    """


class FaithfulStream(HttpStream):
    """One request and its answer."""

    wants_new = False
    """Whether no connection in use is good for the request."""
    _is_repeated = False
    _is_early = False
    """Whether the answer is over, and the client still sends."""

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> CommandGenerator[None]:
        """mitmproxy's own, but for a request that may be made again, or has its answer."""
        if self._is_early:
            if isinstance(event, RequestProtocolError):  # the upstream shall not wait for the rest
                yield SendHttp(event, self.context.server)
                yield from self.flow_done()
            return  # an upstream that has gone takes the rest as well as any
        if isinstance(event, Unanswered) and self._may_be_repeated(event):
            self._is_repeated = True
            self.wants_new = not isinstance(event, NotTaken)
            if (yield from self.make_server_connection()):
                yield from self._send()
        else:
            yield from super().handle_protocol_error(event)

    def make_server_connection(self) -> CommandGenerator[bool]:
        """mitmproxy's own; what was cancelled until then is not sent, as it may cost something."""
        made = yield from super().make_server_connection()
        waiting = self._paused_event_queue
        return made and not any(isinstance(each, RequestProtocolError) for each in waiting)

    def send_response(self, already_streamed: bool = False) -> CommandGenerator[None]:
        """mitmproxy's own, and the end of the answer also where the request has none yet."""
        yield from super().send_response(already_streamed)
        sending = self.client_state == self.state_stream_request_body
        is_over = self.server_state == self.state_done and not self._is_switched
        if sending and is_over:
            self._is_early = True
            yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    @property
    def _is_switched(self) -> bool:
        """Whether the answer is no answer, but the begin of another protocol."""
        return self.flow.response is not None and self.flow.response.status_code == SWITCHED

    def flow_done(self) -> CommandGenerator[None]:
        """mitmproxy's own, which ends the answer."""
        if self._is_early:
            self.flow.live = False
            yield DropStream(self.stream_id)
        else:
            yield from super().flow_done()

    def _may_be_repeated(self, event: Unanswered) -> bool:
        """Whether to do it twice is to do it once, and all of it is still there."""
        if self._is_repeated or self.client_state != self.state_done:
            return False
        harmless = isinstance(event, NotTaken) or self.flow.request.method in IDEMPOTENT
        return harmless and self.flow.request.raw_content is not None

    def _send(self) -> CommandGenerator[None]:
        """Send the request as mitmproxy did the first time."""
        request, content = self.flow.request, self.flow.request.raw_content
        end_stream = not (content or request.trailers)
        head = RequestHeaders(self.stream_id, request, end_stream)
        yield SendHttp(head, self.context.server)
        if content:
            yield SendHttp(RequestData(self.stream_id, content), self.context.server)
        if request.trailers:
            yield SendHttp(RequestTrailers(self.stream_id, request.trailers), self.context.server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), self.context.server)
