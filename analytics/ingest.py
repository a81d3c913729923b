"""Reading cassettes into a database: incremental, idempotent, and nothing held open meanwhile.

An exchange whose end is in the cassette is read once and stays. One without an end (in flight, or
its recorder was killed) is there too, as `incomplete`, and is read again whenever the cassette is;
so is, once, one that an older respool read.
A batch's rows go in one transaction, so that a kill leaves whole batches. Which exchanges are in
the tables is asked of the tables themselves, so that a rewritten cassette changes nothing; the
position in `ingest_state` only tells at once that there is nothing new.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from analytics import store
from analytics.retries import link_retries
from analytics.tables import OWNED, TABLES, insert
from cassettes.compressed import plain_size
from cassettes.exchange import cassette_uuid
from cassettes.folder import OnDamage, expanded, open_part, still
from cassettes.format import Header
from cassettes.header import header_of
from cassettes.reader import Cassette
from wire.errors import BadCassette

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

if TYPE_CHECKING:
    from analytics.normalize import Rows

_SETTLING = (
    *("fill_tool_calls", "once_tool_calls", "answer_followed_calls", "answer_tool_calls"),
    *("once_compactions", "answer_compactions"),
)
"""Statements that settle between exchanges what one exchange alone cannot tell."""

BATCH = 200
"""Exchanges per transaction: opening and committing one by one costs ten times as much."""
BATCH_BYTES = 64 << 20
"""Bytes of traffic after which a transaction is closed though it has fewer exchanges."""


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
        cassette = self._cassette
        with store.writing(self._db) as connection:  # the first run makes the file
            done = _done(connection, cassette)
            position = _position(connection, cassette.header)
        todo = [number for number in cassette.exchanges if number not in done]
        here = (cassette.header.revision, cassette.size)
        if position == here and not any(cassette.exchanges[number].ended for number in todo):
            return Ingested(0, len(todo))
        new = read = 0
        for batch in self._batches(sorted(todo)):
            read += len(batch)
            with store.writing(self._db) as connection:
                new += _write(connection, cassette, batch)
        if read < len(todo):
            return Ingested(new, 0, len(todo) - read)
        with store.writing(self._db) as connection:
            _note_position(connection, cassette)
        return Ingested(new, sum(not cassette.exchanges[number].ended for number in todo))

    def _batches(self, numbers: Sequence[int]) -> "Iterator[list[Rows]]":
        if not numbers:
            return
        from analytics.normalize import Normalizer  # brings the SDK, a second to import

        normalizer = Normalizer(self._cassette, self._known_earlier())
        batch: list[Rows] = []
        size = 0
        for number in numbers:
            if self._stop():
                break
            rows = normalizer.rows(number)
            batch.append(rows)
            size += rows.size
            if len(batch) >= BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _known_earlier(self) -> set[int]:
        """Which exchanges of earlier files that this one's go on from are in the tables."""
        entries = self._cassette.exchanges.values()
        asked = [entry.follows[0] for entry in entries if entry.follows is not None]
        if not asked:
            return set()
        given = {"cassette": _id(self._cassette.header), "numbers": asked}
        with store.reading(self._db) as connection:
            rows = connection.execute(store.statement("exchanges_known"), given).fetchall()
        return {row[0] for row in rows}


def ingest(
    paths: Sequence[Path],
    db: Path,
    stop: Callable[[], bool] = lambda: False,
    on_damage: OnDamage = lambda _: None,
) -> Iterator[tuple[Path, Ingested]]:
    """Read cassettes one after the other, of a folder those in it, of a rotated one all its files.

    Once `stop` says so, what is left is not read, nor said of it more than how much there is.
    What is damaged in a folder, or beside a rotated one, is left out, with a line by `on_damage`.
    Raises BadCassette before anything of that cassette is written.
    """
    for path in map(still, expanded(paths, on_damage)):
        if stop():
            yield path, Ingested(0, 0, is_left=True)
            continue
        if _is_read(path, db):
            yield path, Ingested(0, 0)
            continue
        with open_part(path) as cassette:
            yield path, Ingest(cassette, db, stop).catch_up()


