"""Compressing a closed file: it is there whole, compressed or not, whatever the disk does."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard
from test_capture import long
from traffic import load, write

from cassettes import compressor
from cassettes.compressor import compress
from wire.errors import BadCassette


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A closed file that compresses to about half of its 48 KB."""
    return write(tmp_path / "c.0001.jsonl", *(long(x) for x in range(1, 7)))


@contextmanager
def longest(size: int) -> Iterator[None]:
    """No file of this process may grow over that many bytes meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_file_as_it_was(plain: Path) -> None:
    """Wherever in the compressed file the room ends, the plain one stays, and nothing else."""
    kept = plain.read_bytes()
    size = len(zstandard.compress(kept))
    for room in (0, 10, size // 2, size - 100):
        with longest(room), pytest.raises(OSError, match="File too large"):
            compress(plain, 6)
        assert list(plain.parent.iterdir()) == [plain]
        assert plain.read_bytes() == kept
    exchanges = load(plain)
    packed = compress(plain, 6)
    assert list(plain.parent.iterdir()) == [packed]
    assert load(packed) == exchanges


def test_what_is_not_read_back_whole_is_not_kept(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compressed file that a disk has lost a part of does not take the place of the plain one."""
    kept = plain.read_bytes()
    sync = os.fsync

    def losing(fd: int) -> None:
        os.ftruncate(fd, os.fstat(fd).st_size - 5)
        sync(fd)

    monkeypatch.setattr(compressor.os, "fsync", losing)
    with pytest.raises(BadCassette, match="cut short"):
        compress(plain, 6)
    assert list(plain.parent.iterdir()) == [plain]
    assert plain.read_bytes() == kept
