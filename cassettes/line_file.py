"""A file of lines that others append to: read on from where it was, and any line again.

A line counts once its newline is there. A compressed file is one that nobody appends to; what it
holds is read from where it was unpacked to. The file is never written to from here.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from cassettes.compressed import is_compressed, unpacked
from wire.errors import BadCassette

_BLOCK = 1 << 20


class LineFile:
    """An open file; `size` and `count` are the bytes and the number of the lines read so far."""

    def __init__(self, path: Path, longest_first: int) -> None:
        """`longest_first` is how many bytes the first line may have. Raises BadCassette."""
        self.path = path
        self.size = self.count = 0
        self._longest_first = longest_first
        if path.exists() and not path.is_file():
            what = "a folder; give a cassette in it" if path.is_dir() else "not a regular file"
            raise BadCassette(f"cannot read the cassette {path}: it is {what}")
        try:
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self._there = os.fstat(self._fd)
            self.compressed = is_compressed(self._read(4, 0))
            if self.compressed:
                plain = unpacked(path, self._fd, longest_first)
                os.close(self._fd)
                self._fd = plain
        except OSError as error:
            self.close()
            raise self._unreadable(error) from error
        except BadCassette:
            self.close()
            raise

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
            there = self.path.stat()
        except OSError:
            return True
        shortest = self._there.st_size if self.compressed else self.size
        return not os.path.samestat(there, self._there) or there.st_size < shortest

    def new_lines(self) -> Iterator[tuple[int, bytes]]:
        """The whole lines that were added since: where each begins, and its bytes.

        Ends early where the first line of the file is longer than a first line may be. Raises
        BadCassette.
        """
        start = at = self.size
        begun: list[bytes] = []  # of a line whose end is not read yet
        while block := self._read(_BLOCK, at):
            at += len(block)
            first, *whole = block.split(b"\n")
            begun.append(first)
            if not whole:
                if not self.count and at > self._longest_first:
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
        blocks = (self._read(min(_BLOCK, offset - at), at) for at in range(0, offset, _BLOCK))
        return sum(block.count(b"\n") for block in blocks) + 1

    def _read(self, size: int, at: int) -> bytes:
        try:
            return os.pread(self._fd, size, at)
        except OSError as error:
            raise self._unreadable(error) from error
