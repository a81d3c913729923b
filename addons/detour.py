"""A forward proxy in front of a player: what was recorded is played, and nothing else is reached.

Requests to the recording's servers go to the player's port, each behind the host that it was for
(see `cassettes/mounts.py`); every other is refused, of which the operator hears once for each host.
Whatever is spoken, no connection is made but to the player.
"""

from collections.abc import Callable, Set
from pathlib import Path
from urllib.parse import urlsplit

from mitmproxy import http
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.gate import Gate
from addons.master import HOST, Master
from cassettes.miss import Miss, miss_body
from wire.hosts import Hosts


class Detour(Master):
    """Stands in front of the player at `player_port`; `hosts` are the recording's."""

    def __init__(
        self,
        hosts: Hosts,
        player_port: int,
        *,
        port: int,
        confdir: Path,
        report: Callable[[str], None],
        distrusted: Callable[[str, str], None],
    ) -> None:
        route = _Route(hosts, player_port, report)
        self.refused: Set[str] = route.told
        """The hosts that a client asked for in vain."""
        gate = Gate(hosts, None, distrusted, report)
        super().__init__("regular", gate, (route,), port=port, confdir=confdir, report=report)


class _Route:
    def __init__(self, hosts: Hosts, player_port: int, report: Callable[[str], None]) -> None:
        self._hosts = hosts
        self._player_port = player_port
        self._report = report
        self.told: set[str] = set()

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """A connection is asked for, which the gate has refused if it is to another host."""
        if flow.response is not None:
            self._tell(flow.request.host)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Send a request to the player, or answer it with a refusal."""
        request = flow.request
        to = request.scheme, request.host, request.port
        url = self._hosts.base_url(*to, request.method, request.path)
        if url is None:
            self._tell(request.host)
            body = miss_body(Miss(f"{request.host} is not in the recording"))
            headers = {"content-type": "application/json", "x-should-retry": "false"}
            flow.response = http.Response.make(403, body, headers)
            return
        request.headers.pop("proxy-connection", None)
        request.path = f"/{urlsplit(url).netloc}{request.path}"
        request.scheme, request.host, request.port = "http", HOST, self._player_port
        request.stream = True

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Only the player is reached: mitmproxy would take what it cannot read to its server."""
        if data.server.address != (HOST, self._player_port):
            data.server.error = "it is not in the recording"

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Pass the answer on as it comes."""
        if flow.response is not None and flow.response.status_code != 101:
            flow.response.stream = True

    def _tell(self, host: str) -> None:
        if host not in self.told:
            self.told.add(host)
            self._report(f"refused {host}, which is not in the recording")
