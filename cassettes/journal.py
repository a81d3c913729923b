"""Writing a cassette as it is recorded: an append-only file that belongs to one process.

Notes become lines, and lines are handed to the operating system, before `put` returns. What cannot
be written is reported once and at once, and never stops who puts.
"""

import fcntl
import os
import secrets
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from cassettes import format as lines
from cassettes.calm import calm_down
from cassettes.encoder import Encoder
from cassettes.items import Shelf
from cassettes.notes import Note
from cassettes.reader import Cassette
from cassettes.redaction import Redactor
from wire.errors import BadCassette, RespoolError

GENERATOR = "respool 0.1.0"
FLUSH_NS = 80_000_000
"""How long a part of a body may wait for the rest before it is written on its own."""
_PATIENCE_S = 2.0
"""How long another recorder, which may be about to close the file, is waited for."""


class Journal:
    """An open recording; it waits for the disk, so that no event loop may use it."""

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

    def put(self, *notes: Note) -> None:
        """Write what the notes say, and what of bodies has waited long enough for the rest."""
        self._append(line for note in notes for line in self._encoder.take(note))
        self._append(self._encoder.flush(time.monotonic_ns(), FLUSH_NS))

    def abandon(self, at_ns: int) -> None:
        """Write the ends of what is in flight: nobody will tell of it any more."""
        self._append(self._encoder.abandon(at_ns))

    @property
    def waiting(self) -> bool:
        """Whether parts of bodies wait for the rest, so that `put` is to be called soon."""
        return self._encoder.waiting

    @property
    def answering(self) -> bool:
        """Whether an exchange other than an idle WebSocket waits for more."""
        return self._encoder.answering

    def close(self, *, calm: bool = True) -> None:
        """Write what waits and give the file back, in its calm form or as the journal it is."""
        if self._fd < 0:
            return
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

    def _append(self, made: Iterable[lines.AnyLine]) -> None:
        try:
            data = b"".join(map(lines.encode, made))
            if data and self.failure is None:
                _write_all(self._fd, data)
        except Exception as error:  # nothing may stop who takes the notes: the queue would fill
            self._fail(f"cannot write {self.path}: {error}; traffic goes on unrecorded")

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
    give_up = time.monotonic() + _PATIENCE_S
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
            if time.monotonic() < give_up:  # one that was killed is written to its end
                time.sleep(0.02)
                continue
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
