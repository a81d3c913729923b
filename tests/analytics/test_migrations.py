"""Databases of every older schema are brought up to date where they lie, and go on."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from harness import run
from retold import ask, fetch
from tapes import Told, response, write_tape
from test_ingest import contents

from analytics import store
from analytics.ingest import ingest
from analytics.tables import TABLES

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
CASSETTE = UUID(int=1)
ITEMS: dict[str, tuple[dict[str, Any] | str, dict[str, Any]]] = {
    "image_generation_call": (
        {"id": "ig_1", "result": PNG, "revised_prompt": "A quay"},
        {"text": PNG},
    ),
    "web_search_call": ({"id": "ws_1", "action": {"query": "tide"}}, {}),
    "mcp_approval_request": ({"id": "mcpr_1", "name": "lock"}, {"name": "lock"}),
    "mcp_approval_response": ({"id": None, "approval_request_id": "mcpr_1"}, {}),
    "function_call": ({"id": "fc_1", "call_id": "call_1"}, {"call_id": "call_1"}),
    "sonar_call": ("not json", {}),
    "message": ({"id": "msg_1", "role": "user"}, {"role": "user", "text": "hi"}),
}
CALLED = ("image_generation_call", "web_search_call", "function_call", "sonar_call")


def add(connection: duckdb.DuckDBPyConnection, table: str, **row: Any) -> None:
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


def exchange(number: int) -> dict[str, Any]:
    """A row of `exchanges` as the first schema has it."""
    return {
        "exchange_id": UUID(int=100 + number),
        "cassette_id": CASSETTE,
        "number": number,
        "method": "POST",
        "path": "/v1/responses",
        "endpoint": "create",
        "response_id": f"resp_{number}",
        "http_status": 200,
        "outcome": "complete",
        "streamed": number == 2,
        "inherited_items": 0,
        "input_items": 1,
        "output_items": 1,
        "request_bytes": 10,
        "response_bytes": 20,
        "duration_ms": 5.0,
    }


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database as the first schema made it, with rows."""
    db = tmp_path / "old.duckdb"
    first = files("analytics") / "migrations" / "0001_first.sql"
    with duckdb.connect(db) as connection:
        connection.execute(first.read_text())
        add(connection, "meta", key="respool_schema", value="1")
        for number in (1, 2, 3):
            add(connection, "exchanges", **exchange(number))
        owner = {"exchange_id": UUID(int=101)}
        for position, (kind, (members, columns)) in enumerate(ITEMS.items()):
            text = members if isinstance(members, str) else json.dumps({"type": kind, **members})
            item = {"item_id": UUID(int=position), "type": kind, "bytes": len(text)}
            add(connection, "items", **item, **columns, json=text)
            place = {"direction": "output", "position": position}
            add(connection, "exchange_items", **owner, **place, item_id=item["item_id"])
            if kind in CALLED:
                call = {"position": position, "item_id": item["item_id"], "type": kind}
                add(connection, "tool_calls", **owner, **call, call_id=columns.get("call_id"))
        toolset = {"toolset_id": UUID(int=5), "tool_id": UUID(int=6), "bytes": 2, "json": "{}"}
        add(connection, "tools", **toolset, position=0, type="web_search")
        add(connection, "tools", **toolset, position=1, type="function", name="tide")
        counts = {"input_items": 1, "output_items": 1}
        add(connection, "compactions", exchange_id=UUID(int=103), trigger="endpoint", **counts)
        add(connection, "usage", exchange_id=UUID(int=101), input_tokens=7)
    return db


def counts(db: Path) -> dict[str, int]:
    with duckdb.connect(db, read_only=True) as connection:
        return {
            table: len(connection.execute(f"SELECT 1 FROM {table}").fetchall()) for table in TABLES
        }


def rows(db: Path, query: str) -> list[tuple]:
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_first_schema_keeps_its_rows(old: Path) -> None:
    """No row is lost, the schema's number is new, and columns are those that ingest fills."""
    before = counts(old)
    with store.writing(old) as connection:
        for table, schema in TABLES.items():
            described = connection.execute(f"DESCRIBE {table}").fetchall()
            assert [row[0] for row in described] == schema.names, table
    assert counts(old) == before
    found = rows(old, "SELECT value FROM meta WHERE key = 'respool_schema'")
    assert found == [(str(store.SCHEMA),)]


