"""Which servers speak the Responses API, as far as their names tell, and what their base URL is.

In front of other hosts a proxy is but a tunnel, so the registry is short, each entry with its
reason; a user adds servers of their own. Loopback names of one port are one server.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from wire.endpoints import recognise
from wire.errors import BadOption

DEFAULT_BASE_URL = "https://api.openai.com/v1"

WELL_KNOWN: dict[str, str] = {
    "api.openai.com": "the vendor's API",
    "*.api.openai.com": "the vendor's API in a region (data residency)",
    "chatgpt.com": "Codex with a ChatGPT login, at /backend-api/codex",
    "*.openai.azure.com": "Azure OpenAI, at /openai/v1",
    "*.services.ai.azure.com": "Azure AI Foundry, at /openai/v1",
    "*.cognitiveservices.azure.com": "the older name of the same resources of Azure",
}
"""Host names whose TLS is opened without being asked; `*.` stands for one or more labels."""

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Server:
    """One that a user named: by base URL, or by host alone, which has neither `scheme` nor `base`.

    `port` is None where a host was named without: both usual ones are meant.
    """

    host: str
    port: int | None
    scheme: str = ""
    base: str = ""

    @property
    def base_url(self) -> str:
        """The base URL; where only a host was named, the one that is most likely."""
        if not self.scheme:
            return f"https://{_netloc(self.host, self.port, 'https')}/v1"
        return f"{self.scheme}://{_netloc(self.host, self.port, self.scheme)}{self.base}"

    @property
    def origin(self) -> str:
        """How it was named, without the path."""
        return _netloc(self.host, self.port, self.scheme)

    @property
    def named(self) -> str:
        """How it was named."""
        return self.base_url if self.scheme else self.origin

    def is_at(self, host: str, port: int) -> bool:
        """Whether it is what listens there."""
        ports = (self.port,) if self.port is not None else tuple(_PORTS.values())
        return port in ports and _plain(host) == _plain(self.host)


def parse_server(text: str, *, host_alone: bool = True) -> Server:
    """A base URL or, with `host_alone`, `host[:port]`; raises BadOption for anything else."""
    bare = "://" not in text and host_alone
    try:
        parts = urlsplit(f"//{text}" if bare else text)
        host, port = parts.hostname or "", parts.port
        usable = bool(host) and text.isascii() and not any(c in text for c in " \t?#")
        usable = usable and (not parts.path if bare else parts.scheme in _PORTS) and port != 0
    except ValueError:
        usable = False
    if not usable:
        what = "neither a base URL nor a host" if host_alone else "not a base URL"
        like = f"{DEFAULT_BASE_URL} or gateway.example:8443" if host_alone else DEFAULT_BASE_URL
        raise BadOption(f"the upstream {text!r} is {what}; give one like {like}")
    if "@" in parts.netloc:
        raise BadOption(
            "the upstream names a user or password, which would be written down; "
            "let the client send it in a header"
        )
    if bare:
        return Server(host, port)
    return Server(host, port or _PORTS[parts.scheme], parts.scheme, parts.path.rstrip("/"))


class Hosts:
    """The servers that count: the `named` ones and, unless told otherwise, the well-known ones."""

    def __init__(self, named: Sequence[Server] = (), *, well_known: bool = True) -> None:
        self.named = tuple(named)
        self._well_known = WELL_KNOWN if well_known else {}

    @property
    def main(self) -> str:
        """The base URL of the server that most of a recording is likely to be about."""
        return self.named[0].base_url if self.named else DEFAULT_BASE_URL

    def __str__(self) -> str:
        return ", ".join(
            [*dict.fromkeys(server.origin for server in self.named), *self._well_known]
        )

    def include(self, host: str, port: int) -> bool:
        """Whether what listens at `host` and `port` is one of them."""
        if any(server.is_at(host, port) for server in self.named):
            return True
        return port in _PORTS.values() and any(
            _fits(name, _plain(host)) for name in self._well_known
        )

    def addresses(self, loopback: Sequence[str]) -> list[tuple[str, int]]:
        """Hosts and ports of all of them, one for each pattern; `loopback` has a local's names."""
        found = [(name.replace("*", "any"), _PORTS["https"]) for name in self._well_known]
        for server in self.named:
            ports = _PORTS.values() if server.port is None else (server.port,)
            names = loopback if is_loopback(server.host) else (server.host,)
            found += [(name, port) for name in names for port in ports]
        return found

    def base_url(self, scheme: str, host: str, port: int, method: str, path: str) -> str | None:
        """The base URL of the server that a request is for; None if it is none of them.

        The base path is what stands before the endpoint's; for other requests it is one that was
        named, else empty.
        """
        if not self.include(host, port):
            return None
        there = [server for server in self.named if server.is_at(host, port)]
        route = recognise(method, path)
        if route is not None:
            base = route.base
        else:
            fitting = (server.base for server in there if f"{path}/".startswith(f"{server.base}/"))
            base = max(fitting, key=len, default="")
        name = there[0].host if there else _plain(host)
        return f"{scheme}://{_netloc(name, port, scheme)}{base}"


def _fits(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by name (RFC 6761, 6.3) or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _plain(host: str) -> str:
    """One spelling for all names of a host."""
    host = host.lower().rstrip(".").strip("[]")
    return "localhost" if is_loopback(host) else host


def _netloc(host: str, port: int | None, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None or port == _PORTS.get(scheme) else f"{name}:{port}"
