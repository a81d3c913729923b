"""Each call once, with its output from wherever it came, however the ingest was cut."""

import json
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from retold import QUEUED, ask, background, broken, call, cancel, fetch, result
from tapes import Told, message, notes, response, stream, write_tape

from analytics.ingest import ingest
from analytics.item_row import item_row
from analytics.tables import TABLES
from analytics.tool_calls import tool_call_rows
from cassettes.encoder import Ended
from cassettes.journal import Journal
from cassettes.reader import Cassette
from cassettes.summary import summarise


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def rows(db: Path, query: str) -> list[tuple]:
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


def calls(db: Path) -> list[tuple]:
    """Calls in order: who told, call, output, error, and who brought the output."""
    return rows(
        db,
        "SELECT e.number, c.call_id, c.output, c.error, o.number FROM tool_calls c "
        "JOIN exchanges e USING (exchange_id) "
        "LEFT JOIN exchanges o ON o.exchange_id = c.output_exchange_id "
        "ORDER BY e.number, c.position",
    )


def contents(db: Path) -> dict[str, list[dict[str, Any]]]:
    with duckdb.connect(db, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            table: connection.sql(f"SELECT * FROM {table} ORDER BY ALL")
            .to_arrow_table()
            .to_pylist()
            for table in TABLES
        }


def test_background_calls_are_told_when_fetched(tape: Path, db: Path) -> None:
    """A response that was queued tells its calls when it is fetched: the first whole telling."""
    done = response(1, output=[message("a"), call(1)])
    halfway = {**done, "status": "in_progress", "output": [call(1, status="in_progress")]}
    write_tape(
        tape,
        [
            Told(ask(background=True), response(1, **QUEUED)),
            fetch(1, {**done, **QUEUED}),
            fetch(1, halfway),
            fetch(1, done),
            fetch(1, stream(done)),
            cancel(1, done),
            Told(ask(result(1), previous_response_id="resp_1"), response(2)),
        ],
    )
    list(ingest([tape], db))
    assert calls(db) == [(4, "call_1", "six", None, 7)]
    ((status, latency),) = rows(db, "SELECT status, latency_ms FROM tool_calls")
    assert status == "completed"
    assert latency is not None


def test_calls_of_a_broken_stream_are_completed(tape: Path, db: Path) -> None:
    """What a stream could not tell any more is told by fetching, and nothing is told twice."""
    whole = response(1, output=[call(1), call(2)])
    write_tape(
        tape,
        [
            Told(ask(), broken(whole, [call(1)]), outcome="upstream_gone"),
            Told(ask(result(1), store=False), response(2)),
            fetch(1, stream(whole)),
        ],
    )
    list(ingest([tape], db))
    assert calls(db) == [(3, "call_1", "six", None, 2), (3, "call_2", None, None, None)]


def test_created_answers_are_no_repetitions(tape: Path, db: Path) -> None:
    """A server that gives all responses the same id has made each of its calls."""
    write_tape(tape, [Told(ask(), response(1, output=[call(n)])) for n in (1, 1, 2)])
    list(ingest([tape], db))
    assert [row[:2] for row in calls(db)] == [(1, "call_1"), (2, "call_1"), (3, "call_2")]


def test_outputs_in_the_same_answer(tape: Path, db: Path) -> None:
    """What the server ran is answered in place: no latency, and a later copy changes nothing."""
    shell = {"type": "shell_call", "call_id": "call_sh", "action": {"commands": ["ls"]}}
    ended = {"stdout": "", "stderr": "no", "outcome": {"type": "exit", "exit_code": 1}}
    shelled = {"type": "shell_call_output", "call_id": "call_sh", "output": [ended]}
    search = {"type": "tool_search_call", "id": "ts_1", "call_id": None, "arguments": {}}
    found = {"type": "tool_search_output", "call_id": None, "tools": [{"name": "tide"}]}
    patch = {"type": "apply_patch_call", "call_id": "call_p", "operation": {"path": "a"}}
    patched = {"type": "apply_patch_call_output", "call_id": "call_p", "status": "failed"}
    program = {"type": "program", "id": "p_1", "call_id": "call_pr", "code": "1"}
    ran = {"type": "program_output", "call_id": "call_pr", "result": "", "status": "incomplete"}
    made = [shell, shelled, search, search, found, patch, patched, program, call(1), ran]
    write_tape(
        tape,
        [
            Told(ask(), response(1, output=made)),
            Told(ask(*made, result(1)), response(2, output=[])),
        ],
    )
    list(ingest([tape], db))
    assert calls(db) == [
        (1, "call_sh", "no", "exit code 1", 1),
        (1, "ts_1", None, None, None),
        (1, "ts_1", "tide", None, 1),
        (1, "call_p", None, "failed", 1),
        (1, "call_pr", None, "incomplete", 1),
        (1, "call_1", "six", None, 2),
    ]
    assert rows(db, "SELECT call_id FROM tool_calls WHERE latency_ms IS NOT NULL") == [("call_1",)]


