"""The event loop of a recording: connects to the first address of a name that answers.

A name may have an IPv6 address that cannot be reached from here; to wait for that one first costs
a time-out for each connection (RFC 8305, Happy Eyeballs). asyncio has this as an option that
mitmproxy does not use, and that fails with eager tasks, which mitmproxy has, before Python 3.13.1.
"""

import asyncio
import ipaddress
import itertools
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

HEAD_START_S = 0.25
"""How long an address has before the next one is tried as well (RFC 8305, 5)."""

type _Address = tuple[Any, ...]  # as the socket module has them: of one shape for each family
type _Found = tuple[int, _Address]


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
        sock = await self._first_of(_alternating((family, at) for family, *_, at in found))
        return await super().create_connection(protocol_factory, sock=sock)

    async def _first_of(self, addresses: list[_Found]) -> socket.socket:
        """A connection to the address that answers first. Raises the OSError of the last one."""
        waiting = iter(addresses)
        trying: set[asyncio.Task[socket.socket]] = set()
        failed = OSError("it has no address")
        more = True
        try:
            while True:
                if more and (address := next(waiting, None)) is not None:
                    trying.add(asyncio.Task(self._connected(*address), loop=self))
                else:
                    more = False
                if not trying:
                    raise failed
                head_start = HEAD_START_S if more else None
                done, trying = await asyncio.wait(
                    trying, timeout=head_start, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    try:
                        return task.result()
                    except OSError as error:
                        failed = error
        finally:
            for task in trying:
                task.cancel()
                task.add_done_callback(_close)

    async def _connected(self, family: int, address: _Address) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            sock.setblocking(False)
            await self.sock_connect(sock, address)
        except BaseException:  # it is cancelled where another one was faster
            sock.close()
            raise
        return sock


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _alternating(found: Iterable[_Found]) -> list[_Found]:
    """Addresses in their order, but one of each family in turn."""
    families: dict[int, list[_Found]] = {}
    for each in found:
        families.setdefault(each[0], []).append(each)
    turns = itertools.zip_longest(*families.values())
    return [each for turn in turns for each in turn if each is not None]


def _close(task: asyncio.Task[socket.socket]) -> None:
    """One that was connected all the same, when another was taken."""
    with suppress(asyncio.CancelledError, OSError):
        task.result().close()
