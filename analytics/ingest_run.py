"""One run of an ingest: which exchanges of which files are to be read, and what became of them.

An exchange whose end is in the cassette is read once and stays. One without an end (in flight, or
its recorder was killed) is there too, as `incomplete`, and is read again whenever the cassette is;
so is, once, one that an older respool read, and one of a rotated capture when the exchange that it
goes on from has come into the tables after it, at the end of the same run or in a later one.
Which exchanges are in the tables is asked of the tables themselves, so that a rewritten cassette
changes nothing; the position in `ingest_state` only tells at once that there is nothing new.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from analytics import exchange_rows, store, waiting_rows
from analytics.exchange_rows import Known, file_id, id_of
from analytics.waiting_rows import Batch, Counts, WaitingRows
from cassettes.compressed import plain_size
from cassettes.header import header_of
from cassettes.reader import Cassette

if TYPE_CHECKING:
    from analytics.normalize import Rows

FILES = 100
"""Files after which a transaction is closed though they have few exchanges, or none that is new."""


class Run:
    """Reads cassettes one after the other; what is read waits until it is worth a transaction."""

    def __init__(self, db: Path, stop: Callable[[], bool]) -> None:
        self._db = db
        self._stop = stop
        self._known: dict[str, dict[int, Known]] = {}
        """By cassette, the exchanges that are in the tables or wait to be."""
        self._waiting = WaitingRows(db)
        self._found: list[tuple[Path, Counts]] = []
        self._failed: dict[Path, Exception] = {}
        self._alone: dict[Path, tuple[str, set[int]]] = {}
        """Of each file, its cassette, and on what its requests go on that was not there yet."""

    @cached_property
    def _positions(self) -> dict[str, tuple[int, int]]:
        """How far each file was read; asked when there is a cassette, as this makes the file."""
        with store.writing(self._db) as connection:
            rows = connection.execute("SELECT cassette_id, revision, bytes FROM ingest_state")
            return {str(row[0]): (row[1], row[2]) for row in rows.fetchall()}

    @property
    def is_due(self) -> bool:
        """Whether enough waits to be written."""
        return self._waiting.is_due or len(self._found) >= FILES

    def skip(self, path: Path, *, is_left: bool = False) -> None:
        """Take note of a file that is not opened: it was read, or it is left."""
        self._found.append((path, Counts(is_left=is_left)))

    def was_read(self, path: Path) -> bool:
        """Whether this is a compressed file that was read whole before."""
        size = plain_size(path)
        if size is None:
            return False
        header = header_of(path)
        return self._positions.get(file_id(header)) == (header.revision, size)

    def read(self, cassette: Cassette, *, is_second: bool = False) -> None:
        """Read what the tables lack of a cassette. Raises BadCassette and BadDatabase."""
        known, entries, counts = self._known_of(cassette), cassette.exchanges, Counts()
        done = exchange_rows.finished(known, cassette)
        follows = {x: entry.follows[0] for x, entry in entries.items() if entry.follows is not None}
        # What they go on from was not in the tables when they were read, and is now.
        again = any(x in done and known[x].is_alone and follows[x] in known for x in follows)
        todo = sorted(x for x in entries if again or x not in done)
        here = (cassette.header.revision, cassette.size)
        is_old = self._positions.get(file_id(cassette.header)) == here
        if is_old and not any(entries[x].ended for x in todo):
            self._found.append((cassette.path, Counts(incomplete=len(todo))))
            return
        earlier, written = {x for x in follows.values() if x in known}, False
        if not is_second:  # it was told of
            self._found.append((cassette.path, counts))
        try:
            for rows in self._batches(cassette, todo, earlier):
                self._waiting.add(Batch(cassette, rows, counts, again))
                counts.read += len(rows)
                if self.is_due:
                    self._write()
                    written = True
        finally:  # what was read before something failed is as good as any
            for x in todo[: counts.read]:
                is_alone = x in follows and follows[x] not in known
                began, ended = entries[x].began, entries[x].ended
                began_us = exchange_rows.microseconds(began) if began else None
                known[x] = Known(began_us, ended, is_alone, ended)
        counts.left = len(todo) - counts.read
        if is_second and counts.left:
            self._found.append((cassette.path, counts))
        elif lacking := {x for x in follows.values() if x not in known}:
            self._alone[cassette.path] = id_of(cassette.header), lacking
        if not counts.left:
            counts.incomplete = sum(not entries[x].ended for x in todo)
            is_whole = cassette.path not in self._failed
            if is_whole and all(x in known for x in follows.values()):
                self._waiting.add_position(cassette)
        if written:
            self._write()

    def to_link(self) -> list[Path]:
        """The files that are to be read again, as what their requests go on from has come since.

        Messages of a WebSocket stand in the file of its handshake, and go on from what later files
        have; and files may be given in any order.
        """
        return [
            path
            for path, (ident, lacking) in self._alone.items()
            if not lacking.isdisjoint(self._known.get(ident, ()))
        ]

    def written(self) -> Iterator[tuple[Path, Counts]]:
        """Write what waits, and tell of all files since the last time, but of what only failed."""
        self._write()
        found, self._found = self._found, []
        for path, counts in found:
            if counts.new or path not in self._failed:
                yield path, counts

    def fail(self, path: Path, error: Exception) -> None:
        """Take note of why a file was not read, or not as a whole; the first reason is told."""
        self._failed.setdefault(path, error)

    def failures(self) -> Iterator[tuple[Path, Exception]]:
        """Tell of all files that failed since the last time."""
        failed, self._failed = self._failed, {}
        yield from failed.items()

    def _known_of(self, cassette: Cassette) -> dict[int, Known]:
        ident = id_of(cassette.header)
        if ident not in self._known:
            with store.writing(self._db) as connection:
                self._known[ident] = exchange_rows.known_of(connection, cassette)
        return self._known[ident]

    def _batches(
        self, cassette: Cassette, numbers: Sequence[int], earlier: set[int]
    ) -> "Iterator[list[Rows]]":
        if not numbers:
            return
        from analytics.normalize import Normalizer  # brings the SDK, a second to import

        normalizer = Normalizer(cassette, earlier)
        batch: list[Rows] = []
        size = 0
        for number in numbers:
            if self._stop():
                break
            try:
                rows = normalizer.rows(number)
            except Exception:
                if batch:
                    yield batch
                raise
            batch.append(rows)
            size += rows.size
            if len(batch) >= waiting_rows.BATCH or size >= waiting_rows.BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _write(self) -> None:
        for cassette, error in self._waiting.write():
            self._known.pop(id_of(cassette.header), None)  # it is in doubt
            self.fail(cassette.path, error)
