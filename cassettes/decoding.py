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
    """gzip and zlib-wrapped deflate; bare deflate, which some servers send, as a second try."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(47)
        self._first = True

    def feed(self, chunk: bytes) -> bytes:
        try:
            plain = self._members(chunk)
        except zlib.error as error:
            if not self._first:
                raise CannotDecode(str(error)) from error
            self._inflate = zlib.decompressobj(-15)
            try:
                plain = self._inflate.decompress(chunk)
            except zlib.error:
                raise CannotDecode(str(error)) from error
        self._first = self._first and not chunk
        return plain

    def _members(self, chunk: bytes) -> bytes:
        plain = self._inflate.decompress(chunk)
        while self._inflate.eof and self._inflate.unused_data:
            rest = self._inflate.unused_data
            self._inflate = zlib.decompressobj(47)
            plain += self._inflate.decompress(rest)
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


def undo(encoding: str) -> Undo | None:
    """A decoder for the value of a content-encoding header; None if there is nothing to undo."""
    decoder = _DECODERS.get(encoding.strip().lower())
    return decoder() if decoder else None
