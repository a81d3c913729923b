"""Reading cassettes into a database: incremental, idempotent, and nothing held open meanwhile.

An exchange whose end is in the cassette is read once and stays. One without an end (in flight, or
its recorder was killed) is there too, as `incomplete`, and is read again whenever the cassette is;
so is, once, one that an older respool read, and one of a rotated capture when the exchange that it
goes on from has come into the tables after it, at the end of the same run or in a later one.
A batch's rows go in one transaction, so that a kill leaves whole batches; what fails, of whatever
cassette and for whatever reason, takes no rows of others with it. Which exchanges are in the tables
is asked of the tables themselves, so that a rewritten cassette changes nothing; the position in
`ingest_state` only tells at once that there is nothing new.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from analytics import exchange_rows, store
from analytics.exchange_rows import Known, file_id, id_of
from cassettes.compressed import plain_size
from cassettes.folder import OnDamage, expanded, open_part, still
from cassettes.header import header_of
from cassettes.reader import Cassette
from wire.errors import BadCassette, BadDatabase

if TYPE_CHECKING:
    from analytics.normalize import Rows

BATCH = 200
"""Exchanges per transaction: opening and committing one by one costs ten times as much."""
BATCH_BYTES = 64 << 20
"""Bytes of traffic after which a transaction is closed though it has fewer exchanges."""
FILES = 100
"""Files after which it is closed though they have few exchanges, or none that is new."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one run read: exchanges that are new or went on, and those still without an end."""

    exchanges: int
    incomplete: int
    left: int = 0
    """Exchanges that were not read, because it was to stop."""
    is_left: bool = False
    """Whether nothing was looked at, because it was to stop."""


