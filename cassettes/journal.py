"""Writing a cassette as it is recorded: an append-only file that belongs to one process.

Notes become lines, and lines are handed to the operating system, before `put` returns. What cannot
be written is reported once and at once, and never stops who puts.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cassettes import format as lines
from cassettes.calm import calm_down
from cassettes.contents import Entry
from cassettes.encoder import Encoder
from cassettes.folder import closed_parts, last_closed, last_number, open_part
from cassettes.items import Inputs, Shelf
from cassettes.journal_file import is_at, next_name, open_next, open_or_create, write_all
from cassettes.notes import Note
from cassettes.redaction import Redactor
from wire.errors import BadCassette, RespoolError

FLUSH_NS = 80_000_000
"""How long a part of a body may wait for the rest before it is written on its own."""
_LOOK_S = 1.0
"""How often it is looked whether the file is still in its place."""


class _Opened(NamedTuple):
    """A file that is open, and what its writer knows of it."""

    fd: int
    header: lines.Header
    shelf: Shelf
    redactor: Redactor
    next_number: int


class Journal:
    """An open recording; it waits for the disk, so that no event loop may use it."""

    def __init__(
        self,
        path: Path,
        *,
        base: str,
        upstream: str,
        on_failure: Callable[[str], None] = lambda _: None,
        inputs: Inputs | None = None,
        opened: _Opened | None = None,
    ) -> None:
        """`inputs` are those of the capture, where the file is one of several."""
        self.path = path
        self.failure: str | None = None
        self._on_failure = on_failure
        self._upstream = upstream
        opened = opened or _open(path, base, upstream, inputs)
        self._fd, self.header, self._shelf, self._redactor, self.next_number = opened
        self.size = os.fstat(self._fd).st_size
        self._look_s, self._is_gone = 0.0, False
        other = upstream if upstream != self.header.upstream else ""
        self._encoder = Encoder(self._redactor, self._shelf, other)

    def next(self, closed: Path, part: int, first: int) -> "Journal":
        """The journal of the next file of the capture, which takes the place of this one's.

        What is in flight here ends here, in the file that is at `closed` now. Raises OSError.
        """
        fd, header = open_next(self.path, self.header, part, first, closed)
        opened = _Opened(
            fd, header, Shelf(self._shelf.inputs, self._shelf.refs), self._redactor, first
        )
        begun = Journal(
            self.path,
            base=header.base,
            upstream=self._upstream,
            on_failure=self._on_failure,
            opened=opened,
        )
        self.path = closed
        return begun

    def put(self, *notes: Note) -> None:
        """Write what the notes say, and what of bodies has waited long enough for the rest."""
        if notes and (now := time.monotonic()) > self._look_s:
            self._look_s = now + _LOOK_S
            self._look()
        self._append(line for note in notes for line in self._encoder.take(note))
        self._append(self._encoder.flush(time.monotonic_ns(), FLUSH_NS))

    def abandon(self, at_ns: int) -> None:
        """Write the ends of what is in flight: nobody will tell of it any more."""
        self._append(self._encoder.abandon(at_ns))

    @property
    def waiting(self) -> bool:
        """Whether parts of bodies wait for the rest, so that `put` is to be called soon."""
        return self._encoder.waiting

    def redactor(self) -> Redactor:
        """One that knows the credentials that this recording has seen by now, for any thread."""
        return self._redactor.copy()

    @property
    def in_flight(self) -> list[int]:
        """The numbers of the exchanges that have not ended."""
        return self._encoder.in_flight

    @property
    def in_place(self) -> bool:
        """Whether the path still leads to the file."""
        return is_at(self.path, self._fd)

    @property
    def answering(self) -> bool:
        """Whether an exchange other than an idle WebSocket waits for more."""
        return self._encoder.answering

    def close(self, *, calm: bool = True) -> None:
        """Write what waits and give the file back, in its calm form or as the journal it is."""
        if self._fd < 0:
            return
        self._look()
        if self._is_gone:
            self.failure = self.failure or "the file is elsewhere"
        if calm and self.failure is None:
            try:
                calm_down(self.path, self._redactor.text)
            except (OSError, RespoolError) as error:
                self._fail(f"{self.path} is complete but could not be tidied: {error}")
        os.close(self._fd)
        self._fd = -1

    def let_go(self) -> BinaryIO:
        """The file, which nothing is written to any more.

        Until the caller closes it, it is locked so that nobody changes it, and may be deleted.
        """
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        file = os.fdopen(self._fd, "rb")
        self._fd = -1
        file.seek(0)
        return file

    def _look(self) -> None:
        """Say it once if the file is no longer in its place; it is written on all the same."""
        if not self._is_gone and not self.in_place:
            self._is_gone = True
            self._on_failure(
                f"{self.path} was moved, deleted or replaced while it was recorded; "
                "what is recorded since is not in the file that is there now"
            )

    def _append(self, made: Iterable[lines.AnyLine]) -> None:
        try:
            data = [piece for line in made for piece in lines.pieces(line)]
            if data and self.failure is None:
                self.size += write_all(self._fd, *data)
        except Exception as error:  # nothing may stop who takes the notes: the queue would fill
            self._fail(f"cannot write {self.path}: {error}; traffic goes on unrecorded")

    def _fail(self, message: str) -> None:
        if self.failure is None:
            self.failure = message
            self._on_failure(message)


def _open(path: Path, base: str, upstream: str, inputs: Inputs | None) -> _Opened:
    part = max(closed_parts(path).values(), default=0) + 1 if inputs is not None else 0
    fd, cassette = open_or_create(path, base, upstream, part)
    if cassette.header.part or inputs is not None:
        _undo_rotation(path, fd)
    with cassette:
        header, shelf = cassette.header, Shelf(inputs)
        shelf.known.update(cassette.refs)
        there = _before(path, header) if inputs is not None else {}
        for x, entry in sorted({**there, **cassette.exchanges}.items()):
            shelf.remember(x, entry.parts, is_here=x in cassette.exchanges)
        last = max(cassette.exchanges, default=0)
        if header.part:
            last = max(last, header.first - 1, last_number(path, header))
        return _Opened(fd, header, shelf, Redactor(header.salt), last + 1)


def _before(path: Path, header: lines.Header) -> dict[int, Entry]:
    """The exchanges of the last closed file: a conversation may go on from there.

    It is as long as the current one, which is read as well. Of all that weeks have left there is no
    end, and what is damaged stands in nobody's way.
    """
    closed = last_closed(path, header)
    with suppress(BadCassette, OSError):
        if closed is not None:
            with open_part(closed) as cassette:
                return cassette.exchanges
    return {}


def _undo_rotation(path: Path, fd: int) -> None:
    """Undo the half of a rotation between whose two steps a recorder was killed."""
    half = [other for other in closed_parts(path) if is_at(other, fd) and not other.is_symlink()]
    for left in (next_name(path), *half):
        with suppress(OSError):  # it is in nobody's way
            left.unlink()
