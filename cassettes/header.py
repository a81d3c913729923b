"""The first line of a cassette, and what is said of a file that is none.

`header_of` reads that line and nothing else, so that many or long files can be told apart.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cassettes import format as lines
from cassettes.compressed import blocks, is_compressed
from wire.errors import BadCassette

LONGEST = 1 << 20
"""Bytes of a first line, more than any cassette's has."""
_BEGINNING = b'{"kind":"cassette"'
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BLOCK = 1 << 16


class Foreign(BadCassette):
    """A file of something else, which was never a cassette."""


class _Head(msgspec.Struct):
    kind: str
    version: int = 0


_head = msgspec.json.Decoder(_Head)


def read_header(path: Path, raw: bytes) -> lines.Header:
    """The header that stands in the first line. Raises BadCassette, also for a newer format."""
    try:
        head = _head.decode(raw)
    except _UNREADABLE:
        raise foreign(path) from None
    if head.kind != "cassette":
        raise foreign(path)
    if head.version > lines.VERSION:
        raise BadCassette(
            f"{path} is a cassette of format version {head.version}, and this respool "
            f"reads up to version {lines.VERSION}: install a newer respool"
        )
    try:
        header = lines.decode(raw)
    except _UNREADABLE as error:
        raise damage(path, 1, str(error)) from error
    assert isinstance(header, lines.Header)  # its kind says so
    return header


def header_of(path: Path) -> lines.Header:
    """The header of the cassette at `path`. Raises BadCassette and OSError."""
    start = b""
    if path.exists() and not path.is_file():  # to open a pipe is to wait for somebody
        raise BadCassette(f"cannot read the cassette {path}: it is not a regular file")
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        packed = is_compressed(os.pread(fd, 4, 0))
        for block in blocks(path, fd) if packed else _plain(fd):
            start += block
            if b"\n" in block or len(start) > LONGEST:
                break
    finally:
        os.close(fd)
    if b"\n" not in start:
        raise headless(path, start)
    return read_header(path, start[: start.index(b"\n")])


def _plain(fd: int) -> Iterator[bytes]:
    at = 0
    while block := os.pread(fd, _BLOCK, at):
        at += len(block)
        yield block


def headless(path: Path, start: bytes) -> BadCassette:
    """What is wrong with a file that begins with `start` and has no whole first line."""
    start = start[: len(_BEGINNING)]
    if start and not (start.startswith(_BEGINNING) or _BEGINNING.startswith(start)):
        return foreign(path)
    why = "its first line is cut off, so nothing was recorded" if start else "it is empty"
    return BadCassette(
        f"{path} is not a cassette: {why}; delete it, and record one with "
        f"`respool record --cassette {path}`"
    )


def foreign(path: Path) -> Foreign:
    """What is wrong with a file that is something else."""
    return Foreign(
        f"{path} is not a cassette: its first line is not a cassette header; "
        "give a file written by `respool record`"
    )


def damage(path: Path, line: int, why: str) -> BadCassette:
    """What is wrong with a line of a cassette."""
    return BadCassette(
        f"{path}, line {line} is damaged: {why}; restore the file, or delete that line"
    )