def _is_read(path: Path, db: Path) -> bool:
    """Whether this is a compressed file that was read whole before; it is not opened for that."""
    size = plain_size(path)
    if size is None:
        return False
    header = header_of(path)
    with store.writing(db) as connection:
        return _position(connection, header) == (header.revision, size)


def _id(header: Header) -> str:
    return str(cassette_uuid(header.id))


def _file_id(header: Header) -> str:
    """A name for this file of the cassette: of a rotated one there are several."""
    whole = cassette_uuid(header.id)
    return str(uuid.uuid5(whole, f"part {header.part}") if header.part > 1 else whole)


def _done(connection: duckdb.DuckDBPyConnection, cassette: Cassette) -> set[int]:
    """Numbers of the exchanges that need not be read again. Raises BadCassette.

    A copy of a cassette that was recorded on has other exchanges under the same ids, which must not
    be taken for those that are there.
    """
    rows = connection.execute(store.statement("exchanges_done"), {"cassette": _id(cassette.header)})
    done = set()
    for number, began_us, is_done in rows.fetchall():
        if is_done:
            done.add(number)
        entry = cassette.exchanges.get(number)
        if entry and entry.began and began_us not in (None, _microseconds(entry.began)):
            raise BadCassette(
                f"{cassette.path}: the database has another exchange {number} of this cassette; "
                "one of them is a copy that was recorded on: ingest it into another --db"
            )
    return done


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _position(connection: duckdb.DuckDBPyConnection, header: Header) -> tuple[int, int] | None:
    row = connection.execute(
        "SELECT revision, bytes FROM ingest_state WHERE cassette_id = ?", [_file_id(header)]
    ).fetchone()
    return (row[0], row[1]) if row else None


def _write(
    connection: duckdb.DuckDBPyConnection, cassette: Cassette, batch: "Sequence[Rows]"
) -> int:
    """Put a batch into the tables, but for what another process has finished meanwhile."""
    done = _done(connection, cassette)
    batch = [rows for rows in batch if rows.tables["exchanges"][0]["number"] not in done]
    forgotten = _forget(
        connection, [str(rows.tables["exchanges"][0]["exchange_id"]) for rows in batch]
    )
    for table in TABLES:
        insert(connection, table, [row for rows in batch for row in rows.tables.get(table, ())])
    for name in _SETTLING:
        connection.execute(store.statement(name), {"cassette": _id(cassette.header)})
    link_retries(connection, cassette_uuid(cassette.header.id))
    for shared, candidates in forgotten.items():
        connection.execute(store.statement(f"orphans_{shared}"), {"candidates": candidates})
    return len(batch)


def _forget(
    connection: duckdb.DuckDBPyConnection, exchanges: Sequence[str]
) -> dict[str, list[object]]:
    """Remove the rows of exchanges that were incomplete and are read again.

    Answers with the ids, by table, of what only they may have referred to.
    """
    given = {"exchanges": list(exchanges)}
    referred = {
        "items": connection.execute(store.statement("referred_items"), given).fetchall(),
        "findings": connection.execute(store.statement("referred_findings"), given).fetchall(),
    }
    for table in OWNED:
        connection.execute(
            f"DELETE FROM {table} WHERE exchange_id IN (SELECT unnest($exchanges::UUID[]))",  # noqa: S608 - names of ours
            given,
        )
    return {table: [row[0] for row in rows] for table, rows in referred.items() if rows}


def _note_position(connection: duckdb.DuckDBPyConnection, cassette: Cassette) -> None:
    header = cassette.header
    connection.execute("DELETE FROM ingest_state WHERE cassette_id = ?", [_file_id(header)])
    connection.execute(
        "INSERT INTO ingest_state VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            _file_id(header),
            str(cassette.path),
            header.base,
            header.upstream,
            header.generator,
            _time(header.created),
            header.revision,
            cassette.size,
        ],
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
