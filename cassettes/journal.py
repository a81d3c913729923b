"""Writing a cassette while traffic passes: a bounded queue, one thread, an append-only file.

`put` is all that the proxy's event loop ever calls; it never waits and never touches the disk.
Lines are handed to the operating system as soon as they are made, so that a killed process loses
at most what was in the queue. What cannot be written is reported at once and never stops traffic.
"""

import fcntl
import os
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from cassettes import format as lines
from cassettes.calm import calm_down
from cassettes.encoder import Encoder
from cassettes.items import Shelf
from cassettes.notes import Got, Heard, Note, Sent
from cassettes.reader import Cassette
from cassettes.redaction import Redactor
from wire.errors import BadCassette, RespoolError

GENERATOR = "respool 0.1.0"
LARGEST_QUEUE = 256 << 20
"""Bytes of bodies that may wait for the disk before an exchange is given up as overrun."""
FLUSH_NS = 80_000_000
"""How long a part of a body may wait for the rest before it is written on its own."""


_Bulky = Got | Sent | Heard


class Journal:
    """An open recording. Only `put` may be called from an event loop."""

    def __init__(
        self,
        path: Path,
        *,
        base: str,
        upstream: str,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = path
        self.failure: str | None = None
        self._on_failure = on_failure
        self._queue: SimpleQueue[Note | None] = SimpleQueue()
        self._bytes_in = self._bytes_out = 0  # each has one writing thread, so no lock
        self._fd, cassette = _open_or_create(path, base, upstream)
        try:
            shelf = Shelf()
            shelf.known.update(cassette.refs)
            for x, entry in cassette.exchanges.items():
                shelf.remember(x, entry.parts)
            self.next_number = max(cassette.exchanges, default=0) + 1
            self._redactor = Redactor(cassette.header.salt)
            other = upstream if upstream != cassette.header.upstream else ""
            self._encoder = Encoder(self._redactor, shelf, other)
        finally:
            cassette.close()
        self._thread = threading.Thread(target=self._run, name="respool-journal", daemon=True)
        self._thread.start()

    def put(self, note: Note) -> bool:
        """Hand a note to the writer; False if there is no room for more bytes of this body."""
        if isinstance(note, _Bulky):
            if not self.has_room:
                return False
            self._bytes_in += len(note.data)
        self._queue.put(note)
        return True

    @property
    def has_room(self) -> bool:
        """Whether more bytes are taken."""
        return self._bytes_in - self._bytes_out <= LARGEST_QUEUE

    @property
    def answering(self) -> bool:
        """Whether an exchange other than an idle WebSocket waits for more."""
        return self._encoder.answering

    def close(self, *, calm: bool = True) -> None:
        """Write what waits and give the file back, in its calm form or as the journal it is."""
        if self._fd < 0:
            return
        self._queue.put(None)
        self._thread.join()
        if not _is_at(self.path, self._fd):
            self._fail(
                f"{self.path} was moved or replaced while it was recorded; what was recorded since "
                "is not in the file that is there now"
            )
        if calm and self.failure is None:
            try:
                calm_down(self.path, self._redactor.text)
            except (OSError, RespoolError) as error:
                self._fail(f"{self.path} is complete but could not be tidied: {error}")
        os.close(self._fd)
        self._fd = -1

    def _run(self) -> None:
        while True:
            batch, more = self._batch()
            try:
                self._write(self._lines_of(batch))
            except Exception as error:  # nothing may stop the thread: the queue would fill
                self._fail(f"cannot write {self.path}: {error}; traffic goes on unrecorded")
            if not more:
                return

    def _batch(self) -> tuple[list[Note], bool]:
        """All notes that wait, and whether more may come."""
        batch: list[Note] = []
        try:
            note = self._queue.get(timeout=FLUSH_NS / 1e9 if self._encoder.waiting else None)
            while note is not None:
                batch.append(note)
                note = self._queue.get_nowait()
        except Empty:
            return batch, True
        return batch, False

    def _lines_of(self, batch: list[Note]) -> bytes:
        made: list[bytes] = []
        for note in batch:
            made += map(lines.encode, self._encoder.take(note))
            if isinstance(note, _Bulky):
                self._bytes_out += len(note.data)
        made += map(lines.encode, self._encoder.flush(time.monotonic_ns(), FLUSH_NS))
        return b"".join(made)

    def _write(self, data: bytes) -> None:
        if self.failure is None:
            _write_all(self._fd, data)

    def _fail(self, message: str) -> None:
        if self.failure is None:
            self.failure = message
            self._on_failure(message)


def _open_or_create(path: Path, base: str, upstream: str) -> tuple[int, Cassette]:
    """A descriptor at the end of the cassette, locked against other recorders, and its index."""
    fd = _open_locked(path)
    try:
        if os.fstat(fd).st_size == 0:
            _write_all(fd, lines.encode(_header(base, upstream)))
            return fd, Cassette.open(path)
        cassette = Cassette.open(path)
        try:
            _close_torn_line(fd, cassette.size)
            _write_all(fd, lines.encode(lines.Session(generator=GENERATOR, at=_now())))
            cassette.poll()
        except BaseException:
            cassette.close()
            raise
    except OSError as error:
        os.close(fd)
        raise BadCassette(f"cannot write the cassette {path}: {error.strerror}") from error
    except BaseException:
        os.close(fd)
        raise
    return fd, cassette


def _open_locked(path: Path) -> int:
    while True:
        if path.exists() and not path.is_file():
            raise BadCassette(f"cannot write the cassette {path}: it is not a regular file")
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise BadCassette(f"cannot write the cassette {path}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, fd):
                return fd
        except OSError as error:
            os.close(fd)
            raise BadCassette(
                f"{path} is being recorded by another process; "
                "stop that one, or give another file with --cassette"
            ) from error
        os.close(fd)  # another recorder has just put the calm form in its place


def _is_at(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _header(base: str, upstream: str) -> lines.Header:
    return lines.Header(
        version=lines.VERSION,
        id=str(uuid.uuid4()),
        salt=secrets.token_hex(16),
        base=base,
        upstream=upstream,
        generator=GENERATOR,
        created=_now(),
    )


def _close_torn_line(fd: int, whole: int) -> None:
    """End a last line that a crash cut off, and say so; one that lacks only its newline counts."""
    fragment = os.pread(fd, os.fstat(fd).st_size - whole, whole)
    if not fragment:
        return
    try:
        lines.decode(fragment)
        _write_all(fd, b"\n")
    except ValueError:
        _write_all(fd, b"\n" + lines.encode(lines.Torn()))


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