class Ingest:
    """Follows one cassette into one database; `catch_up` may be called again and again."""

    def __init__(
        self, cassette: Cassette, db: Path, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """`stop` is asked before each exchange; once it says so, only what was read is written."""
        self._cassette = cassette
        self._db = db
        self._stop = stop

    def catch_up(self) -> Ingested:
        """Read what the tables lack. Raises BadCassette and BadDatabase."""
        self._cassette.poll()
        run = _Run(self._db, self._stop)
        try:
            run.read(self._cassette)
        finally:
            told = list(run.written())
        for _, error in run.failures():
            raise error
        ((_, found),) = told
        return found


class _Run:
    """Reads cassettes one after the other; what is read waits until it is worth a transaction.

    To open the database, settle and close it takes as long as to read a hundred exchanges, and a
    capture may be hundreds of files with a few exchanges each.
    """

    def __init__(self, db: Path, stop: Callable[[], bool]) -> None:
        self._db = db
        self._stop = stop
        self._known: dict[str, dict[int, Known]] = {}
        """By cassette, the exchanges that are in the tables or wait to be."""
        self._waiting: list[_Batch] = []
        self._whole: list[Cassette] = []
        """Those whose position is to be noted."""
        self._found: list[tuple[Path, _Counts]] = []
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
        return (
            sum(len(batch.rows) for batch in self._waiting) >= BATCH
            or sum(rows.size for batch in self._waiting for rows in batch.rows) >= BATCH_BYTES
            or len(self._found) >= FILES
        )

    def skip(self, path: Path, *, is_left: bool = False) -> None:
        """Take note of a file that is not opened: it was read, or it is left."""
        self._found.append((path, _Counts(is_left=is_left)))

    def was_read(self, path: Path) -> bool:
        """Whether this is a compressed file that was read whole before."""
        size = plain_size(path)
        if size is None:
            return False
        header = header_of(path)
        return self._positions.get(file_id(header)) == (header.revision, size)

    def read(self, cassette: Cassette, *, is_second: bool = False) -> None:
        """Read what the tables lack of a cassette. Raises BadCassette and BadDatabase."""
        known, entries, counts = self._known_of(cassette), cassette.exchanges, _Counts()
        done = exchange_rows.finished(known, cassette)
        follows = {x: entry.follows[0] for x, entry in entries.items() if entry.follows is not None}
        # What they go on from was not in the tables when they were read, and is now.
        again = any(x in done and known[x].is_alone and follows[x] in known for x in follows)
        todo = sorted(x for x in entries if again or x not in done)
        here = (cassette.header.revision, cassette.size)
        is_old = self._positions.get(file_id(cassette.header)) == here
        if is_old and not any(entries[x].ended for x in todo):
            self._found.append((cassette.path, _Counts(incomplete=len(todo))))
            return
        earlier, written = {x for x in follows.values() if x in known}, False
        if not is_second:  # it was told of
            self._found.append((cassette.path, counts))
        try:
            for rows in self._batches(cassette, todo, earlier):
                self._waiting.append(_Batch(cassette, rows, counts, again))
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
            is_linked = all(x in known for x in follows.values())
            if is_linked and cassette.path not in self._failed:  # else it is to be told of again
                self._whole.append(cassette)
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

    def written(self) -> "Iterator[tuple[Path, Ingested]]":
        """Write what waits, and tell of all files since the last time, but of what only failed."""
        self._write()
        found, self._found = self._found, []
        for path, counts in found:
            if counts.new or path not in self._failed:
                yield path, Ingested(counts.new, counts.incomplete, counts.left, counts.is_left)

    def fail(self, path: Path, error: Exception) -> None:
        """Take note of why a file was not read, or not as a whole; the first reason is told."""
        self._failed.setdefault(path, error)

    def failures(self) -> "Iterator[tuple[Path, Exception]]":
        """Tell of all files that failed since the last time."""
        failed, self._failed = self._failed, {}
        yield from failed.items()

    def _known_of(self, cassette: Cassette) -> "dict[int, Known]":
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
            if len(batch) >= BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _write(self) -> None:
        if not self._waiting and not self._whole:
            return
        waiting, whole = self._waiting, self._whole
        self._waiting, self._whole = [], []
        try:
            self._commit(waiting, whole)
        except Exception as error:
            if not _is_of_rows(error):
                raise
            for batch in waiting:
                self._commit_alone(batch.cassette, [batch], [])
            for cassette in whole:
                if cassette.path not in self._failed:
                    self._commit_alone(cassette, [], [cassette])

    def _commit_alone(
        self, cassette: Cassette, batches: "Sequence[_Batch]", whole: Sequence[Cassette]
    ) -> None:
        """Write what is of one cassette, or take note of why it cannot be written."""
        try:
            self._commit(batches, whole)
        except Exception as error:
            if not _is_of_rows(error):
                raise
            self._known.pop(id_of(cassette.header), None)  # it is in doubt
            if isinstance(error, BadDatabase):
                why = str(error.__cause__).partition("\n")[0]
                error = BadCassette(f"{cassette.path} holds what no table can: {why}")
            self.fail(cassette.path, error)

    def _commit(self, batches: "Sequence[_Batch]", whole: Sequence[Cassette]) -> None:
        """Write all of it or, if anything fails, nothing."""
        with store.writing(self._db) as connection:
            new = [
                exchange_rows.write(connection, batch.cassette, batch.rows, batch.again)
                for batch in batches
            ]
            for ident in {id_of(batch.cassette.header) for batch in batches}:
                exchange_rows.settle(connection, ident)
            for cassette in whole:
                exchange_rows.note_position(connection, cassette)
        for batch, count in zip(batches, new, strict=True):
            batch.counts.new += count


def _is_of_rows(error: Exception) -> bool:
    """Whether rows are to blame for it, and not a database that takes none of any cassette."""
    return not isinstance(error, BadDatabase) or isinstance(error.__cause__, duckdb.DataError)


@dataclass(slots=True)
class _Counts:
    """What is to be said of a file: see `Ingested`."""

    new: int = 0
    read: int = 0
    incomplete: int = 0
    left: int = 0
    is_left: bool = False


class _Batch(NamedTuple):
    cassette: Cassette
    rows: "list[Rows]"
    counts: _Counts
    again: bool
    """Whether these take the place of rows that have an end."""


def ingest(
    paths: Sequence[Path],
    db: Path,
    stop: Callable[[], bool] = lambda: False,
    on_damage: OnDamage = lambda _: None,
) -> Iterator[tuple[Path, Ingested]]:
    """Read cassettes one after the other, of a folder those in it, of a rotated one all its files.

    Once `stop` says so, what is left is not read, nor said of it more than how much there is.
    A file that cannot be read, or has rows that cannot be written, is left out, with a line by
    `on_damage`; one of a folder that was deleted since is left out without. Raises BadDatabase, and
    when all others are read BadCassette for the first of those that were named, without a line; and
    what is no error of a file (a bug of ours) as it is.
    """
    files = expanded(paths, on_damage)
    run = _Run(db, stop)
    failure: Exception | None = None

    def tell() -> Iterator[tuple[Path, Ingested]]:
        nonlocal failure
        yield from run.written()
        for path, error in run.failures():
            is_ours = not isinstance(error, BadCassette | OSError)
            if is_ours:
                error.add_note(f"while it was reading {path}")
            if failure is None and (path in paths or is_ours):
                failure = error
            elif path in paths or is_ours or path.exists():
                on_damage(_line(path, error))

    def read(path: Path, *, is_second: bool = False) -> None:
        try:
            if stop():
                run.skip(path, is_left=True)
            elif not is_second and run.was_read(path):
                run.skip(path)
            else:
                with open_part(path) as cassette:
                    run.read(cassette, is_second=is_second)
        except BadDatabase:
            raise
        except Exception as error:
            run.fail(path, error)

    for path in map(still, files):
        read(path)
        if run.is_due:
            yield from tell()
    for path in run.to_link():
        read(path, is_second=True)
        if run.is_due:
            yield from tell()
    yield from tell()
    if failure is not None:
        raise failure


def _line(path: Path, error: Exception) -> str:
    if isinstance(error, BadCassette):
        return str(error)
    return f"cannot read {path}: {type(error).__name__}: {error}".partition("\n")[0]
