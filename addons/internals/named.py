"""What an error is about: its status and the upstream."""

from mitmproxy.proxy.layers.http._events import ResponseProtocolError
from mitmproxy.utils import human


def status_of(event: ResponseProtocolError) -> int:
    """The status of the answer that says so, 0 if none can."""
    return event.code.http_status_code() or 0


def named(upstream: tuple[str, int] | None) -> str:
    """An upstream's name and port, the empty string for none."""
    return human.format_address(upstream) if upstream else ""
