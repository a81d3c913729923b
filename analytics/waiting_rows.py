"""Rows that were read wait here until they are worth a transaction, and go into the tables then.

To open the database, settle and close it takes as long as to read a hundred exchanges, and a
capture may be hundreds of files with a few exchanges each. What waits goes in one transaction, so
that a kill leaves whole batches; what fails, of whatever cassette and for whatever reason, takes no
rows of others with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from analytics import exchange_rows, store
from analytics.exchange_rows import id_of
from cassettes.reader import Cassette
from wire.errors import BadCassette, BadDatabase

if TYPE_CHECKING:
    from analytics.normalize import Rows

BATCH = 200
"""Exchanges per transaction: opening and committing one by one costs ten times as much."""
BATCH_BYTES = 64 << 20
"""Bytes of traffic after which a transaction is closed though it has fewer exchanges."""


@dataclass(slots=True)
class Counts:
    """What is to be said of a file: see `analytics.ingest.Ingested`."""

    new: int = 0
    read: int = 0
    incomplete: int = 0
    left: int = 0
    is_left: bool = False


class Batch(NamedTuple):
    """Rows of some exchanges of a cassette."""

    cassette: Cassette
    rows: "list[Rows]"
    counts: Counts
    """Of its file; the new ones are added when they are written."""
    again: bool
    """Whether these take the place of rows that have an end."""


class WaitingRows:
    """What waits to be written into one database, in the order in which it was read."""

    def __init__(self, db: Path) -> None:
        self._db = db
        self._batches: list[Batch] = []
        self._whole: list[Cassette] = []

    @property
    def is_due(self) -> bool:
        """Whether enough waits to be written."""
        return (
            sum(len(batch.rows) for batch in self._batches) >= BATCH
            or sum(rows.size for batch in self._batches for rows in batch.rows) >= BATCH_BYTES
        )

    def add(self, batch: Batch) -> None:
        self._batches.append(batch)

    def add_position(self, cassette: Cassette) -> None:
        """Have it noted, with the rows that wait, that all of this file was read."""
        self._whole.append(cassette)

    def write(self) -> list[tuple[Cassette, Exception]]:
        """Write what waits; what could not be written is tried by itself, and told with why.

        Raises BadDatabase where the database takes no rows of any cassette.
        """
        batches, self._batches = self._batches, []
        whole, self._whole = self._whole, []
        failed: list[tuple[Cassette, Exception]] = []
        if not batches and not whole:
            return failed

        def alone(cassette: Cassette, batches: Sequence[Batch], whole: Sequence[Cassette]) -> None:
            try:
                self._commit(batches, whole)
            except Exception as error:
                if not _is_of_rows(error):
                    raise
                failed.append((cassette, _of_cassette(cassette, error)))

        try:
            self._commit(batches, whole)
        except Exception as error:
            if not _is_of_rows(error):
                raise
            for batch in batches:
                alone(batch.cassette, [batch], [])
            for cassette in whole:
                if cassette.path not in {each.path for each, _ in failed}:
                    alone(cassette, [], [cassette])
        return failed

    def _commit(self, batches: Sequence[Batch], whole: Sequence[Cassette]) -> None:
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


def _of_cassette(cassette: Cassette, error: Exception) -> Exception:
    if not isinstance(error, BadDatabase):
        return error
    why = str(error.__cause__).partition("\n")[0]
    return BadCassette(f"{cassette.path} holds what no table can: {why}")
