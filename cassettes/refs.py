"""The names of items in a cassette: digests of their exact text.

An agent sends its instructions, its tools and all that it has read again at every turn. `Refs`
keeps the latest of what is large, as comparing a text with another is many times quicker than its
digest is.
"""

import hashlib

MOST_KEPT = 32 << 20
"""Bytes of text that are kept."""
_LARGE = 8 << 10
_END = 64


def ref_of(text: bytes) -> str:
    """The name of an item in a cassette: 80 bits of the digest of its exact text."""
    return hashlib.sha256(text).hexdigest()[:20]


class Refs:
    """`ref_of`, quick for what was asked before."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[tuple[int, bytes, bytes], tuple[bytes, str]] = {}
        """Texts and their names, by length and both ends; what was asked last is at the end."""
        self.size = 0
        """Bytes of the texts."""

    def of(self, text: bytes) -> str:
        """The name of an item."""
        if not _LARGE <= len(text) <= self._most:
            return ref_of(text)
        key = len(text), text[:_END], text[-_END:]
        kept, ref = self._kept.pop(key, (b"", ""))
        self.size += len(text) - len(kept)
        if kept != text:
            kept, ref = text, ref_of(text)
        self._kept[key] = kept, ref
        while self.size > self._most:
            self.size -= len(self._kept.pop(next(iter(self._kept)))[0])
        return ref
