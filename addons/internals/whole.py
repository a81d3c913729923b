"""Where mitmproxy finds what respool has in place of its own HTTP."""

from mitmproxy.net.http import http1
from mitmproxy.proxy import layers
from mitmproxy.proxy.layers import http as http_layer
from mitmproxy.proxy.layers.http import _http1, _http2

from addons.internals.buffer import Chunks
from addons.internals.connecting import FaithfulHttpLayer
from addons.internals.framing import connection_close
from addons.internals.http1 import FaithfulClient, FaithfulServer
from addons.internals.http2 import FaithfulH2Connection, FaithfulHttp2Client, FaithfulHttp2Server
from addons.internals.stream import FaithfulStream


def keep_http_whole() -> None:
    """Have mitmproxy pass on 1xx and trailers, and explain errors to clients, in this process."""
    from mitmproxy.addons import next_layer  # here, as it takes all other addons along

    vars(http1).update(connection_close=connection_close)
    vars(_http1).update(ChunkedReader=Chunks)  # their names are their hooks
    vars(_http2).update(BufferedH2Connection=FaithfulH2Connection)
    vars(layers).update(HttpLayer=FaithfulHttpLayer)
    vars(next_layer).update(HttpLayer=FaithfulHttpLayer)
    vars(http_layer).update(
        Http1Client=FaithfulClient,
        Http1Server=FaithfulServer,
        Http2Client=FaithfulHttp2Client,
        Http2Server=FaithfulHttp2Server,
        HttpStream=FaithfulStream,
    )
