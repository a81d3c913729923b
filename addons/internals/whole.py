"""Where mitmproxy finds what respool has in place of its own HTTP."""

from mitmproxy.proxy.layers import http as http_layer
from mitmproxy.proxy.layers.http import _http1

from addons.internals.buffer import Chunks
from addons.internals.http1 import FaithfulClient, FaithfulServer
from addons.internals.http2 import FaithfulHttp2Client, FaithfulHttp2Server


def keep_http_whole() -> None:
    """Have mitmproxy pass on 1xx and trailers, and explain errors to clients, in this process."""
    vars(_http1).update(ChunkedReader=Chunks)  # their names are their hooks
    vars(http_layer).update(
        Http1Client=FaithfulClient,
        Http1Server=FaithfulServer,
        Http2Client=FaithfulHttp2Client,
        Http2Server=FaithfulHttp2Server,
    )
