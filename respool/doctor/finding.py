"""What a check answers, and what it was asked about.

`found` and `advice` are one line each, and hold no secret nor a part of one: a user pastes them
into an issue.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

type State = Literal["ok", "warning", "problem"]
"""A problem keeps recordings from being made; a warning may, or hurts otherwise."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the page: what it is about, how it is, what was found, what to do about it."""

    name: str
    state: State
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user means to do, as far as the command line says; each part may be missing."""

    upstreams: tuple[str, ...] = ()
    port: int = 0
    cassette: Path | None = None
    db: Path | None = None
    proxy: bool = False
    """Whether clients are meant to come by HTTPS_PROXY."""
    offline: bool = False
    command: tuple[str, ...] = ()
    rotate: int = 0
    """Bytes after which a new file is begun; 0 for never."""


type Check = Callable[[Asked], Iterable[Finding]]


def ok(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", found)


def warning(name: str, found: str, advice: str) -> Finding:
    """Something that may be in the way."""
    return Finding(name, "warning", found, advice)


def problem(name: str, found: str, advice: str) -> Finding:
    """Something that is in the way."""
    return Finding(name, "problem", found, advice)
