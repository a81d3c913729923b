"""The rows of a cassette's exchanges: which are in the tables, and how more get there.

What is to be known of a cassette is asked of the tables themselves, so that a rewritten cassette
changes nothing. Everything here runs in the transaction of a connection that the caller holds.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from analytics import store
from analytics.retries import link_retries
from analytics.tables import OWNED, TABLES, Row, insert
from cassettes.exchange import cassette_uuid
from cassettes.format import Header
from cassettes.reader import Cassette
from wire.errors import BadCassette

if TYPE_CHECKING:
    from analytics.normalize import Rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SETTLING = (
    *("fill_tool_calls", "once_tool_calls"),
    *("bearers", "answer_followed_calls", "answer_tool_calls"),
    *("once_compactions", "answer_compactions"),
)
"""Statements that settle between exchanges what one exchange alone cannot tell."""


class Known(NamedTuple):
    """An exchange that is in the tables."""

    began_us: int | None
    is_done: bool
    """Whether it need not be read again."""
    is_alone: bool
    """Whether it has no parent there."""
    has_end: bool


def id_of(header: Header) -> str:
    return str(cassette_uuid(header.id))


def file_id(header: Header) -> str:
    """A name for this file of the cassette: of a rotated one there are several."""
    whole = cassette_uuid(header.id)
    return str(uuid.uuid5(whole, f"part {header.part}") if header.part > 1 else whole)


def known_of(connection: duckdb.DuckDBPyConnection, cassette: Cassette) -> dict[int, Known]:
    given = {"cassette": id_of(cassette.header)}
    rows = connection.execute(store.statement("exchanges_known"), given)
    return {number: Known(*rest) for number, *rest in rows.fetchall()}


def finished(known: dict[int, Known], cassette: Cassette) -> set[int]:
    """Numbers of the exchanges that need not be read again. Raises BadCassette.

    A copy of a cassette that was recorded on has other exchanges under the same ids, which must not
    be taken for those that are there.
    """
    for number, entry in cassette.exchanges.items():
        there = known.get(number)
        if there is None or not there.has_end or there.began_us is None or not entry.began:
            continue
        if there.began_us != microseconds(entry.began):
            raise BadCassette(
                f"{cassette.path}: the database has another exchange {number} of this cassette; "
                "one of them is a copy that was recorded on: ingest it into another --db"
            )
    return {number for number, each in known.items() if each.is_done}


def microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def write(
    connection: duckdb.DuckDBPyConnection, cassette: Cassette, batch: "Sequence[Rows]", again: bool
) -> int:
    """Put a batch into the tables, but for what another process has finished meanwhile."""
    known = known_of(connection, cassette)
    done = finished(known, cassette)
    if not again:
        batch = [rows for rows in batch if _is_more(rows.tables["exchanges"][0], known, done)]
    if batch:  # with what another process has noted, these might never be linked to what came since
        _forget_position(connection, cassette)
    heads = [rows.tables["exchanges"][0] for rows in batch]
    # Only what is in the tables has rows there, and has brought calls their outputs.
    there = [str(head["exchange_id"]) for head in heads if head["number"] in known]
    forgotten = _forget(connection, there) if there else {}
    for table in TABLES:
        insert(connection, table, [row for rows in batch for row in rows.tables.get(table, ())])
    for shared, candidates in forgotten.items():
        connection.execute(store.statement(f"orphans_{shared}"), {"candidates": candidates})
    return len(batch)


def _is_more(head: Row, known: dict[int, Known], done: set[int]) -> bool:
    """Whether a row of `exchanges` is not there yet, or says what the one there goes on from."""
    number = head["number"]
    assert isinstance(number, int)
    return number not in done or (known[number].is_alone and head["parent_id"] is not None)


def settle(connection: duckdb.DuckDBPyConnection, cassette: str) -> None:
    """Say what is between the exchanges of a cassette, with those that were added."""
    given = {"cassette": cassette}
    while (changed := connection.execute(store.statement("first_repeated"), given).fetchone()) and (
        changed[0]
    ):
        pass
    for name in _SETTLING:
        connection.execute(store.statement(name), given)
    link_retries(connection, uuid.UUID(cassette))


def _forget(
    connection: duckdb.DuckDBPyConnection, exchanges: Sequence[str]
) -> dict[str, list[object]]:
    """Remove the rows of exchanges that are read again, and part calls from what they brought.

    Answers with the ids, by table, of what only they may have referred to.
    """
    given = {"exchanges": list(exchanges)}
    # What one has brought that had no end, and was not linked to what it goes on from, may be less.
    connection.execute(store.statement("unanswer_tool_calls"), given)
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


def note_position(connection: duckdb.DuckDBPyConnection, cassette: Cassette) -> None:
    header = cassette.header
    _forget_position(connection, cassette)
    connection.execute(
        "INSERT INTO ingest_state VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            file_id(header),
            str(cassette.path),
            header.base,
            header.upstream,
            header.generator,
            _time(header.created),
            header.revision,
            cassette.size,
        ],
    )


def _forget_position(connection: duckdb.DuckDBPyConnection, cassette: Cassette) -> None:
    name = file_id(cassette.header)
    connection.execute("DELETE FROM ingest_state WHERE cassette_id = ?", [name])


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
