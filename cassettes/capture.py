"""Recording that goes on for weeks: a journal that is followed by another when it is long enough.

What is recorded stands in `NAME.jsonl`. When that has reached its size, the next request begins a
new file there; the old one becomes `NAME.0001.jsonl`, takes the rest of what it has begun, the
messages of its WebSockets included, and is compressed when nothing is in flight in it any more. So
an exchange never spans files, and each file is a cassette of its own.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from cassettes.calm import Redact, calm_name
from cassettes.compressed import SUFFIX
from cassettes.compressor import Compressor, compress, redact_late
from cassettes.folder import (
    closed_parts,
    free_number,
    highest,
    is_closed_of,
    left_over,
    part_path,
)
from cassettes.header import header_of
from cassettes.items import Inputs
from cassettes.journal import Journal
from cassettes.notes import Began, Ended, Note, Sent
from wire.errors import BadCassette, BadOption

SMALLEST = 64 << 10
"""Bytes that a file must be allowed to have."""


class Capture:
    """An open recording in several files; like a `Journal` to those who use it."""

    def __init__(
        self,
        path: Path,
        *,
        base: str,
        upstream: str,
        rotate: int,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`rotate` is the number of bytes after which a file is closed. Raises BadCassette."""
        self.failure: str | None = None
        self._on_failure = on_failure
        self._rotate = self._limit = rotate
        path = path.resolve()  # what gives way to the next file is the file, and not a link to it
        self._current = Journal(
            path, base=base, upstream=upstream, on_failure=self._fail, inputs=Inputs()
        )
        self.next_number = self._current.next_number
        self._last: dict[Journal, int] = {self._current: self.next_number - 1}
        """The journals that are open, the current one last, and the highest number in each."""
        self._where: dict[int, Journal] = {}
        """Where the exchanges are that were in flight when their file was closed to others."""
        self._compressor = Compressor(self._fail)
        self._tidy()

    def put(self, *notes: Note) -> None:
        """Write what the notes say; as `Journal.put`."""
        waiting: list[Note] = []  # for the current journal
        for note in notes:
            if isinstance(note, Began):
                self._current.put(*waiting)  # so that its size is known
                waiting.clear()
                if self._current.size >= self._limit:
                    self._begin_next(note.x)
            journal = self._where.get(note.socket if isinstance(note, Sent) else note.x)
            if isinstance(note, Began | Sent):
                there = journal or self._current
                self._last[there] = max(self._last[there], note.x)
            if journal is None:
                waiting.append(note)
                continue
            journal.put(note)
            if isinstance(note, Ended):
                self._close_if_done(journal)
        self._current.put(*waiting)
        for journal in set(self._where.values()):
            journal.put()

    def abandon(self, at_ns: int) -> None:
        """Write the ends of what is in flight: nobody will tell of it any more."""
        for journal in self._last:
            journal.abandon(at_ns)

    @property
    def waiting(self) -> bool:
        """As `Journal.waiting`."""
        return any(journal.waiting for journal in self._last)

    @property
    def answering(self) -> bool:
        """As `Journal.answering`."""
        return any(journal.answering for journal in self._last)

    def close(self, *, calm: bool = True) -> None:
        """Write what waits and give the files back, the closed ones compressed."""
        for journal in list(self._last):
            if journal is not self._current:
                self._give_back(journal)
        self._current.close(calm=calm)
        self._compressor.finish()

    def _begin_next(self, first: int) -> None:
        """Let a new file take the place of the current one; else go on in that one, and say so."""
        old = self._current
        if old.failure is not None or not old.in_place:
            return  # which is said, or will be when it is closed
        number = free_number(old.path, max(old.header.part, 1))
        closed = part_path(old.path, number)
        try:
            self._current = old.next(closed, number + 1, first)
        except OSError as error:
            self._limit += self._rotate
            why = f"{old.path} is long enough, but {closed} cannot be made: {error.strerror}"
            self._fail(f"{why}; what comes is recorded in the former")
            return
        self._limit = self._rotate
        self._last[self._current] = first - 1
        self._where.update((x, old) for x in old.in_flight)
        self._close_if_done(old)

    def _close_if_done(self, journal: Journal) -> None:
        if not journal.in_flight:
            self._give_back(journal)

    def _give_back(self, journal: Journal) -> None:
        last, redact = self._last.pop(journal), journal.redactor().text
        self._where = {x: there for x, there in self._where.items() if there is not journal}
        if journal.failure is not None or not journal.in_place:
            journal.close(calm=False)
            return
        # Locked until it is redacted: a recorder that starts meanwhile, after a kill of ours, would
        # compress it as it is.
        work = partial(_compress, journal.path, journal.let_go(), last, redact)
        self._compressor.do(journal.path, work)

    def _tidy(self) -> None:
        """Compress the closed files of this capture that a recorder which was killed has left."""
        parts = closed_parts(self._current.path)
        with suppress(OSError):  # it is in nobody's way
            for path, of in left_over(self._current.path.parent):
                if is_closed_of(of, self._current.path):
                    path.unlink()
        for path in parts:
            if not path.name.endswith(SUFFIX):
                self._compressor.do(path, partial(_compress_left, path, self._current.header.id))

    def _fail(self, why: str) -> None:
        self.failure = self.failure or why
        self._on_failure(why)


def check_size(rotate: int) -> None:
    """Raise BadOption for a number of bytes that is too small to begin a new file after."""
    if 0 < rotate < SMALLEST:
        raise BadOption(
            f"{rotate} is too few bytes to begin a new file after; give at least "
            f"{SMALLEST >> 10}K, or 0 for never"
        )


type Recording = Journal | Capture


def open_recording(
    path: Path, *, base: str, upstream: str, rotate: int, on_failure: Callable[[str], None]
) -> Recording:
    """A recording in one file, or where `rotate` is not 0 in several.

    Raises BadCassette, and BadOption for a `rotate` that is too small.
    """
    if rotate:
        check_size(rotate)
        return Capture(path, base=base, upstream=upstream, rotate=rotate, on_failure=on_failure)
    return Journal(path, base=base, upstream=upstream, on_failure=on_failure)


def _compress(path: Path, file: BinaryIO, last: int, redact: Redact) -> None:
    with file:
        redact_late(path, redact, file)
    # It was deleted, by `respool prune` for one; or a recorder that began meanwhile compresses it.
    with suppress(FileNotFoundError, BlockingIOError):
        compress(path, last)


def _compress_left(path: Path, ident: str) -> None:
    # What is another recorder's, or damaged, stays as it is: who reads it will be told.
    # What is gone was deleted, or is a link to what was.
    with suppress(BlockingIOError, FileNotFoundError, BadCassette):
        if header_of(path).id == ident:
            compress(path, highest(path))
            calm_name(path).unlink(missing_ok=True)
