"""What went over which transport, and what is no Responses exchange at all."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from tapes import Told, response, stream, usage, write_tape

from analytics.frames import frame
from analytics.ingest import ingest
from analytics.store import reading
from analytics.tables import TABLES


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


def rows(db: Path, query: str) -> list[tuple]:
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_transport(tmp_path: Path, db: Path) -> None:
    """An answer came as a stream of events or as JSON; no connection was opened for it."""
    tape = write_tape(
        tmp_path / "out.jsonl",
        [
            Told(answer=response(1)),
            Told(answer=stream(response(2))),
            Told(answer=None, outcome="upstream_unreachable"),
        ],
    )
    list(ingest([tape], db))
    assert rows(db, "SELECT transport, connection_id FROM exchanges ORDER BY number") == [
        ("json", None),
        ("sse", None),
        ("json", None),
    ]


CHAT: dict[str, Any] = {
    "model": "gpt-5.1",
    "messages": [{"role": "user", "content": "hi"}],
    "input": [{"role": "user", "content": "hi"}],
    "instructions": "Be brief.",
    "tools": [{"type": "function", "function": {"name": "tide"}}],
}
CHATTED: dict[str, Any] = {
    "id": "chatcmpl-1",
    "model": "gpt-5.1-2025-11-13",
    "status": "failed",
    "error": {"message": "of somebody else"},
    "output": [{"type": "function_call", "call_id": "call_1", "name": "tide"}],
    "usage": usage(5, 0, 5, 0),
}


def test_other_traffic_is_an_exchange_and_no_more(tmp_path: Path, db: Path) -> None:
    """Bodies of other endpoints are not taken for Responses, whatever their members are called."""
    tape = write_tape(
        tmp_path / "out.jsonl",
        [
            Told(CHAT, CHATTED, path="/v1/chat/completions"),
            Told({**CHAT, "stream": True}, stream(response(2)), path="/v1/chat/completions"),
            Told(b"", {"data": []}, path="/v1/models", method="GET"),
            Told(b"\x00\x01", b"\xff", path="/v1/files"),
            Told(b"", {"error": {"message": "no", "code": "gone"}}, path="/v1/x", status=404),
        ],
    )
    list(ingest([tape], db))
    columns = (
        "endpoint, model, requested_model, response_id, status, params, input_items, parent_id, "
        "error_code, result = 'failed', is_billed"
    )
    nothing = (None, None, None, 0, None)
    assert rows(db, f"SELECT {columns} FROM exchange_facts ORDER BY number") == [
        (None, "gpt-5.1-2025-11-13", "gpt-5.1", *nothing, None, False, False),
        (None, "gpt-5.1-2025-11-13", "gpt-5.1", *nothing, None, False, False),
        (None, None, None, *nothing, None, False, False),
        (None, None, None, *nothing, None, False, False),
        (None, None, None, *nothing, "gone", True, False),
    ]
    for table in TABLES:
        if table != "exchanges":
            assert rows(db, f"SELECT * FROM {table}") == [], table


def as_websocket(db: Path, *exchanges: tuple[str, int | None]) -> None:
    """Make of exchanges what went over a WebSocket: endpoint, and HTTP status if one is known."""
    with duckdb.connect(db) as connection:
        for number, (endpoint, status) in enumerate(exchanges, 1):
            connection.execute(
                "UPDATE exchanges SET transport = 'websocket', endpoint = ?, http_status = ? "
                "WHERE number = ?",
                [endpoint, status, number],
            )


def test_websocket_facts(tmp_path: Path, db: Path) -> None:
    """Over a WebSocket a response that began is billed, and a steering message with usage."""
    failure = {"type": "error", "error": {"code": "bad", "message": "no"}, "status": 400}
    tape = write_tape(
        tmp_path / "out.jsonl",
        [
            Told(b"", None, step_ms=90_000),
            Told(answer=stream(response(2))),
            Told(answer=[failure]),
            Told(answer=stream(response(4))),
            Told(answer=[{"type": "response.steer.accepted", "steer": {"id": "st_1"}}]),
            Told(answer=stream(response(6))[:1], outcome="client_gone"),
        ],
    )
    list(ingest([tape], db))
    as_websocket(
        db,
        *(("connect", 101), ("create", 101), ("create", None)),
        *(("steer", None), ("steer", None), ("create", None)),
    )
    assert rows(db, "SELECT endpoint, is_billed FROM exchange_facts ORDER BY number") == [
        ("connect", False),
        ("create", True),
        ("create", False),
        ("steer", True),
        ("steer", False),
        ("create", True),
    ]
    assert rows(db, "SELECT count(*) FROM counted_usage") == [(2,)]


def test_handshakes_have_no_latency(tmp_path: Path, db: Path) -> None:
    """A connection that stays open for long is not taken for a slow answer."""
    slow = Told(b"", None, step_ms=90_000)
    tape = write_tape(tmp_path / "out.jsonl", [slow, Told(answer=response(2))])
    list(ingest([tape], db))
    as_websocket(db, ("connect", 101))
    with reading(db) as connection:
        totals = frame(connection, "totals")
        over_time = frame(connection, "latency_over_time", seconds=60)
    assert totals["latency_p95_ms"][0] < 1000
    assert over_time["exchanges"].sum() == 1
