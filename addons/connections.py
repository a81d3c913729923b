"""What every connection needs to carry answers that take long, and as many as a client asks for.

mitmproxy opens five connections to an upstream for one client connection and lets further requests
wait, which over HTTP/2 means that they wait for other answers. And a connection on which nothing is
said for minutes is forgotten by routers on the way, unless TCP itself is seen to be alive; the SDKs
ask for that on a direct connection.

Some servers cannot be connected to: one without a possible name, which mitmproxy would look for
without an end, and we ourselves, by whatever name.
"""

import asyncio
import ipaddress
import socket
from collections import defaultdict
from typing import TYPE_CHECKING

from mitmproxy.connection import Client, Connection
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

if TYPE_CHECKING:  # it takes all other addons along
    from mitmproxy.addons.proxyserver import Proxyserver

TIMEOUT_S = 24 * 3600
"""How long a connection may be silent: longer than any answer takes."""
MOST = 1000
"""Connections to an upstream that one client connection may have open at once."""
KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 60, "TCP_KEEPCNT": 5}
"""Seconds of silence before TCP looks, then between looks, and how many go unanswered."""


class Connections:
    """An addon that looks after the connections of `server`."""

    def __init__(self, server: "Proxyserver") -> None:
        self._server = server

    def client_connected(self, client: Client) -> None:
        """A client is there; nothing has been read from it yet."""
        handler = self._server.connections[client.id]
        handler.max_conns = defaultdict(lambda: asyncio.Semaphore(MOST))
        _keep_alive(handler, client)

    async def server_connect(self, data: ServerConnectionHookData) -> None:
        """A connection is wanted, which is not made where `error` is set."""
        address = data.server.address
        if address is None:
            return
        if why := impossible(address[0], address[1]):
            data.server.error = data.server.error or why
        elif await self._is_ours(address[0], address[1]):
            data.server.error = "it is respool itself"  # of which mitmproxy says less, if anything

    async def _is_ours(self, host: str, port: int) -> bool:
        listening = [each for server in self._server.servers for each in server.listen_addrs]
        own = {address[0] for address in listening if address[1] == port}
        if not own:
            return False
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:  # which is told when it is connected to
            return False
        return any(_is_one_of(str(address[0]), own) for *_, address in found)

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """A connection to an upstream is there."""
        _keep_alive(self._server.connections[data.client.id], data.server)


def impossible(host: str, port: int) -> str:
    """Why nothing can be at `host` and `port`, or the empty string."""
    try:
        host.encode("idna")  # as the standard library does, which fails in other ways than OSError
    except UnicodeError:
        return "that is no host name"
    if not host or "\0" in host:
        return "that is no host name"
    return "" if 0 < port < 1 << 16 else "there is no such port"


def _is_one_of(address: str, own: set[str]) -> bool:
    """Whether an address that was looked up is one of our own, in another form of it too."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    return ip.is_unspecified or str(ip) in own  # the unspecified one is connected to as loopback


def _keep_alive(handler: ConnectionHandler, connection: Connection) -> None:
    writer = handler.transports[connection].writer
    if not isinstance(writer, asyncio.StreamWriter):  # it is gone, or is no TCP
        return
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):  # each system has some of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
