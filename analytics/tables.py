"""The tables as ingest fills them: one list of columns each, equal to the migrations'.

Rows are plain dictionaries on their way to DuckDB through Arrow; a column that a row leaves out is
NULL.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from analytics.store import statement

Row = dict[str, object]

_TEXT, _INT, _REAL = pa.string(), pa.int64(), pa.float64()
_TIME = pa.timestamp("us", "UTC")


def _columns(**types: pa.DataType) -> pa.Schema:
    return pa.schema(list(types.items()))


TABLES: dict[str, pa.Schema] = {
    "exchanges": _columns(
        exchange_id=_TEXT,
        cassette_id=_TEXT,
        number=_INT,
        started_at=_TIME,
        endpoint=_TEXT,
        method=_TEXT,
        path=_TEXT,
        upstream=_TEXT,
        client=_TEXT,
        requested_model=_TEXT,
        model=_TEXT,
        response_id=_TEXT,
        previous_response_id=_TEXT,
        parent_id=_TEXT,
        inherited_items=_INT,
        input_items=_INT,
        output_items=_INT,
        toolset_id=_TEXT,
        instructions_id=_TEXT,
        params=_TEXT,
        streamed=pa.bool_(),
        http_status=_INT,
        status=_TEXT,
        incomplete_reason=_TEXT,
        outcome=_TEXT,
        error_code=_TEXT,
        error_message=_TEXT,
        service_tier=_TEXT,
        request_bytes=_INT,
        response_bytes=_INT,
        duration_ms=_REAL,
        first_event_ms=_REAL,
        first_token_ms=_REAL,
        event_ms=pa.list_(_REAL),
        event_types=pa.list_(_TEXT),
        event_bytes=pa.list_(pa.int32()),
        transport=_TEXT,
        connection_id=_TEXT,
        compaction_asked=_TEXT,
        repeats_id=_TEXT,
        result=_TEXT,
        request_key=_TEXT,
        retry_count=_INT,
        attempt=_INT,
        retry_of_id=_TEXT,
    ),
    "items": _columns(
        item_id=_TEXT,
        type=_TEXT,
        role=_TEXT,
        call_id=_TEXT,
        name=_TEXT,
        namespace=_TEXT,
        phase=_TEXT,
        text=_TEXT,
        bytes=_INT,
        encrypted_bytes=_INT,
        json=_TEXT,
        media_bytes=_INT,
        error=_TEXT,
        output=_TEXT,
    ),
    "exchange_items": _columns(
        exchange_id=_TEXT, direction=_TEXT, position=_INT, item_id=_TEXT, status=_TEXT
    ),
    "tools": _columns(
        toolset_id=_TEXT,
        position=_INT,
        tool_id=_TEXT,
        type=_TEXT,
        name=_TEXT,
        namespace=_TEXT,
        description=_TEXT,
        bytes=_INT,
        json=_TEXT,
        member=_INT,
    ),
    "tool_calls": _columns(
        exchange_id=_TEXT,
        position=_INT,
        item_id=_TEXT,
        call_id=_TEXT,
        type=_TEXT,
        name=_TEXT,
        namespace=_TEXT,
        arguments=_TEXT,
        status=_TEXT,
        output_exchange_id=_TEXT,
        output_item_id=_TEXT,
        output=_TEXT,
        error=_TEXT,
        latency_ms=_REAL,
    ),
    "usage": _columns(
        exchange_id=_TEXT,
        model=_TEXT,
        input_tokens=_INT,
        cached_tokens=_INT,
        output_tokens=_INT,
        reasoning_tokens=_INT,
        total_tokens=_INT,
        cost_usd=_REAL,
    ),
    "compactions": _columns(
        exchange_id=_TEXT,
        trigger=_TEXT,
        input_items=_INT,
        output_items=_INT,
        input_tokens=_INT,
        output_tokens=_INT,
        encrypted_bytes=_INT,
        item_id=_TEXT,
    ),
    "findings": _columns(
        finding_id=_TEXT, place=_TEXT, kind=_TEXT, path=_TEXT, type=_TEXT, shape=_TEXT
    ),
    "exchange_findings": _columns(exchange_id=_TEXT, finding_id=_TEXT),
}
"""Columns of the tables that are filled from rows, in the order of the migrations."""

SHARED = {
    "items": ("item_id",),
    "tools": ("toolset_id", "position", "member"),
    "findings": ("finding_id",),
}
"""Tables whose rows several exchanges share, with the columns that tell rows apart."""

_SPELLED = frozenset({"items", "tools"})
"""Of these, those whose `json` is the sender's own."""

OWNED = tuple(name for name in TABLES if name not in SHARED)
"""Tables whose rows belong to one exchange each, by `exchange_id`."""


def _arrow(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    try:
        return pa.Table.from_pylist(list(rows), schema)
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell and UTF-8 cannot
        clean = [
            {
                name: value.encode(errors="replace").decode() if isinstance(value, str) else value
                for name, value in row.items()
            }
            for row in rows
        ]
        return pa.Table.from_pylist(clean, schema)


def _spelling(row: Row) -> tuple[int, str]:
    size, text = row["bytes"], row["json"]
    assert isinstance(size, int)
    assert isinstance(text, str)
    return size, text


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Add rows; those of a shared table once, and only where they are not there yet.

    An item or a tool that is spelled in several ways is kept in the shortest, in whichever order
    they come.
    """
    if not rows:
        return
    columns = ", ".join(TABLES[table].names)
    text = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM batch"  # noqa: S608 - names of ours
    if key := SHARED.get(table):
        if table in _SPELLED:
            rows = sorted(rows, key=_spelling)
        rows = list({tuple(row.get(name) for name in key): row for row in reversed(rows)}.values())
        there = f"SELECT {key[0]} FROM {table}"  # noqa: S608 - names of ours
        text += f" WHERE {key[0]}::UUID NOT IN ({there})"
    connection.register("batch", _arrow(rows, TABLES[table]))
    if table in _SPELLED:
        connection.execute(statement(f"respell_{table}"))
    connection.execute(text)
    connection.unregister("batch")
