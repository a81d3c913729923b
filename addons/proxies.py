"""The proxies that our own connections go through: those that the environment names.

What a client of the same user would do is done here too: the variables are read by the standard
library's rules, and the hosts of NO_PROXY are reached directly, as loopback always is. A user name
and password in a proxy's URL go to that proxy and nowhere else: nothing here prints them.
"""

import base64
import ipaddress
import os
import re
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from wire.errors import BadOption
from wire.hosts import is_loopback

_PORTS = {"http": 80, "https": 443}
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]+):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class OutgoingProxy:
    """A proxy on the way out; `authorization` is the value of its Proxy-Authorization, if any."""

    scheme: str
    host: str
    port: int
    authorization: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{netloc(self.host, self.port)}"


def netloc(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def entries(listed: str) -> list[str]:
    """What a value of NO_PROXY lists, between commas as everybody takes them, or blanks as curl."""
    return [entry for entry in re.split(r"[,\s]+", listed) if entry]


def exempts(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY names a host: `*`, a name, what it ends in, or a network.

    It may end in a port, to which it is limited. Dots at the end of names say nothing.
    """
    if found := _WITH_PORT.fullmatch(entry):
        entry = found[1]
        if int(found[2]) != port:
            return False
    host = host.rstrip(".").lower()
    with suppress(ValueError):  # a name
        if ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False):
            return True
    name = entry.removeprefix("*.").strip(".").lower()
    return name in ("*", host) or (bool(name) and host.endswith(f".{name}"))


class Proxies:
    """The proxy for each destination, by the scheme of its URL; `refused` cannot be gone through.

    Raises BadOption for a variable that names no proxy.
    """

    def __init__(
        self, found: Mapping[str, str], bypass: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._bypass = bypass
        self._exempt = entries(found.get("no", ""))
        self._proxies: dict[str, OutgoingProxy] = {}
        self.refused: list[str] = []
        """The schemes whose proxy speaks SOCKS, which mitmproxy does not: they go directly."""
        for scheme in ("http", "https"):
            name = scheme if found.get(scheme) else "all"
            url = found.get(name, "")
            if url.lower().startswith("socks"):
                self.refused.append(scheme)
            elif url:
                self._proxies[scheme] = _proxy(f"{name.upper()}_PROXY", url)

    @classmethod
    def of_environment(cls) -> Self:
        """What the environment says, or where it says nothing, the settings of macOS."""
        found = urllib.request.getproxies()
        if "no" not in found:
            found = found | {"no": os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")}
        return cls(found, lambda host: bool(urllib.request.proxy_bypass(host)))

    def __bool__(self) -> bool:
        return bool(self._proxies)

    def to(self, scheme: str, host: str, port: int) -> OutgoingProxy | None:
        """The proxy on the way to a server, None where there is none; `scheme` is http or https."""
        proxy = self._proxies.get(scheme)
        if proxy is None or is_loopback(host) or self._bypass(f"{host}:{port}"):
            return None
        return None if any(exempts(entry, host, port) for entry in self._exempt) else proxy

    def authorization_of(self, host: str, port: int) -> str:
        """What to tell the proxy that listens there for a CONNECT, or the empty string.

        Where two URLs name it, with one password or two, that for https counts first.
        """
        there = (self._proxies.get(scheme) for scheme in ("https", "http"))
        words = (p.authorization for p in there if p and (p.host, p.port) == (host, port))
        return next(filter(None, words), "")


NO_PROXIES = Proxies({})


def _proxy(variable: str, url: str) -> OutgoingProxy:
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = None, 0
    else:
        if parts.scheme not in _PORTS:
            raise BadOption(
                f"{variable} is not the URL of a proxy that respool knows: it begins with "
                f"{parts.scheme}://, not http:// or https://; set it like http://host:3128"
            )
    if not host or not port:
        # The value is not repeated: it may hold a password.
        raise BadOption(f"{variable} is not the URL of a proxy; set it like http://host:3128")
    word = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        word = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return OutgoingProxy(parts.scheme, host, port, word)
