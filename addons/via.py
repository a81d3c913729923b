"""The way of a request to its server: through the proxies that the environment names.

An addon that comes after the recorder, which sees every request as its client sent it; what is
added for a proxy on the way goes to that proxy alone.
"""

from typing import Literal

from mitmproxy import http
from mitmproxy.proxy.mode_specs import RegularMode

from addons.proxies import OutgoingProxy, Proxies, netloc


class Via:
    """Sends requests through proxies: by CONNECT, or in plain HTTP as plain HTTP is sent to one."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """A request that streams is sent on after this."""
        if isinstance(flow.client_conn.proxy_mode, RegularMode):
            for name in ("proxy-connection", "proxy-authorization"):  # which were for us
                flow.request.headers.pop(name, None)
        if flow.request.stream:
            self._route(flow)

    def request(self, flow: http.HTTPFlow) -> None:
        """Any other is sent on after this."""
        if not flow.request.stream:
            self._route(flow)

    def _route(self, flow: http.HTTPFlow) -> None:
        request = flow.request
        proxy = self._proxies.to(request.scheme, request.host, request.port)
        if proxy is not None and request.scheme == proxy.scheme == "http" and _is_plain(request):
            # Many proxies refuse to CONNECT to ports that are not for TLS.
            flow.server_conn.via = None
            _address_to(request, proxy)
        elif proxy is not None:
            flow.server_conn.via = (_scheme(proxy), (proxy.host, proxy.port))
        else:
            flow.server_conn.via = None

    def http_connect_upstream(self, flow: http.HTTPFlow) -> None:
        """mitmproxy is about to ask a proxy for a connection."""
        if (address := flow.server_conn.address) is not None:
            word = self._proxies.authorization_of(address[0], address[1])
            if word:
                flow.request.headers["Proxy-Authorization"] = word


def _scheme(proxy: OutgoingProxy) -> Literal["http", "https"]:
    return "https" if proxy.scheme == "https" else "http"


def _is_plain(request: http.Request) -> bool:
    return request.http_version.startswith("HTTP/1") and "upgrade" not in request.headers


def _address_to(request: http.Request, proxy: OutgoingProxy) -> None:
    """Make a request one that `proxy` forwards (RFC 9112, 3.2.2): its target is the whole URL."""
    target = request.host if request.port == 80 else netloc(request.host, request.port)
    named = request.headers.get("host")
    request.host, request.port = (
        proxy.host,
        proxy.port,
    )  # also sets the header, which is the server's
    if named is not None:
        request.headers["host"] = named
    request.authority = target
    if proxy.authorization:
        request.headers["proxy-authorization"] = proxy.authorization
