"""Where the servers of one recording stand in a player's URL space.

A recording of several servers is played on one port, so the path tells which is meant: each
server answers at the base path that it was recorded with, and besides at that path behind its own
host (`/gateway.example:8443/v1`), where two servers have the same. A path that is nobody's means
whoever has an answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Mount:
    """What a path means: the servers that may answer, None for any, and its base path."""

    upstreams: frozenset[str] | None
    base: str


class Mounts:
    """The places of a recording's servers, which are known by their base URLs."""

    def __init__(self, recorded: Iterable[str], header: str, base: str) -> None:
        """`header` is the server that the recording as a whole names, at the base path `base`."""
        self._header, self._base = header, base
        self.upstreams = tuple(dict.fromkeys(recorded))
        """The servers that were recorded, in the order of their first requests."""
        shown = header in self.upstreams or not self.upstreams
        self.main = header if shown else self.upstreams[0]
        """The server that a client is most likely to mean."""
        self._places: dict[str, set[str]] = {}
        for upstream in self.upstreams:
            for place in (self.base_of(upstream), own_place(upstream)):
                self._places.setdefault(place, set()).add(upstream)
        self._longest_first = sorted(self._places, key=len, reverse=True)

    def base_of(self, upstream: str) -> str:
        """The base path that a server was recorded with."""
        return self._base if upstream == self._header else urlsplit(upstream).path.rstrip("/")

    def others(self) -> dict[str, str]:
        """Where the servers stand that do not share the base path of the main one."""
        bases = {upstream: self.base_of(upstream) for upstream in self.upstreams}
        main = self.base_of(self.main)
        found = {upstream: base for upstream, base in bases.items() if base != main}
        shared = list(found.values())
        return {
            upstream: base if shared.count(base) == 1 else own_place(upstream)
            for upstream, base in found.items()
        }

    def of(self, path: str) -> Mount:
        """What the path of a request to the player means."""
        path = path.partition("?")[0]
        for place in self._longest_first:
            if path.startswith(f"{place}/"):
                found = self._places[place]
                whole = len(found) == len(self.upstreams)
                return Mount(None if whole else frozenset(found), place)
        return Mount(None, self.base_of(self.main))


def own_place(upstream: str) -> str:
    """The base path behind a server's own host."""
    parts = urlsplit(upstream)
    return f"/{parts.netloc}{parts.path.rstrip('/')}"
