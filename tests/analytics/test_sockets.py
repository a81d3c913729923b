"""WebSocket traffic in the tables: each message of the client is an exchange there too."""

from pathlib import Path

import duckdb
import pytest
from socket_traffic import connection, creating, messages, steering
from traffic import compact, write

from analytics.ingest import ingest
from analytics.stats import as_json, load_stats
from cassettes.notes import Note

CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "tide",
    "arguments": '{"port":"Nara"}',
    "status": "completed",
}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


def rows(db: Path, query: str) -> list[tuple]:
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


def ingested(db: Path, *notes: list[Note]) -> None:
    list(ingest([write(db.with_suffix(".jsonl"), *notes)], db))


def test_a_connection_with_a_steered_response(db: Path) -> None:
    """Handshake, create and steer are rows; the steer's own response has its own usage."""
    first = messages("One two", "resp_1", status="incomplete")
    steer = {"id": "s1", "previous_response_id": "resp_1"}
    said = [
        ("client", creating("Count")),
        *first[:2],
        ("client", steering("Shorter", "resp_1")),
        compact({"type": "response.steer.accepted", "sequence_number": 2, "steer": steer}),
        *first[2:],
        *messages("1", "resp_2", previous_response_id="resp_1"),
    ]
    ingested(db, connection(1, *said))
    (handshake, *_) = rows(db, "SELECT exchange_id FROM exchanges WHERE number = 1")[0]
    assert rows(
        db,
        "SELECT number, endpoint, method, transport, connection_id, http_status, response_id,"
        " status, streamed FROM exchanges ORDER BY number",
    ) == [
        (1, "connect", "GET", "websocket", None, 101, None, None, False),
        (2, "create", "WEBSOCKET", "websocket", handshake, 101, "resp_1", "incomplete", True),
        (3, "steer", "WEBSOCKET", "websocket", handshake, 101, "resp_2", "completed", True),
    ]
    assert rows(
        db, "SELECT number, total_tokens FROM counted_usage JOIN exchanges USING (exchange_id)"
    ) == [(2, 15), (3, 15)]
    totals = as_json(load_stats(db))["totals"]
    assert (totals["exchanges"], totals["total_tokens"], totals["failed"]) == (3, 30, 0)
    assert rows(
        db,
        "SELECT number, text FROM exchange_items JOIN items USING (item_id)"
        " JOIN exchanges USING (exchange_id) WHERE direction = 'input' ORDER BY number",
    ) == [(2, "Count"), (3, "Shorter")]


def test_a_tool_call_is_joined_with_its_output(db: Path) -> None:
    """The output comes in the next message, which names the response instead of resending it."""
    output = {"type": "function_call_output", "call_id": "call_1", "output": "low"}
    going_on = compact(
        {
            "type": "response.create",
            "model": "gpt-5.1",
            "previous_response_id": "resp_1",
            "input": [output],
        }
    )
    said = [
        ("client", creating("Low or high?")),
        *messages("", "resp_1", output=[CALL]),
        ("client", going_on),
        *messages("Low", "resp_2"),
    ]
    ingested(db, connection(1, *said))
    assert rows(db, "SELECT name, arguments, output, latency_ms FROM tool_calls") == [
        ("tide", '{"port":"Nara"}', "low", 10.0)
    ]


def test_odd_messages_are_findings(db: Path) -> None:
    """Junk, binary messages and errors of either shape are stored and told, and raise nothing."""
    nested = {"type": "error", "status": 400, "error": {"type": "x", "message": "no", "code": "c"}}
    said = [
        b"hello",
        ("client", b"junk"),
        compact(nested),
        ("client-binary", b"\xff\x00"),
        ("server-binary", b"\xfe\xff"),
        ("client", creating("a")),
        compact({**nested, "stream_id": "l"}),
    ]
    ingested(db, connection(1, *said))
    assert rows(db, "SELECT number, endpoint, error_code FROM exchanges ORDER BY number") == [
        (1, "connect", None),
        (2, "message", "c"),
        (3, "message", None),
        (4, "create", "c"),
    ]
    assert set(rows(db, "SELECT place, shape FROM findings WHERE kind = 'not_json'")) == {
        ("event", "text"),
        ("event", "binary"),
        ("request", "text"),
        ("request", "binary"),
    }


@pytest.mark.parametrize("outcome", ["upstream_gone", "client_gone", None])
def test_a_cut_connection(db: Path, outcome: str | None) -> None:
    """What broke off is there with its outcome, and nothing is counted that was not said."""
    said = [
        ("client", creating("a")),
        *messages("A"),
        ("client", creating("b")),
        *messages("B")[:2],
    ]
    ingested(db, connection(1, *said, outcome=outcome, close=None))
    told = outcome or "incomplete"
    assert rows(db, "SELECT outcome FROM exchanges ORDER BY number") == [
        (told,),
        ("complete",),
        (told,),
    ]
    assert rows(db, "SELECT count(*) FROM usage") == [(1,)]


def test_beta_messages_are_held_against_the_beta(db: Path) -> None:
    """`response.inject` is known where the beta is; its answer belongs to it."""
    inject = {"type": "response.inject", "response_id": "resp_1", "input": []}
    injected = {"type": "response.inject.created", "response_id": "resp_1", "sequence_number": 0}
    ingested(db, connection(1, ("client", compact(inject)), compact(injected)))
    assert rows(db, "SELECT endpoint, outcome FROM exchanges ORDER BY number") == [
        ("connect", "complete"),
        ("message", "complete"),
    ]
    assert rows(db, "SELECT * FROM findings WHERE kind = 'unknown_type'") == []