def test_first_schema_gets_what_can_be_derived(old: Path) -> None:
    """Transport, ids that join, sizes of images and names of tools are told from what is there."""
    with store.writing(old):
        pass
    assert rows(old, "SELECT number, transport, compaction_asked FROM exchanges ORDER BY ALL") == [
        (1, "json", None),
        (2, "sse", None),
        (3, "json", "endpoint"),
    ]
    assert rows(old, "SELECT type, call_id, text, media_bytes FROM items ORDER BY item_id") == [
        ("image_generation_call", "ig_1", "A quay", len(PNG)),
        ("web_search_call", "ws_1", None, None),
        ("mcp_approval_request", "mcpr_1", None, None),
        ("mcp_approval_response", "mcpr_1", None, None),
        ("function_call", "call_1", None, None),
        ("sonar_call", None, None, None),
        ("message", None, "hi", None),
    ]
    assert rows(old, "SELECT call_id, output FROM tool_calls ORDER BY position") == [
        ("ig_1", f"[{len(PNG)} bytes of media]"),
        ("ws_1", None),
        ("call_1", None),
        (None, None),
    ]
    told = rows(old, "SELECT type, output FROM items WHERE output IS NOT NULL")
    assert told == [("image_generation_call", f"[{len(PNG)} bytes of media]")]
    assert rows(old, "SELECT name FROM tools ORDER BY position") == [("web_search",), ("tide",)]
    assert rows(old, "SELECT is_billed, latency_ms FROM exchange_facts LIMIT 1") == [(True, 5.0)]
    with pytest.raises(duckdb.ConstraintException), duckdb.connect(old) as connection:
        connection.execute("UPDATE exchanges SET transport = NULL")


def test_first_schema_goes_on(old: Path, tmp_path: Path) -> None:
    """An ingest migrates the file as it goes, and what it adds is joined with what was there."""
    refused = run("stats", "--db", old)
    assert refused.returncode == 2
    assert "has schema 1" in refused.stderr
    tape = write_tape(tmp_path / "out.jsonl", [Told(answer=response(9))])
    assert run("ingest", tape, "--db", old).returncode == 0
    assert rows(old, "SELECT count(*), count(DISTINCT cassette_id) FROM exchanges") == [(4, 2)]
    before = counts(old)
    list(ingest([tape], old))
    assert counts(old) == before
    assert run("stats", "--db", old).returncode == 0


def test_third_schema_has_outputs_where_they_are_told(tmp_path: Path) -> None:
    """A call may have its output from a fetch of its response, whose own item tells it."""
    ran = {"type": "code_interpreter_call", "id": "ci_1", "code": "6*7", "outputs": None}
    odd = {"type": "mcp_call", "id": "mcp_1", "name": "tide", "output": "low \ud83d"}
    full = {**ran, "outputs": [{"type": "logs", "logs": "42"}]}
    told = [
        Told(ask(), response(1, output=[ran, odd])),
        fetch(1, response(1, output=[full, odd])),
        Told(ask(full, odd), response(2)),
    ]
    tape, db = write_tape(tmp_path / "out.jsonl", told), tmp_path / "third.duckdb"
    list(ingest([tape], db))
    new = contents(db)
    with duckdb.connect(db) as connection:
        connection.execute("ALTER TABLE items DROP COLUMN output")
        connection.execute("UPDATE meta SET value = '3' WHERE key = 'respool_schema'")
    assert run("ingest", tape, "--db", db).stderr == ""
    assert contents(db) == new
    assert sorted(rows(db, "SELECT output FROM items WHERE output IS NOT NULL")) == [
        ("42",),
        ("low ?",),
    ]


def test_views_are_those_of_a_new_database(old: Path, tmp_path: Path) -> None:
    """A migrated database answers like one that was made today: the same tables and views."""
    new = tmp_path / "new.duckdb"
    shapes = []
    for db in (old, new):
        with store.writing(db):
            pass
        shapes.append(
            rows(
                db,
                "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
                "WHERE NOT internal ORDER BY table_name, column_index",
            )
        )
    assert shapes[0] == shapes[1]
