"""Retries in the tables: the rule of `cassettes.retries`, asked of the rows of a cassette.

It is asked again whenever rows were added, so that links depend on what is in the tables and not on
how it got there: a retry may be read long before the end of what it retries.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa

from analytics.store import statement
from cassettes.exchange import exchange_id
from cassettes.retries import Attempt, Retry, failure, link

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINKS = pa.schema(
    [("exchange_id", pa.string()), ("attempt", pa.int64()), ("retry_of_id", pa.string())]
)


def link_retries(connection: duckdb.DuckDBPyConnection, cassette: UUID) -> None:
    """Set `attempt` and `retry_of_id` of all exchanges of a cassette."""
    found = connection.execute(statement("retry_candidates"), {"cassette": str(cassette)})
    names = [column[0] for column in found.description]
    rows: dict[int, dict[str, Any]] = {}  # Any: cells of a row
    for cells in found.fetchall():
        row = dict(zip(names, cells, strict=True))
        rows[row["number"]] = row
    attempts = [_attempt(row) for row in rows.values()]
    retries = link(attempts, lambda number: rows[number]["request_key"].bytes)
    changed = [
        new
        for attempt in attempts
        if (new := _told(cassette, attempt, retries.get(attempt.number)))
        != _stored(cassette, rows[attempt.number])
    ]
    if changed:
        connection.register("links", pa.Table.from_pylist(changed, _LINKS))
        connection.execute(statement("link_retries"))
        connection.unregister("links")


def _attempt(row: dict[str, Any]) -> Attempt:
    began_us = row["began_us"]
    return Attempt(
        number=row["number"],
        began=None if began_us is None else _EPOCH + timedelta(microseconds=began_us),
        lasted_ms=row["duration_ms"],
        counter=row["retry_count"],
        failure=failure(
            method=row["method"],
            status=row["http_status"],
            outcome=row["outcome"],
            streamed=row["streamed"],
            error_code=row["error_code"],
        ),
    )


def _told(cassette: UUID, attempt: Attempt, retry: Retry | None) -> dict[str, object]:
    return {
        "exchange_id": str(exchange_id(str(cassette), attempt.number)),
        "attempt": retry.attempt if retry else attempt.first,
        "retry_of_id": str(exchange_id(str(cassette), retry.of)) if retry else None,
    }


def _stored(cassette: UUID, row: dict[str, Any]) -> dict[str, object]:
    before = row["retry_of_id"]
    return {
        "exchange_id": str(exchange_id(str(cassette), row["number"])),
        "attempt": row["attempt"],
        "retry_of_id": str(before) if before else None,
    }
