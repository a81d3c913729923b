"""Running mitmproxy inside our own process, in reverse mode on one loopback port.

Only the addons that a reverse proxy needs are loaded; `Proxy` starts listening, says where, and
stops without waiting for clients that hold their connection open.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from mitmproxy import options
from mitmproxy.addons import core, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master

from addons.internals import be_brief, pass_on_lost_websockets
from addons.recorder import Recorder
from cassettes.handover import Handover
from wire.errors import CannotListen

HOST = "127.0.0.1"
GRACE_S = 1.0
"""How long answers that are on their way may take when the proxy is told to stop."""


class Proxy:
    """A recording reverse proxy in front of `upstream`, a base URL such as `https://host/v1`."""

    def __init__(
        self,
        upstream: str,
        journal: Handover | None,
        *,
        port: int,
        confdir: Path,
        report: Callable[[str], None],
        record_all: bool = False,
    ) -> None:
        self.recorder = Recorder(journal, report, record_all=record_all)
        self._upstream = urlsplit(upstream)
        self._port = port
        self._confdir = confdir
        self._master: Master | None = None
        self._server = proxyserver.Proxyserver()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen, and answer with the port. Raises CannotListen."""
        # Recording shares the interpreter with the proxy's loop; shorter turns keep the loop quick.
        sys.setswitchinterval(0.0005)
        logging.getLogger("mitmproxy").addHandler(logging.NullHandler())
        logging.getLogger("mitmproxy").propagate = False
        pass_on_lost_websockets()
        target = f"{self._upstream.scheme}://{self._upstream.netloc.rpartition('@')[2]}"
        master = Master(options.Options(confdir=str(self._confdir)))
        self._master = master
        ready = asyncio.Event()
        master.addons.add(
            core.Core(),
            self._server,
            next_layer.NextLayer(),
            tlsconfig.TlsConfig(),
            self.recorder,
            _Ready(ready),
        )
        master.options.update(
            mode=[f"reverse:{target}@{HOST}:{self._port}"],
            connection_strategy="lazy",
            tcp_timeout=24 * 3600,
            # What Python's own TLS clients take as their trust store in place of the usual roots.
            ssl_verify_upstream_trusted_ca=os.environ.get("SSL_CERT_FILE") or None,
        )
        be_brief(master)
        self._running = asyncio.create_task(master.run())
        await asyncio.wait(
            [self._running, asyncio.ensure_future(ready.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        instance = next(iter(self._server.servers), None)
        if instance is None or not instance.is_running:
            failed = instance.last_exception if instance else None
            await self.stop()
            raise CannotListen(
                f"cannot listen on {HOST}:{self._port}: {failed or 'the proxy did not start'}; "
                "give another --port, or 0 for any free one"
            )
        port: int = instance.listen_addrs[0][1]
        return port

    async def stop(self) -> None:
        """Stop listening, give answers a moment, cut what is left, and close the cassette."""
        if self._master is None or self._running is None:
            return
        await self._server.servers.update([])
        deadline = asyncio.get_running_loop().time() + GRACE_S
        while asyncio.get_running_loop().time() < deadline and await self.recorder.busy():
            await asyncio.sleep(0.01)
        self._master.shutdown()
        with suppress(asyncio.CancelledError):
            await self._running
        for handler in list(self._server.connections.values()):
            for io in list(handler.transports.values()):
                if io.handler is not None:
                    io.handler.cancel()
        self._master = None


class _Ready:
    """Sets an event once the proxy runs."""

    def __init__(self, ready: asyncio.Event) -> None:
        self._ready = ready

    def running(self) -> None:
        """mitmproxy's hook: the listeners are up."""
        self._ready.set()
