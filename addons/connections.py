"""What every connection needs to carry answers that take long, and as many as a client asks for.

mitmproxy opens five connections to an upstream for one client connection and lets further requests
wait, which over HTTP/2 means that they wait for other answers. And a connection on which nothing is
said for minutes is forgotten by routers on the way, unless TCP itself is seen to be alive; the SDKs
ask for that on a direct connection.
"""

import asyncio
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

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """A connection to an upstream is there."""
        _keep_alive(self._server.connections[data.client.id], data.server)


def _keep_alive(handler: ConnectionHandler, connection: Connection) -> None:
    writer = handler.transports[connection].writer
    if not isinstance(writer, asyncio.StreamWriter):  # it is gone, or is no TCP
        return
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):  # each system has some of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
