"""Canonical JSON and the digests taken of it.

Two JSON texts that say the same (key order, white space, escapes) have one canonical form. A
digest carries the tag of the algorithm that made it, so that a later change of algorithm shows as
a difference and is never mistaken for different content.
"""

import hashlib
import json
from collections.abc import Iterable

import msgspec

from wire.slices import NOT_JSON

ALGORITHM = b"respool-canonical-1"


def canonical(text: bytes) -> bytes:
    """The canonical form of JSON text; text that is not JSON stands for itself."""
    try:
        value = msgspec.json.decode(text)
    except (*NOT_JSON, msgspec.ValidationError):
        return _exotic(text)
    return msgspec.json.encode(value, order="deterministic")


def _exotic(text: bytes) -> bytes:
    """Canonical form of what msgspec refuses: lone surrogates, numbers beyond a double."""
    try:
        value = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return text


class _Number(str):
    """A number kept as its own text, told apart from a string of the same letters."""

    __slots__ = ()

    def __new__(cls, text: str) -> "_Number":
        return super().__new__(cls, f"\x00number {text}")


def digest(*parts: bytes) -> bytes:
    """A 16-byte digest of `parts`, each told apart from the next by its length."""
    told_apart = [piece for part in parts for piece in (len(part).to_bytes(8), part)]
    return hashlib.sha256(b"".join([ALGORITHM, *told_apart])).digest()[:16]


def chain(digests: Iterable[bytes], start: bytes = bytes(16)) -> list[bytes]:
    """Digests of every prefix of a list: entry `i` stands for its first `i + 1` members."""
    links = []
    for link in digests:
        start = digest(start, link)
        links.append(start)
    return links
