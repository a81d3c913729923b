"""What an error is about: its status and the upstream."""

import re

from mitmproxy.proxy.layers.http._events import ErrorCode, ResponseProtocolError
from mitmproxy.utils import human

from addons.error_answer import NOT_IMPLEMENTED

_UNKNOWN_CODING = re.compile(
    r"(?i)Received unknown transfer-encoding header: "
    r"b?'(?!.*chunked.*chunked)[^']*,[ \\t]*chunked'"
)
"""mitmproxy, of a request whose end is known, but not what its body is packed in."""


def status_of(event: ResponseProtocolError) -> int:
    """The status of the answer that says so, 0 if none can.

    For a coding that we do not know it is 501 (RFC 9112, 6.1), for one that is no coding 400.
    """
    refused = event.code is ErrorCode.REQUEST_VALIDATION_FAILED
    if refused and _UNKNOWN_CODING.match(event.message):
        return NOT_IMPLEMENTED
    return event.code.http_status_code() or 0


def named(upstream: tuple[str, int] | None) -> str:
    """An upstream's name and port, the empty string for none."""
    return human.format_address(upstream) if upstream else ""