def test_many_outputs_in_one_answer(tape: Path, db: Path) -> None:
    """Thousands of calls find their outputs at once, also where there is none for them."""
    made = [call(n) for n in range(2500)]
    given = [result(n) for n in range(2500, 4999)] + [result(7)]
    rows = [item_row(json.dumps(item).encode())[0] for item in made + given]
    write_tape(tape, [Told(ask(), response(1, output=made + given))])
    with Cassette.open(tape) as cassette:
        exchange = cassette.exchange(1)
        summary = summarise(exchange)
        began = time.perf_counter()
        told = tool_call_rows(exchange, summary, rows, "create")
        assert time.perf_counter() - began < 0.5
    assert [row["call_id"] for row in told if row["output"]] == ["call_7"]


def test_outputs_in_a_later_request(tape: Path, db: Path) -> None:
    """Errors of a client's tools, approvals, and screens come with the request that brings them."""
    shell = {"type": "shell_call", "call_id": "call_sh", "action": {"commands": ["sleep 9"]}}
    ended = {"stdout": "z", "stderr": "", "outcome": {"type": "timeout"}}
    local = {"type": "local_shell_call", "call_id": "call_l", "action": {"command": ["ls"]}}
    patch = {"type": "apply_patch_call", "call_id": "call_p", "operation": {"path": "a"}}
    failed = {"status": "failed", "output": "no such file"}
    screen = {"type": "computer_call", "call_id": "call_c", "action": {"type": "screenshot"}}
    shot = {"type": "computer_screenshot", "image_url": "data:image/png;base64,AAAA"}
    lock = {"type": "mcp_approval_request", "id": "mcpr_1", "name": "lock", "arguments": "{}"}
    gate = {**lock, "id": "mcpr_2", "name": "gate"}
    opened = {
        "type": "mcp_call",
        "id": "mcp_1",
        "name": "lock",
        "arguments": "{}",
        "approval_request_id": "mcpr_1",
        "output": "open",
    }
    yes = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    no = {**yes, "approval_request_id": "mcpr_2", "approve": False, "reason": "at night?"}
    given = [
        {"type": "shell_call_output", "call_id": "call_sh", "output": [ended]},
        {"type": "local_shell_call_output", "id": "call_l", "output": "log.txt"},
        {"type": "apply_patch_call_output", "call_id": "call_p", **failed},
        {"type": "computer_call_output", "call_id": "call_c", "output": shot},
        yes,
        no,
    ]
    write_tape(
        tape,
        [
            Told(ask(), response(1, output=[shell, local, patch, screen, lock, gate])),
            Told(ask(*given), response(2, output=[opened, call(1, status="incomplete")])),
        ],
    )
    list(ingest([tape], db))
    assert calls(db) == [
        (1, "call_sh", "z", "timeout", 2),
        (1, "call_l", "log.txt", None, 2),
        (1, "call_p", "no such file", "failed", 2),
        (1, "call_c", "[26 bytes of media]", None, 2),
        (1, "mcpr_1", "approved", None, 2),
        (1, "mcpr_2", "not approved\nat night?", None, 2),
        (2, "mcp_1", "open", None, None),
        (2, "call_1", None, "incomplete", None),
    ]


def test_compacted_histories_make_no_calls(tape: Path, db: Path) -> None:
    """A compacted context repeats calls of older answers, which are not made again."""
    body = {"object": "response.compaction", "id": "cmp_1", "output": [call(1)]}
    write_tape(tape, [Told(ask(), body, path="/v1/responses/compact")])
    list(ingest([tape], db))
    assert calls(db) == []


def test_every_cut_gives_the_same_rows(tape: Path, db: Path, tmp_path: Path) -> None:
    """Ingested line by line while exchanges are in flight, the rows are those of one ingest."""
    first, *others = background(finished=True)
    in_flight = list(notes(1, first, 10**9))
    others_whole = [note for x, told in enumerate(others, 2) for note in notes(x, told, x * 10**9)]
    end = Ended(1, 20 * 10**9, "complete")
    journal = Journal(tape, base="/v1", upstream="http://127.0.0.1:1/v1")
    for note in [*in_flight[:-1], *others_whole, in_flight[-1], end]:
        journal.put(note)
    journal.close(calm=False)
    ordered = tape.read_bytes().splitlines(keepends=True)
    list(ingest([tape], db))
    expected = contents(db)
    assert [row[:2] for row in calls(db)] == [(1, "call_1"), (1, "call_2")]
    growing, grown = tmp_path / "growing.jsonl", tmp_path / "grown.duckdb"
    seen = set()
    for end in range(1, len(ordered) + 1):
        growing.write_bytes(b"".join(ordered[:end]))
        list(ingest([growing], grown))
        seen.add(tuple(row[:2] for row in calls(grown)))
    assert ((5, "call_1"), (5, "call_2")) in seen
    assert contents(grown) == expected


@pytest.mark.parametrize("finished", [True, False])
def test_a_stream_without_an_end(tape: Path, db: Path, finished: bool) -> None:
    """A stream that is never ended leaves its calls to who tells of them as a whole."""
    write_tape(tape, background(finished), calm=False)
    list(ingest([tape], db))
    assert [row[:3] for row in calls(db)] == [(5, "call_1", "six"), (5, "call_2", None)]
