"""A file of lines that others append to: read on from where it was, and any line again.

A line counts once its newline is there. The file is never written to from here.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from wire.errors import BadCassette

_BLOCK = 1 << 20


class LineFile:
    """An open file; `size` and `count` are the bytes and the number of the lines read so far."""

    def __init__(self, path: Path) -> None:
        """Raises BadCassette for what cannot be read."""
        self.path = path
        self.size = self.count = 0
        if path.exists() and not path.is_file():
            raise BadCassette(f"cannot read the cassette {path}: it is not a regular file")
        try:
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> BadCassette:
        return BadCassette(f"cannot read the cassette {self.path}: {error.strerror}")

    def close(self) -> None:
        """Give the file back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def replaced(self) -> bool:
        """Whether the path now leads to another file than the one that is open, or a cut one."""
        try:
            there, here = self.path.stat(), os.fstat(self._fd)
        except OSError:
            return True
        return not os.path.samestat(there, here) or here.st_size < self.size

    def new_lines(self, longest_first: int) -> Iterator[tuple[int, bytes]]:
        """The whole lines that were added since: where each begins, and its bytes.

        Ends early where the first line of the file is longer than `longest_first` bytes, as no
        cassette's is. Raises BadCassette.
        """
        start = at = self.size
        begun: list[bytes] = []  # of a line whose end is not read yet
        while block := self._read(_BLOCK, at):
            at += len(block)
            first, *whole = block.split(b"\n")
            begun.append(first)
            if not whole:
                if not self.count and at > longest_first:
                    return
                continue
            whole.insert(0, b"".join(begun))
            begun = [whole.pop()]
            for raw in whole:
                self.count += 1
                yield start, raw
                start += len(raw) + 1
                self.size = start

    def line(self, offset: int) -> bytes:
        """The line that begins at `offset`. Raises BadCassette."""
        size, raw = 1 << 14, b""
        while b"\n" not in raw:
            more = self._read(size, offset + len(raw))
            if not more:
                raise BadCassette(f"{self.path} was cut short while it was read; open it again")
            raw, size = raw + more, size * 4
        return raw[: raw.index(b"\n")]

    def start(self, size: int) -> bytes:
        """The first bytes of the file."""
        return self._read(size, 0)

    def number(self, offset: int) -> int:
        """The number of the line that begins at `offset`, from 1."""
        with self.path.open("rb") as file:
            return file.read(offset).count(b"\n") + 1

    def _read(self, size: int, at: int) -> bytes:
        try:
            return os.pread(self._fd, size, at)
        except OSError as error:
            raise self._unreadable(error) from error
