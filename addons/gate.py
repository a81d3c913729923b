"""The gate of a forward proxy: which connections are opened and looked into, and which pass.

Only what goes to one of `Hosts` is decrypted. Every other CONNECT is a tunnel from its first byte
on, and plain HTTP to other hosts streams through. When a client does not take our certificate, or
speaks what cannot be recorded, the operator hears of it once for each host.
"""

import re
from collections import Counter
from collections.abc import Callable

from mitmproxy import http, tls
from mitmproxy.addons import next_layer
from mitmproxy.connection import Client
from mitmproxy.proxy import layers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import NextLayer

from addons.proxies import Proxies, netloc
from addons.tunnel import tunnel, wants_tunnel
from wire.hosts import Hosts

_ALERTS = (
    "unknown ca",
    "bad certificate",
    "certificate unknown",
    "unknown authority",
    "certificate expired",
)
_SILENTLY = "it hung up without a word, as Node.js does"
_LONGEST_LINE = 64 << 10
_HELLO = b"\x16\x03"
"""What every TLS record of a handshake begins with; mitmproxy wants one byte more."""
_REQUEST_LINE = re.compile(rb"(?!SSH)[A-Za-z]{0,3}|(?!SSH)[A-Za-z]{3}[A-Za-z-]{0,20}(?: [^\n]*)?")
"""The beginning of one, as mitmproxy tells them."""


class Gate(next_layer.NextLayer):
    """In place of mitmproxy's own addon, which decides about all that is not decided here."""

    name = "nextlayer"  # under which mitmproxy looks for it

    def __init__(
        self,
        hosts: Hosts,
        proxies: Proxies | None,
        distrusted: Callable[[str, str], None],
        report: Callable[[str], None],
        elsewhere: Counter[str] | None = None,
    ) -> None:
        """Other hosts are reached by way of `proxies`; None if they are not reached at all.

        Connections to them are counted in `elsewhere`, by `host:port`.
        """
        self._hosts = hosts
        self._proxies = proxies
        self._distrusted = distrusted
        self._report = report
        self._elsewhere = Counter() if elsewhere is None else elsewhere
        self._told: set[str] = set()
        self._unread: set[str] = set()
        """The hosts of which was told that what is spoken there cannot be recorded."""
        self._silent: dict[str, str] = {}
        """The host that a client has TLS for and has said nothing to yet, by its connection."""

    def next_layer(self, nextlayer: NextLayer) -> None:
        """mitmproxy's hook: what is spoken on a connection, as far as its first bytes tell."""
        context = nextlayer.context
        if len(context.layers) == 1:
            asked = wants_tunnel(nextlayer.data_client())
            if asked is True:
                return  # and is asked again when there is more
            if asked and self._proxies is not None and not self._hosts.include(*asked):
                self._elsewhere[netloc(*asked)] += 1
                nextlayer.layer = tunnel(context, *asked, self._proxies.to("https", *asked))
                return
        elif context.client.tls_established:
            self._silent.pop(context.client.id, None)
        inside = len(context.layers) > 1 and not nextlayer.data_server()
        if inside and _is_undecided(nextlayer.data_client()):
            return  # what comes in small pieces would be taken for something else than it is
        super().next_layer(nextlayer)
        if isinstance(nextlayer.layer, layers.TCPLayer):
            nextlayer.layer.flow = None  # mitmproxy would keep all of it in memory
            self._tell_unread(context)

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
        if data.ssl_conn is None:  # what came was no TLS, and it was shown no certificate
            return
        error = (data.conn.error or "").lower()
        if alert := next((alert for alert in _ALERTS if alert in error), None):
            self._tell(_host(data), alert)
        elif "disconnected during the handshake" in error:
            self._tell(_host(data), _SILENTLY)

    def tls_established_client(self, data: tls.TlsData) -> None:
        """The client has TLS; some look at the certificate only now."""
        self._silent[data.conn.id] = _host(data)

    def client_disconnected(self, client: Client) -> None:
        """The client is gone; without a word, it was our certificate that it did not like."""
        if (host := self._silent.pop(client.id, None)) is not None:
            self._tell(host, _SILENTLY)

    def done(self) -> None:
        """The proxy stops, and it is we who hang up."""
        self._silent.clear()

    def _tell_unread(self, context: Context) -> None:
        host = context.client.sni or (context.server.address or ("",))[0]
        if host and host not in self._unread:
            self._unread.add(host)
            what = "cannot be played" if self._proxies is None else "passes unrecorded"
            how = "no HTTP in TLS" if context.client.tls_established else "neither TLS nor HTTP"
            self._report(f"a client speaks {how} to {host}: that {what}")

    def _tell(self, host: str, why: str) -> None:
        if host not in self._told:
            self._told.add(host)
            self._distrusted(host, why)


def _is_undecided(data: bytes) -> bool:
    """Whether what begins with `data` may become TLS or HTTP, or something else."""
    begins = _HELLO.startswith(data) or _REQUEST_LINE.fullmatch(data) is not None
    return begins and len(data) < _LONGEST_LINE


def _host(data: tls.TlsData) -> str:
    address = data.context.server.address
    return data.conn.sni or (address[0] if address else "the proxy itself")
