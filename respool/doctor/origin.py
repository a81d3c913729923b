"""Where a URL leads, without what is secret in it, and whether something answers on this machine.

Only scheme, host and port of a URL are ever shown: the rest may hold passwords and tokens.
"""

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from respool.doctor import proc
from wire.hosts import is_loopback

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "socks5": 1080, "socks5h": 1080}
_LOCAL_S = 0.5


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port; `path` is for comparing, and not for showing."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Self | None:
        """None for what is no URL with a host."""
        with suppress(ValueError):
            parts = urlsplit(url)
            if parts.scheme and parts.hostname:
                port = parts.port or port_of(parts.scheme)
                return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))
        return None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if _PORTS.get(self.scheme) == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.host)

    @property
    def answers(self) -> bool:
        """Whether something listens there. To be asked of loopback only.

        Where the system tells, nobody gets a connection that says nothing; elsewhere it is
        connected to, with `--offline` as well, which is about other machines.
        """
        ports = proc.listening_sockets().values()
        return self.port in ports if ports else answers(self.host, self.port)


def port_of(scheme: str) -> int:
    """Where a server of that scheme listens by default."""
    return _PORTS.get(scheme, 80)


def answers(host: str, port: int) -> bool:
    """Whether something listens on a port of this machine."""
    try:
        with socket.create_connection((host, port), timeout=_LOCAL_S):
            return True
    except OSError:
        return False
