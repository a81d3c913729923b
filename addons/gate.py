"""The gate of a forward proxy: which connections are opened and looked into, and which pass.

Only what goes to one of `Hosts` is decrypted. Every other CONNECT is a tunnel from its first byte
on, and plain HTTP to other hosts streams through. When a client does not take our certificate, the
operator hears of it once for each host.
"""

from collections.abc import Callable

from mitmproxy import http, tls
from mitmproxy.addons import next_layer
from mitmproxy.proxy import layers
from mitmproxy.proxy.layer import NextLayer

from addons.proxies import Proxies
from addons.tunnel import tunnel, wants_tunnel
from wire.hosts import Hosts

_ALERTS = ("unknown ca", "bad certificate", "certificate unknown", "unknown authority")


class Gate(next_layer.NextLayer):
    """In place of mitmproxy's own addon, which decides about all that is not decided here."""

    name = "nextlayer"  # under which mitmproxy looks for it

    def __init__(
        self, hosts: Hosts, proxies: Proxies | None, distrusted: Callable[[str, str], None]
    ) -> None:
        """Other hosts are reached by way of `proxies`; None if they are not reached at all."""
        self._hosts = hosts
        self._proxies = proxies
        self._distrusted = distrusted
        self._told: set[str] = set()

    def next_layer(self, nextlayer: NextLayer) -> None:
        """mitmproxy's hook: what is spoken on a connection, as far as its first bytes tell."""
        context = nextlayer.context
        if len(context.layers) == 1:
            asked = wants_tunnel(nextlayer.data_client())
            if asked is True:
                return  # and is asked again when there is more
            if asked and self._proxies is not None and not self._hosts.include(*asked):
                nextlayer.layer = tunnel(context, *asked, self._proxies.to("https", *asked))
                return
        super().next_layer(nextlayer)
        if isinstance(nextlayer.layer, layers.TCPLayer):  # mitmproxy would keep all of it in memory
            nextlayer.layer.flow = None

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """A CONNECT to another host is refused where it was not let through above."""
        if self._hosts.include(flow.request.host, flow.request.port):
            return
        if self._proxies is None:
            code, why = 403, f"respool: {flow.request.host} is not in the recording\n"
        else:  # it came after other requests on its connection
            code, why = 502, "respool: CONNECT must be the first request on a connection here\n"
        flow.response = http.Response.make(code, why, {"connection": "close"})

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """The client has broken off; where it was for want of trust, say so."""
        error = (data.conn.error or "").lower()
        alert = next((alert for alert in _ALERTS if alert in error), None)
        address = data.context.server.address
        host = data.conn.sni or (address[0] if address else "")
        if alert is not None and host not in self._told:
            self._told.add(host)
            self._distrusted(host, alert)
