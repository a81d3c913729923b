"""Running mitmproxy inside our own process, on one loopback port.

It stands in front of one server, or is a proxy for HTTPS_PROXY that records some of what passes.
Only the addons that this needs are loaded; a `Master` starts listening, says where, and stops
without waiting for clients that hold their connection open.
"""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from mitmproxy import options
from mitmproxy.addons import core, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master as _Mitmproxy

from addons import authority
from addons.connections import TIMEOUT_S, Connections
from addons.exhaustion import Exhaustion
from addons.gate import Gate
from addons.internals.handler import be_brief
from addons.internals.websockets import pass_on_lost_websockets
from addons.internals.whole import keep_http_whole
from addons.proxies import NO_PROXIES, Proxies
from addons.recorder import Recorder
from addons.via import Via
from cassettes.handover import Handover
from wire.errors import CannotListen
from wire.hosts import Hosts

HOST = "127.0.0.1"
GRACE_S = 1.0
"""How long answers that are on their way may take when the proxy is told to stop."""


class Master:
    """A mitmproxy in `mode`, with a `gate` that decides what is spoken, and `others` after it."""

    def __init__(
        self,
        mode: str,
        gate: next_layer.NextLayer,
        others: Sequence[object],
        *,
        port: int,
        confdir: Path,
        report: Callable[[str], None],
    ) -> None:
        self._mode = mode
        self._gate = gate
        self._others = others
        self._port = port
        self._confdir = confdir
        self._report = report
        self._master: _Mitmproxy | None = None
        self._server = proxyserver.Proxyserver()
        self._running: asyncio.Task[None] | None = None

    async def busy(self) -> bool:
        """Whether there is something to wait for when it is told to stop."""
        return False

    async def start(self) -> int:
        """Listen, and answer with the port. Raises CannotListen or NoAuthority."""
        # Recording shares the interpreter with the proxy's loop; shorter turns keep the loop quick.
        sys.setswitchinterval(0.0005)
        logging.getLogger("mitmproxy").addHandler(logging.NullHandler())
        logging.getLogger("mitmproxy").propagate = False
        pass_on_lost_websockets()
        keep_http_whole()
        authority.make(self._confdir)
        master = _Mitmproxy(options.Options(confdir=str(self._confdir)))
        self._master = master
        ready = asyncio.Event()
        master.addons.add(
            core.Core(),
            self._server,
            self._gate,
            tlsconfig.TlsConfig(),
            *self._others,
            Connections(self._server),
            Exhaustion(self._report),
            _Ready(ready),
        )
        master.options.update(
            mode=[f"{self._mode}@{HOST}:{self._port}"],
            connection_strategy="lazy",
            tcp_timeout=TIMEOUT_S,
            ssl_verify_upstream_trusted_ca=str(authority.upstream_roots(self._confdir)),
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
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while await self.busy():
                    await asyncio.sleep(0.01)
        self._master.shutdown()
        with suppress(asyncio.CancelledError):
            await self._running
        for handler in list(self._server.connections.values()):
            for io in list(handler.transports.values()):
                if io.handler is not None:
                    io.handler.cancel()
        self._master = None


class Proxy(Master):
    """A recording proxy: in front of a server where `target` is its base URL, else for `Hosts`.

    In front of `Hosts`, `distrusted` gets the host and the TLS alert when a client does not take
    our certificate, once for each host.
    """

    def __init__(
        self,
        target: str | Hosts,
        journal: Handover | None,
        *,
        port: int,
        confdir: Path,
        report: Callable[[str], None],
        proxies: Proxies = NO_PROXIES,
        record_all: bool = False,
        distrusted: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        gate: next_layer.NextLayer
        elsewhere: Counter[str] = Counter()
        if isinstance(target, Hosts):
            mode, hosts, gate = (
                "regular",
                target,
                Gate(target, proxies, distrusted, report, elsewhere),
            )
        else:
            parts = urlsplit(target)
            mode = f"reverse:{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            hosts, gate = None, next_layer.NextLayer()
        self.recorder = Recorder(
            journal, report, record_all=record_all, hosts=hosts, elsewhere=elsewhere
        )
        on_the_way = (Via(proxies),) if hosts or proxies else ()
        others = (self.recorder, *on_the_way)
        super().__init__(mode, gate, others, port=port, confdir=confdir, report=report)

    async def busy(self) -> bool:
        """Whether an answer is on its way."""
        return await self.recorder.busy()


class _Ready:
    """Sets an event once the proxy runs."""

    def __init__(self, ready: asyncio.Event) -> None:
        self._ready = ready

    def running(self) -> None:
        """mitmproxy's hook: the listeners are up."""
        self._ready.set()
