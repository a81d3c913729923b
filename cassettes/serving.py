"""Running the player on a socket of our own, beside whatever else the event loop has to do."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from cassettes.player import Player
from wire.errors import CannotListen

HOST = "127.0.0.1"
_LARGEST_MESSAGE = 256 << 20
"""Bytes of a client's WebSocket message."""


def listen(port: int) -> socket.socket:
    """A listening loopback socket; port 0 takes any free one. Raises CannotListen."""
    # With its protocol named, asyncio turns off Nagle's algorithm, which holds answers back.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
        sock.listen(2048)
    except (OSError, OverflowError) as error:
        sock.close()
        why = getattr(error, "strerror", None) or error
        raise CannotListen(
            f"cannot listen on {HOST}:{port}: {why}; give another --port, or 0 for any free one"
        ) from error
    return sock


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command's affair."""
        yield


@asynccontextmanager
async def serving(player: Player, sock: socket.socket) -> AsyncIterator[None]:
    """Serve until the block is left; the listening socket is closed then."""
    config = uvicorn.Config(
        player,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_MESSAGE,
        ws_ping_interval=None,  # nothing is sent that was not recorded
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
        sock.close()
