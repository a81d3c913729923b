"""A CONNECT that is none of our business: two connections, and the bytes between them.

Whatever is spoken inside stays as it is, TLS or not, whoever speaks first; nothing is parsed and
nothing kept. The client is told that the connection stands when it does, and else why not.
"""

import re
from collections.abc import Iterator

from mitmproxy.proxy import commands, events, layers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import CommandGenerator, Layer

from addons.error_answer import plain
from addons.proxies import OutgoingProxy, netloc

_LARGEST_HEAD = 64 << 10
"""Bytes of a CONNECT request; who sends more is no client."""
_LINE = re.compile(
    rb"CONNECT (?:\[([0-9a-fA-F:.]+)(?:%(?:25)?([\w.~-]+))?\]|([^\s:\[\]]+)):(\d{1,5})"
    rb" HTTP/1\.\d\r?\n"
)
"""With an address the zone that it is in, written as in a URL (RFC 6874) or as people do."""
_END = re.compile(rb"\r?\n\r?\n")


def wants_tunnel(data: bytes) -> tuple[str, int] | bool:
    """Where the client that began with `data` wants to be connected to.

    False where it asks for something else, True where more of it must come for telling.
    """
    data = data.lstrip(b"\r\n")  # blank lines before a request say nothing (RFC 9112, 2.2)
    line, newline, _ = data.partition(b"\n")
    if not newline and len(data) < _LARGEST_HEAD:
        return data.startswith(b"CONNECT ") or b"CONNECT ".startswith(data)
    found = _LINE.match(line + newline)
    if found is None:
        return False
    address, zone, name, port = found.groups()
    host = address + b"%" + zone if zone else address or name
    return host.decode("ascii", "replace"), int(port)


def tunnel(context: Context, host: str, port: int, proxy: OutgoingProxy | None) -> Layer:
    """The layer for a client connection that begins with a CONNECT to `host`, by way of `proxy`."""
    if proxy is None or proxy.scheme == "http":
        return _Tunnel(context, host, port, proxy)
    context.server.sni = proxy.host
    tls = layers.ServerTLSLayer(context)
    tls.child_layer = _Tunnel(context, host, port, proxy)
    return tls


class _Tunnel(Layer):
    def __init__(self, context: Context, host: str, port: int, proxy: OutgoingProxy | None) -> None:
        super().__init__(context)
        self._target = host, port
        self._proxy = proxy
        self._received = b""
        context.server.address = (proxy.host, proxy.port) if proxy else self._target

    def _handle_event(self, event: events.Event) -> CommandGenerator[None]:
        if isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)
        elif isinstance(event, events.DataReceived):
            self._received = (self._received + event.data).lstrip(b"\r\n")
            end = _END.search(self._received)
            if end is not None:
                yield from self._connect(self._received[: end.end()], self._received[end.end() :])
            elif len(self._received) > _LARGEST_HEAD:
                yield from self._refuse(b"431 Request Header Fields Too Large", "")

    def _connect(self, head: bytes, rest: bytes) -> CommandGenerator[None]:
        error = yield commands.OpenConnection(self.context.server)
        if error:
            where = f"the proxy {self._proxy}" if self._proxy else netloc(*self._target)
            why = f"respool: cannot reach {where}: {plain(error)}\n"
            yield from self._refuse(b"502 Bad Gateway", why)
            return
        if self._proxy is None:
            established = b"HTTP/1.1 200 Connection established\r\n\r\n"
            yield commands.SendData(self.context.client, established)
        else:  # which answers the client itself
            rest = b"\r\n".join(_for_proxy(head, self._proxy)) + b"\r\n\r\n" + rest
        relay = layers.TCPLayer(self.context, ignore=True)
        self._handle_event = relay.handle_event  # type: ignore[method-assign]  # mitmproxy's way
        yield from relay.handle_event(events.Start())
        if rest:
            yield commands.SendData(self.context.server, rest)

    def _refuse(self, status: bytes, why: str) -> CommandGenerator[None]:
        body = why.encode()
        head = b"HTTP/1.1 %s\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n"
        yield commands.SendData(self.context.client, head % (status, len(body)) + body)
        yield commands.CloseConnection(self.context.client)


def _for_proxy(head: bytes, proxy: OutgoingProxy) -> Iterator[bytes]:
    """The lines of the client's request, with what the proxy wants to know of us."""
    for line in head.rstrip().splitlines():
        if not line.lower().startswith(b"proxy-authorization:"):
            yield line
    if proxy.authorization:
        yield b"Proxy-Authorization: " + proxy.authorization.encode()
