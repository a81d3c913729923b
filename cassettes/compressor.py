"""Compressing the closed files of a capture, in a thread beside the one that writes.

The compressed file gets its name when it is on the disk and was read back whole, and only then the
plain one is removed: whatever happens at whatever moment, one whole copy is there. What the thread
takes of the processor it takes when nobody else wants it.
"""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

import msgspec
import zstandard

from cassettes import format as lines
from cassettes.calm import Redact, calm_down
from cassettes.compressed import SUFFIX, blocks
from cassettes.header import header_of
from cassettes.journal_file import is_at
from cassettes.payload import Payload, unpack
from wire.errors import BadCassette

LEVEL = 3
NEW = ".new"
"""What the hidden name of a compressed file ends in until it is whole."""
_BLOCK = 1 << 20
_PATIENCE_S = 0.5


def compress(path: Path, last: int) -> Path:
    """Put a compressed file in the place of a closed one, whose highest number is `last`.

    Its header says that number; all other bytes are the same. Raises BadCassette and OSError, of
    these BlockingIOError for a file that somebody records into; the closed one stays then.
    """
    whole = path.with_name(path.name + SUFFIX)
    new = path.with_name(f".{whole.name}{NEW}")
    header = lines.encode(msgspec.structs.replace(header_of(path), last=last))
    try:
        with _locked(path) as plain:
            was = os.fstat(plain.fileno())
            skipped = len(plain.readline())
            size = len(header) + was.st_size - skipped
            fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            # Buffered, for it is the buffer that sees to it that all is written: a full disk takes
            # a part of it without an error, and the compressor does not look.
            with os.fdopen(fd, "wb") as packed:
                os.fchmod(fd, was.st_mode & 0o777)
                pack = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
                with pack.stream_writer(packed, size=size, closefd=False) as writer:
                    writer.write(header)
                    while block := plain.read(_BLOCK):
                        writer.write(block)
                packed.flush()
                os.utime(
                    fd, ns=(was.st_atime_ns, was.st_mtime_ns)
                )  # its age is that of its traffic
                os.fsync(fd)
                _check(new, fd, size)
            new.replace(whole)
            _sync(path.parent)
            path.unlink(missing_ok=True)
    finally:
        new.unlink(missing_ok=True)
    return whole


def redact_late(path: Path, redact: Redact, held: BinaryIO | None = None) -> None:
    """Bring a closed file into its calm form if a credential in it became known after it came.

    `held` is the file where the caller has locked it. Raises BadCassette, also where it cannot be
    brought into that form; and OSError, of these BlockingIOError for a file that somebody records
    into.
    """
    with _locked(path) if held is None else nullcontext(held) as file:
        if held is not None:
            _lock(held, time.monotonic() + _PATIENCE_S)  # from here on it may not be deleted
            if not is_at(path, held.fileno()):
                return  # it was
        if not any(_is_changed(raw, redact) for raw in file):
            return
        was = os.fstat(file.fileno())
        if not calm_down(path, redact, any_size=True):
            raise BadCassette(
                "a credential that became known late is still in it, as it has lines of a newer "
                "respool, which this one does not rewrite; replace it by hand, or delete the file"
            )
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))  # its age is that of its traffic


def _is_changed(raw: bytes, redact: Redact) -> bool:
    if redact(raw) != raw:
        return True
    if b'"base64":"' not in raw:
        return False
    try:
        line = lines.decode(raw)
        data = unpack(line) if isinstance(line, Payload) else b""
    except ValueError:  # what a crash has cut off, or damage
        return False
    return redact(data) != data


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file, which nobody can record into or delete with `respool prune` meanwhile.

    Raises BlockingIOError if somebody has it for longer than those do who only look at it.
    """
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        with path.open("rb") as file:
            _lock(file, give_up)
            if is_at(path, file.fileno()):  # who had it locked may have put another there
                yield file
                return


def _lock(file: BinaryIO, give_up: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise
        time.sleep(0.02)


def _check(path: Path, fd: int, size: int) -> None:
    """Read a compressed file back, whose checksum tells of its content. Raises BadCassette."""
    if (found := sum(map(len, blocks(path, fd)))) != size:
        raise BadCassette(f"{path} unpacks to {found} bytes, and not to {size}; is the disk full?")


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Compressor:
    """Does one thing after the other; what fails is said and left as it was."""

    def __init__(self, on_failure: Callable[[str], None]) -> None:
        self._on_failure = on_failure
        self._work: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, path: Path, work: Callable[[], object]) -> None:
        """Do this when what was asked for before is done; it is about the file at `path`."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:  # the file stays as it is, and readers take it all the same
                self._on_failure(f"{path} is complete but could not be compressed: {error}")

        self._work.put(guarded)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="respool-compressor", daemon=True
            )
            self._thread.start()

    def finish(self) -> None:
        """Wait until all is done."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        if sys.platform == "linux":  # elsewhere this would be about the whole process
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        while (work := self._work.get()) is not None:
            work()
