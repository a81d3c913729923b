"""Undoing content encodings on a copy of a body, chunk by chunk; the wire keeps its own bytes.

An encoding that is not known is not undone: the body is then recorded as it travelled.
"""

import zlib
from typing import Protocol

import brotli
import zstandard


class Undo(Protocol):
    """Turns encoded chunks into plain ones; raises `CannotDecode` on damaged input."""

    def feed(self, chunk: bytes) -> bytes:
        """The plain bytes that `chunk` yields, perhaps none yet."""


class CannotDecode(Exception):
    """The bytes are not what the content-encoding header said."""


class _Zlib:
    """gzip and zlib-wrapped deflate; bare deflate, which some servers send, as a second try.

    What follows the last gzip member and is none (padding) counts for nothing, as clients have it.
    """

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(47)
        self._head = b""
        self._decide = True
        self._later_member = False

    def feed(self, chunk: bytes) -> bytes:
        if self._decide:  # the first two bytes tell the formats apart
            self._head += chunk
            if len(self._head) < 2:
                return b""
            chunk, self._decide = self._head, False
            try:
                return self._members(chunk)
            except zlib.error:
                self._inflate = zlib.decompressobj(-15)
        try:
            return self._members(chunk)
        except zlib.error as error:
            raise CannotDecode(str(error)) from error

    def _members(self, chunk: bytes) -> bytes:
        plain = b""
        while chunk:
            try:
                plain += self._inflate.decompress(chunk)
            except zlib.error:
                if not self._later_member:
                    raise
                self._inflate = zlib.decompressobj(47)
                return plain
            chunk = self._inflate.unused_data
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(47)
                self._later_member = True
        return plain


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def feed(self, chunk: bytes) -> bytes:
        try:
            plain: bytes = self._decompressor.process(chunk)
        except brotli.error as error:
            raise CannotDecode(str(error)) from error
        return plain


class _Zstandard:
    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)

    def feed(self, chunk: bytes) -> bytes:
        try:
            return self._decompressor.decompress(chunk)
        except zstandard.ZstdError as error:
            raise CannotDecode(str(error)) from error


_DECODERS: dict[str, type[_Zlib] | type[_Brotli] | type[_Zstandard]] = {
    "gzip": _Zlib,
    "x-gzip": _Zlib,
    "deflate": _Zlib,
    "br": _Brotli,
    "zstd": _Zstandard,
}


class _Chain:
    """Several encodings, the last one applied undone first."""

    def __init__(self, decoders: list[Undo]) -> None:
        self._decoders = decoders

    def feed(self, chunk: bytes) -> bytes:
        for decoder in self._decoders:
            chunk = decoder.feed(chunk)
        return chunk


def undo(encoding: str) -> Undo | None:
    """A decoder for the value of a content-encoding header; None if there is nothing to undo."""
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names or any(name not in _DECODERS for name in names):
        return None
    decoders: list[Undo] = [_DECODERS[name]() for name in reversed(names)]
    return decoders[0] if len(decoders) == 1 else _Chain(decoders)
