"""The scripted Responses server, in a thread of this process or as a process of its own.

The socket listens before anyone is told its address, so a client never has to wait or retry; and
closing ends at once, whatever answers are still under way.
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from respool.demo.app import ScriptedApp
from respool.demo.asgi import TRANSPORT
from respool.demo.canned import (
    BREAK,
    Canned,
    CannedSocket,
    Cannery,
    Close,
    Fragments,
    Gate,
    Ping,
    SocketStep,
    Step,
)
from respool.demo.duplex import SocketProtocol
from respool.demo.received import Received

__all__ = [
    "BREAK",
    "Canned",
    "CannedSocket",
    "Cannery",
    "Close",
    "Fragments",
    "Gate",
    "Ping",
    "Received",
    "RunningServer",
    "SocketStep",
    "Step",
    "running_server",
]

_DELAY_MS = 2.0
_LARGEST = 128 * 1024 * 1024  # bytes in a WebSocket message
_START_S = 10.0  # until a server that has not started never will
_GRACE_S = 0.2  # for answers under way, when the server closes


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server at `base_url`, like `http://127.0.0.1:50123/v1`; `requests` is what came so far."""

    base_url: str
    requests: list[Received]

    @property
    def websocket_url(self) -> str:
        """Where responses are created over WebSocket, like `ws://127.0.0.1:50123/v1/responses`."""
        return f"ws{self.base_url.removeprefix('http')}/responses"


@contextlib.contextmanager
def running_server(
    *, seed: str | None = None, delay_ms: float = 0.0, canned: Cannery | None = None
) -> Iterator[RunningServer]:
    """The server in a thread, on a free port of loopback, until the block ends.

    With `seed`, the same requests get the same bytes from every server with that seed. `delay_ms`
    is the pause between events; with 0 a stream comes in one piece. `canned` answers go before the
    script's, see `respool.demo.canned`.
    """
    app = ScriptedApp(seed=seed, delay_ms=delay_ms, canned=canned or {})
    server = _Server(app)
    listening = _listen(0)
    base_url = _base_url(listening)
    thread = threading.Thread(target=server.run, args=([listening],), name="scripted server")
    thread.start()
    try:
        yield RunningServer(base_url, app.requests)
    finally:
        server.stop()
        thread.join()


def main() -> None:
    """Serve until SIGTERM or SIGINT. The first line on stdout is the base URL."""
    parser = argparse.ArgumentParser(
        prog="python -m respool.demo.server", description="A scripted Responses API on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--seed", help="answer the same requests with the same bytes every time")
    parser.add_argument(
        "--delay-ms", type=float, default=_DELAY_MS, help="pause between events (default: 2)"
    )
    options = parser.parse_args()
    # uvicorn passes the signal on to these handlers after it has closed.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    server = _Server(ScriptedApp(seed=options.seed, delay_ms=options.delay_ms, canned={}))
    listening = _listen(options.port)
    sys.stdout.write(_base_url(listening) + "\n")
    sys.stdout.flush()
    server.run([listening])


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 (signal's own shape)
    sys.exit(0)


def _listen(port: int) -> socket.socket:
    listening = socket.create_server(("127.0.0.1", port))
    listening.setblocking(False)
    return listening


def _base_url(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, letting the application see its connection so that it can break it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


class _Server(uvicorn.Server):
    """uvicorn's server, but it leaves when it is told, where the original sleeps and looks."""

    def __init__(self, app: ScriptedApp) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws=SocketProtocol,
            ws_max_size=_LARGEST,
            ws_ping_interval=None,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
        )
        super().__init__(config)
        self._app = app
        self._told = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = threading.Event()

    def stop(self) -> None:
        """Close, from another thread."""
        if not self._running.wait(_START_S):
            raise RuntimeError("the scripted server did not start")
        self._tell()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._tell()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running.set()
        if not self.should_exit:
            await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.closing.set()
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_GRACE_S)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for server in self.servers:
            await server.wait_closed()

    def _tell(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)


if __name__ == "__main__":
    main()
