"""How the recording connects to a name that has several addresses."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from respool.event_loop import EventLoop

TIMEOUT_S = 5.0


@contextmanager
def silent() -> Iterator[int]:
    """A port at ::1 where connections are neither made nor refused, as behind a broken route."""
    with ExitStack() as open_ones:
        server = open_ones.enter_context(socket.socket(socket.AF_INET6))
        server.bind(("::1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        for _ in range(4):  # more than wait to be accepted
            client = open_ones.enter_context(socket.socket(socket.AF_INET6))
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(("::1", port))
        yield port


class Named(EventLoop):
    """A loop for which every name has an IPv6 address, and then an IPv4 one."""

    async def getaddrinfo(self, host: object, port: int, **_: object) -> list:
        """Both."""
        one = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        return [one, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def peer(port: int) -> str:
    """The address that a connection to a name of both is made with."""

    async def connect() -> str:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # as mitmproxy does
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection("two.example", port)
        writer.close()
        return str(writer.get_extra_info("peername")[0])

    with asyncio.Runner(loop_factory=Named) as runner:
        return runner.run(connect())


def test_address_that_is_silent() -> None:
    """It does not hold up one that answers."""
    with silent() as port, socket.create_server(("127.0.0.1", port)):
        began = time.monotonic()
        assert peer(port) == "127.0.0.1"
        assert time.monotonic() - began < TIMEOUT_S / 2


def test_address_that_refuses() -> None:
    """The next one is tried at once; where all refuse, so it is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert peer(port) == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        peer(port)


def test_first_address_is_preferred() -> None:
    """Where both answer, the system's order counts."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        with socket.create_server(("127.0.0.1", port)):
            assert peer(port) == "::1"
