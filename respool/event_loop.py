"""The event loop of a recording: connects to the first address of a name that answers.

A name may have an IPv6 address that cannot be reached from here; to wait for that one first costs
a time-out for each connection (RFC 8305, Happy Eyeballs). asyncio has this as an option that
mitmproxy does not use, and that fails with eager tasks, which mitmproxy has, before Python 3.13.1.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from aiohappyeyeballs import start_connection

HEAD_START_S = 0.25
"""How long an address has before the next one is tried as well (RFC 8305, 5)."""


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's own, but for names that have several addresses."""

    async def create_connection(  # type: ignore[override]  # asyncio's own has an overload for each use
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **options: Any,  # asyncio's, whatever they are
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        """asyncio's own, on a socket that is connected by then. Raises OSError."""
        if not host or not port or any(options.values()) or _is_numeric(host):
            return await super().create_connection(protocol_factory, host, port, **options)  # type: ignore[arg-type]  # as it was called
        found = await self.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        sock = await start_connection(found, happy_eyeballs_delay=HEAD_START_S, interleave=1)
        return await super().create_connection(protocol_factory, sock=sock)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
