"""Ingest into a real database: incremental, idempotent, and equal however it is cut."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest
from harness import RESPOOL, one_line_error, run
from tapes import Told, message, response, sse, stream, usage, write_tape

from analytics import store
from analytics.frames import frame
from analytics.ingest import Ingest, ingest
from analytics.tables import TABLES
from cassettes.reader import Cassette

COLUMNS = (
    "exchange_id, model, input_tokens, cached_tokens, output_tokens, reasoning_tokens, "
    "total_tokens, cost_usd"
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def contents(db: Path) -> dict[str, list[tuple]]:
    """All rows of all tables, in an order that does not depend on how they got there."""
    with duckdb.connect(db, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            table: connection.sql(f"SELECT * FROM {table} ORDER BY ALL")
            .to_arrow_table()
            .to_pylist()
            for table in TABLES
        }


def rows(db: Path, query: str) -> list[tuple]:
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


def conversation(turns: int) -> list[Told]:
    """An agent that resends its history, calls a tool at each turn, and streams every other."""
    history: list[dict] = []
    told = []
    for turn in range(1, turns + 1):
        if turn > 1:
            history.append(
                {"type": "function_call_output", "call_id": f"call_{turn - 1}", "output": "sunny"}
            )
        history.append({"role": "user", "content": f"question {turn}"})
        call = {
            "id": f"fc_{turn}",
            "type": "function_call",
            "call_id": f"call_{turn}",
            "name": "get_weather",
            "arguments": '{"city":"Zürich"}',
            "status": "completed",
        }
        answer = response(turn, output=[message(f"answer {turn}", turn), call])
        request = {
            "model": "gpt-5.1",
            "instructions": "Be brief.",
            "input": list(history),
            "tools": [
                {"type": "function", "name": "get_weather", "parameters": {}, "strict": True}
            ],
            "stream": turn % 2 == 0,
        }
        told.append(Told(request, stream(answer) if turn % 2 == 0 else answer))
        history += answer["output"]
    return told


def test_tables_of_a_conversation(tape: Path, db: Path) -> None:
    """Items once, links for what a turn adds, and calls joined with their outputs."""
    write_tape(tape, conversation(3))
    list(ingest([tape], db))
    found = contents(db)
    assert sorted(row["number"] for row in found["exchanges"]) == [1, 2, 3]
    by_number = {row["number"]: row for row in found["exchanges"]}
    assert by_number[2]["parent_id"] == by_number[1]["exchange_id"]
    assert [by_number[n]["input_items"] for n in (1, 2, 3)] == [1, 5, 9]
    assert [by_number[n]["inherited_items"] for n in (1, 2, 3)] == [0, 1, 5]
    assert by_number[2]["first_token_ms"] == pytest.approx(30)
    assert by_number[1]["first_token_ms"] is None
    assert by_number[2]["event_types"][-1] == "response.completed"
    # 3 questions, 2 outputs, 3 answers, 3 calls, 1 instructions
    assert len(found["items"]) == 12
    assert len(found["tools"]) == 1
    assert {row["toolset_id"] for row in found["exchanges"]} == {found["tools"][0]["toolset_id"]}
    calls = sorted(found["tool_calls"], key=lambda row: row["call_id"])
    assert [call["output"] for call in calls] == ["sunny", "sunny", None]
    assert calls[0]["output_exchange_id"] == by_number[2]["exchange_id"]
    assert calls[0]["arguments"] == '{"city":"Zürich"}'
    whole = rows(
        db,
        "SELECT position FROM whole_inputs JOIN exchanges USING (exchange_id) "
        "WHERE number = 3 ORDER BY position",
    )
    assert [position for (position,) in whole] == list(range(9))


def test_usage_is_as_reported(tape: Path, db: Path) -> None:
    """One row of usage for each exchange that reported it; what was not reported is NULL."""
    bare = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    write_tape(
        tape,
        [
            Told(answer=response(1)),
            Told(answer=response(2, usage=None)),
            Told(answer=response(3, usage=bare, model="some-local-model")),
            Told(answer={"error": {"message": "no", "code": "nope"}}, status=400),
            Told(
                {"model": "gpt-5.1", "input": []},
                {
                    "id": "resp_5",
                    "object": "response.compaction",
                    "output": [],
                    "usage": usage(50, 0, 9, 0),
                },
                path="/v1/responses/compact",
            ),
        ],
    )
    list(ingest([tape], db))
    found = rows(
        db,
        f"SELECT {COLUMNS} FROM usage JOIN exchanges USING (exchange_id) ORDER BY number".replace(
            "model,", "usage.model,"
        ),
    )
    assert [row[2:7] for row in found] == [
        (100, 60, 20, 5, 120),
        (7, None, 3, None, 10),
        (50, 0, 9, 0, 59),
    ]
    assert found[0][7] == pytest.approx((40 * 1.25 + 60 * 0.125 + 20 * 10) / 1e6)
    assert found[1][7] is None


def test_again_adds_nothing(tape: Path, db: Path) -> None:
    """A second ingest of the same cassette changes no row, wherever the file lies by then."""
    write_tape(tape, conversation(4))
    ((_, first),) = ingest([tape], db)
    before = contents(db)
    ((_, again),) = ingest([tape], db)
    moved = tape.rename(tape.with_name("moved.jsonl"))
    list(ingest([moved], db))
    assert (first.exchanges, again.exchanges) == (4, 0)
    assert contents(db) == before


def test_every_cut_gives_the_same_rows(tape: Path, db: Path, tmp_path: Path) -> None:
    """Ingesting a growing journal at any moments gives the rows of one ingest at the end."""
    write_tape(
        tape,
        [*conversation(3), Told(answer=[sse({"type": "response.created"})], outcome=None)],
        calm=False,
    )
    whole = tape.read_bytes()
    list(ingest([tape], db))
    expected = contents(db)
    growing, grown = tmp_path / "growing.jsonl", tmp_path / "grown.duckdb"
    cuts = range(whole.index(b"\n") + 1, len(whole) + 1, len(whole) // 23)
    for cut in [*cuts, len(whole)]:
        growing.write_bytes(whole[:cut])
        list(ingest([growing], grown))
    assert contents(grown) == expected
    numbers = rows(grown, "SELECT number, outcome FROM exchanges ORDER BY number")
    assert numbers == [(1, "complete"), (2, "complete"), (3, "complete"), (4, "incomplete")]


def test_following_a_recording(tape: Path, db: Path) -> None:
    """One open follower reads what was added, also after the cassette was rewritten."""
    write_tape(tape, conversation(2), calm=False)
    with Cassette.open(tape) as cassette:
        follower = Ingest(cassette, db)
        assert follower.catch_up().exchanges == 2
        write_tape(tape, [Told(answer=response(9))], calm=False)
        assert follower.catch_up().exchanges == 1
        assert follower.catch_up().exchanges == 0
    write_tape(tape, [])  # closes it in its calm form
    before = contents(db)
    list(ingest([tape], db))
    assert contents(db) == before


def test_killed_ingest_leaves_whole_batches(tape: Path, db: Path) -> None:
    """After kill -9 of an ingest the next one completes the tables, with nothing twice."""
    write_tape(tape, conversation(30))
    code = (
        "import os, analytics.exchange_rows as r, analytics.ingest as i\n"
        "import analytics.waiting_rows as w\n"
        "from pathlib import Path\n"
        "w.BATCH = 3\nwrite, count = r.write, 0\n"
        "def dying(*a):\n"
        "    global count\n    count += 1\n"
        "    if count == 5: os.kill(os.getpid(), 9)\n"
        "    return write(*a)\n"
        "r.write = dying\n"
        f"list(i.ingest([Path({str(tape)!r})], Path({str(db)!r})))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code])
    assert done.returncode == -signal.SIGKILL
    assert rows(db, "SELECT count(*) FROM exchanges") == [(12,)]
    ((_, rest),) = ingest([tape], db)
    assert rest.exchanges == 18
    fresh = db.with_name("fresh.duckdb")
    list(ingest([tape], fresh))
    assert contents(db) == contents(fresh)


def test_two_ingests_at_once(tape: Path, db: Path) -> None:
    """Two processes that ingest the same cassette together leave every row once."""
    write_tape(tape, conversation(20))
    both = [
        subprocess.Popen([RESPOOL, "ingest", tape, "--db", db], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    fresh = db.with_name("fresh.duckdb")
    list(ingest([tape], fresh))
    assert contents(db) == contents(fresh)


def test_reader_beside_a_running_ingest(tape: Path, db: Path) -> None:
    """Statistics can be read while another process ingests again and again."""
    write_tape(tape, conversation(5))
    list(ingest([tape], db))
    stop = threading.Event()
    failures: list[object] = []

    def again() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            more = write_tape(tape.with_name(f"more-{number}.jsonl"), conversation(2))
            done = run("ingest", more, "--db", db)
            if done.returncode:
                failures.append(done)

    thread = threading.Thread(target=again)
    thread.start()
    try:
        counts = [
            json.loads(run("stats", "--db", db, "--json").stdout)["totals"]["exchanges"]
            for _ in range(6)
        ]
    finally:
        stop.set()
        thread.join()
    assert not failures
    assert counts == sorted(counts)
    assert counts[0] >= 5


def test_odd_traffic_is_ingested(tape: Path, db: Path) -> None:
    """Whatever is sent ends up in the tables, with findings instead of errors."""
    odd = b'{"model":"m","input":[1,"two",null,{"type":"from_the_future","x":1e400}],"stream":true}'
    surrogate = b'{"model":"m","input":[{"role":"user","content":"\\ud800 \\u0000"}]}'
    write_tape(
        tape,
        [
            Told(odd, [b"data: [DONE]\n\n", b": ping\n\n", sse({"type": "response.future"})]),
            Told(surrogate, b"Internal Server Error", status=500),
            Told(b"not json", {"error": "a plain string"}, status=404),
            Told(b"", b"\xff\xfe", status=200),
            Told(
                answer=response(
                    1, output=[1, None, {"type": "mystery"}], usage={"input_tokens": 1.5}
                )
            ),
            Told(answer=response(2, output={"not": "a list"}, usage="none")),
            Told(answer=None, outcome="upstream_unreachable"),
            Told(
                answer=[sse({"type": "response.created", "response": "odd"})],
                outcome="upstream_gone",
            ),
        ],
    )
    ((_, found),) = ingest([tape], db)
    assert found.exchanges == 8
    kinds = {kind for (kind,) in rows(db, "SELECT DISTINCT kind FROM findings")}
    assert {"unknown_type", "wrong_type", "missing_field", "not_json"} <= kinds
    assert rows(db, "SELECT http_status, error_message FROM exchanges WHERE number = 2") == [
        (500, "Internal Server Error")
    ]
    fresh = db.with_name("fresh.duckdb")
    list(ingest([tape], fresh))
    assert contents(db) == contents(fresh)


def test_findings_are_one_row_per_kind(tape: Path, db: Path) -> None:
    """A deviation that repeats in every exchange is one finding that all of them refer to."""
    write_tape(tape, [Told(answer=response(n, surprise=True)) for n in range(1, 6)])
    list(ingest([tape], db))
    found = rows(
        db,
        "SELECT count(DISTINCT f.finding_id), count(*) FROM findings f "
        "JOIN exchange_findings USING (finding_id) WHERE path = 'surprise'",
    )
    assert found == [(1, 5)]


def test_compactions(tape: Path, db: Path) -> None:
    """Compaction is noted whichever way it was asked for, and only where there was one."""
    item = {"type": "compaction", "id": "cmp_1", "encrypted_content": "x" * 40}
    compacted = {
        "object": "response.compaction",
        "id": "resp_1",
        "output": [message("kept"), item],
        "usage": usage(90, 0, 30, 0),
    }
    asked = [{"role": "user", "content": "a"}, {"type": "compaction_trigger"}]
    managed = {"model": "m", "input": "a", "context_management": [{"type": "compaction"}]}
    write_tape(
        tape,
        [
            Told({"model": "m", "input": [{}, {}, {}]}, compacted, path="/v1/responses/compact"),
            Told({"model": "m", "input": asked}, response(2, output=[item])),
            Told(managed, response(3, output=[item, message("x")])),
            Told(managed, response(4)),
        ],
    )
    list(ingest([tape], db))
    found = rows(
        db,
        "SELECT number, trigger, c.input_items, c.output_items, encrypted_bytes "
        "FROM compactions c JOIN exchanges USING (exchange_id) ORDER BY number",
    )
    assert found == [
        (1, "endpoint", 3, 2, 40),
        (2, "compaction_trigger", 2, 1, 40),
        (3, "context_management", 1, 2, 40),
    ]


def test_columns_equal_the_migrations(db: Path) -> None:
    """What ingest fills is what the migrations make, column for column."""
    with store.writing(db) as connection:
        for table, schema in TABLES.items():
            described = connection.execute(f"DESCRIBE {table}").fetchall()
            assert [row[0] for row in described] == schema.names, table
    assert db.stat().st_mode & 0o777 == 0o600


def test_queries_run_on_an_empty_database(db: Path) -> None:
    """Every query answers, with its columns, before anything was ingested."""
    from importlib.resources import files

    values = {
        "cassette": "00000000-0000-0000-0000-000000000000",
        "exchanges": [],
        "limit": 5,
        "numbers": [],
        "seconds": 60,
    }
    with store.writing(db) as connection:
        for entry in (files("analytics") / "queries").iterdir():
            name = entry.name.removesuffix(".sql")
            if name.startswith(("orphans_", "answer_", "once_", "respell_", "narrow_", "link_")):
                continue
            asked = set(re.findall(r"\$(\w+)", entry.read_text()))
            answer = frame(connection, name, **{each: values[each] for each in asked})
            assert len(answer.columns) > 0, name


def test_copies_that_were_recorded_on(tape: Path, db: Path) -> None:
    """Two copies of a cassette with different exchanges under one id are told apart, not mixed."""
    write_tape(tape, conversation(2))
    other = tape.with_name("other.jsonl")
    other.write_bytes(tape.read_bytes())
    write_tape(tape, [Told(answer=response(8))])
    time.sleep(0.002)  # two recordings do not begin in the same millisecond
    write_tape(other, [Told(answer=response(9))])
    assert run("ingest", tape, "--db", db).returncode == 0
    before = contents(db)
    error = one_line_error(run("ingest", other, "--db", db))
    assert "has another exchange 3 of this cassette" in error
    assert contents(db) == before
