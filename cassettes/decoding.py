"""Undoing content encodings on a copy of a body, chunk by chunk; the wire keeps its own bytes.

An encoding that is not known is not undone: the body is then recorded as it travelled. So is the
rest of one that would grow beyond all measure (a decompression bomb): neither a chunk nor the whole
becomes more than `FREE` bytes, or `LARGEST_GROWTH` times what travelled.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli
import zstandard

FREE = 64 << 20
"""Bytes to which anything may grow."""
LARGEST_GROWTH = 250
"""How many times what travelled may become of it beyond that; the dullest streams reach 60."""
_STEP = 1 << 20
_SLICE = 256
"""Bytes of zstd that are undone at a time: the smallest block has 4, and may stand for 128 KB."""


class CannotDecode(Exception):
    """The bytes are not what the content-encoding header said, or too much would become of them."""


class _Decoder(Protocol):
    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """The plain bytes that `chunk` yields, a few MB at a time. Raises CannotDecode."""


class _Zlib:
    """gzip and zlib-wrapped deflate; bare deflate, which some servers send, as a second try.

    What follows the last gzip member and is none (padding) counts for nothing, as clients have it.
    """

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(47)
        self._head = b""
        self._decide = True
        self._later_member = False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        if self._decide:  # the first two bytes tell the formats apart
            self._head += chunk
            if len(self._head) < 2:
                return
            chunk, self._decide = self._head, False
            try:
                zlib.decompressobj(47).decompress(chunk, 1)
            except zlib.error:
                self._inflate = zlib.decompressobj(-15)
        try:
            yield from self._members(chunk)
        except zlib.error as error:
            raise CannotDecode(str(error)) from error

    def _members(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            try:
                piece = self._inflate.decompress(chunk, _STEP)
            except zlib.error:
                if not self._later_member:
                    raise
                self._inflate = zlib.decompressobj(47)
                return
            yield piece
            chunk = self._inflate.unconsumed_tail
            while not chunk and len(piece) == _STEP:  # more may be ready without more input
                piece = self._inflate.decompress(b"", _STEP)
                yield piece
            if self._inflate.eof:
                chunk = self._inflate.unused_data
                self._inflate = zlib.decompressobj(47)
                self._later_member = True


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        try:
            while piece := self._decompressor.process(chunk, output_buffer_limit=_STEP):
                yield piece
                chunk = b""
        except brotli.error as error:
            raise CannotDecode(str(error)) from error


class _Zstandard:
    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(chunk), _SLICE):
                yield self._decompressor.decompress(chunk[start : start + _SLICE])
        except zstandard.ZstdError as error:
            raise CannotDecode(str(error)) from error


_DECODERS: dict[str, type[_Zlib] | type[_Brotli] | type[_Zstandard]] = {
    "gzip": _Zlib,
    "x-gzip": _Zlib,
    "deflate": _Zlib,
    "br": _Brotli,
    "zstd": _Zstandard,
}


class Undo:
    """Turns encoded chunks into plain ones: one encoding, or several, the last one first."""

    def __init__(self, decoders: list[_Decoder]) -> None:
        self._decoders = decoders
        self._travelled = 0
        self._plain = [0] * len(decoders)

    def feed(self, chunk: bytes) -> bytes:
        """The plain bytes that `chunk` yields, perhaps none yet. Raises CannotDecode."""
        self._travelled += len(chunk)
        most = max(FREE, len(chunk) * LARGEST_GROWTH)
        most_in_all = max(FREE, self._travelled * LARGEST_GROWTH)
        for stage, decoder in enumerate(self._decoders):
            plain = bytearray()
            for piece in decoder.pieces(chunk):
                plain += piece
                if len(plain) > min(most, most_in_all - self._plain[stage]):
                    raise CannotDecode(
                        f"{self._travelled} bytes of it would become more than "
                        f"{self._plain[stage] + len(plain) - 1}"
                    )
            self._plain[stage] += len(plain)
            chunk = bytes(plain)
        return chunk


def undo(encoding: str) -> Undo | None:
    """A decoder for the value of a content-encoding header; None if there is nothing to undo."""
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names or any(name not in _DECODERS for name in names):
        return None
    return Undo([_DECODERS[name]() for name in reversed(names)])
