"""Retries in the tables: the same links however ingests cut the traffic, and what they cost."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tapes import Told, response, stream, usage, write_tape
from traffic import HEADER, asking, encoded, exchange

from analytics.frames import frame
from analytics.ingest import ingest
from analytics.store import reading
from analytics.tables import TABLES
from cassettes import format as lines
from cassettes.reader import Cassette
from respool.view.facts import read, readings

ASK = asking("hi")
LINKS = (
    "SELECT e.number, f.number, e.attempt FROM exchanges e "
    "LEFT JOIN exchanges f ON f.exchange_id = e.retry_of_id ORDER BY e.number"
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


def rows(db: Path, query: str) -> list[tuple]:
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


def contents(db: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, in an order that does not depend on how they got there."""
    with duckdb.connect(db, read_only=True) as connection:
        return {
            table: connection.sql(f"SELECT * FROM {table} ORDER BY ALL")
            .to_arrow_table()
            .to_pylist()
            for table in TABLES
        }


def counted(n: int) -> list[tuple[str, str]]:
    return [("x-stainless-retry-count", str(n))]


def journal() -> bytes:
    """Chains that overlap: one whose first attempt ends after its retry began, one that counts."""
    first = exchange(1, ASK, b"{}", status=503)
    groups = [
        first[:-1],
        exchange(2, ASK, b"{}", status=429),
        first[-1:],
        exchange(3, asking("counted"), None, outcome="upstream_unreachable", sent=counted(0)),
        exchange(4, ASK),
        exchange(5, asking("counted"), b"{}", sent=counted(1)),
        exchange(6, asking("counted"), None, outcome=None, sent=counted(0)),
        exchange(7, asking("counted"), b"{}", sent=counted(1)),
        exchange(8, b"", b"{}", method="GET", path="/v1/models", status=500),
        exchange(9, b"", b"{}", method="GET", path="/v1/models"),
    ]
    return lines.encode(HEADER) + encoded(note for group in groups for note in group)


EXPECTED = [
    *((1, None, 1), (2, 1, 2), (3, None, 1), (4, 2, 3), (5, 3, 2)),
    *((6, None, 1), (7, 6, 2), (8, None, 1), (9, 8, 2)),
]


def test_every_cut_gives_the_same_links(tmp_path: Path, db: Path) -> None:
    """A retry that is read before the end of what it retries is linked once that is there."""
    whole = journal()
    tape = tmp_path / "c.jsonl"
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 0x0A]
    for end in ends:
        tape.write_bytes(whole[:end])
        list(ingest([tape], db))
    assert rows(db, LINKS) == EXPECTED
    once = tmp_path / "once.duckdb"
    list(ingest([tape], once))
    assert contents(once) == contents(db)
    with Cassette.open(tape) as cassette:
        shown = [(r.number, r.retry.of if r.retry else None, r.attempt) for r in readings(cassette)]
    assert shown == EXPECTED


def test_a_link_goes_when_what_it_retried_turns_out_well(tmp_path: Path, db: Path) -> None:
    """One in flight may be what was retried; when it ends well, it was not."""
    first = exchange(1, ASK, b"{}", sent=counted(0))
    groups = [first[:-1], exchange(2, ASK, b"{}", sent=counted(1)), first[-1:]]
    whole = lines.encode(HEADER) + encoded(note for group in groups for note in group)
    tape = tmp_path / "c.jsonl"
    tape.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    list(ingest([tape], db))
    assert rows(db, LINKS) == [(1, None, 1), (2, 1, 2)]
    tape.write_bytes(whole)
    list(ingest([tape], db))
    assert rows(db, LINKS) == [(1, None, 1), (2, None, 2)]


def test_an_older_ingest_is_brought_up_to_date(tmp_path: Path, db: Path) -> None:
    """Exchanges that were read before there were links are read again with their cassette, once."""
    tape = tmp_path / "c.jsonl"
    tape.write_bytes(journal())
    list(ingest([tape], db))
    before = contents(db)
    with duckdb.connect(db) as connection:
        connection.execute(
            "UPDATE exchanges SET request_key = NULL, retry_count = NULL, attempt = NULL, "
            "retry_of_id = NULL"
        )
    ((_, found),) = ingest([tape], db)
    assert found.exchanges == 9
    assert contents(db) == before
    ((_, found),) = ingest([tape], db)
    assert found.exchanges == 0


def test_what_retries_cost(tmp_path: Path, db: Path) -> None:
    """Time is lost from one attempt to the next, tokens where the failed attempt told them."""
    failed = response(1, status="failed", usage=usage(1000, 0, 0, 0))
    failed |= {"error": {"code": "server_error", "message": "no"}}
    ask = {"model": "gpt-5.1", "input": "hi"}
    tape = write_tape(
        tmp_path / "c.jsonl",
        [Told(ask, stream(failed)), Told(ask, {"error": {}}, status=500), Told(ask, response(2))],
    )
    list(ingest([tape], db))
    with reading(db) as connection:
        found: list[dict[str, Any]] = frame(connection, "retries").to_dict("records")
        (totals,) = frame(connection, "totals").to_dict("records")
    by_status = {row["http_status"]: row for row in found}
    assert by_status[200]["error_code"] == "server_error"
    assert by_status[200]["lost_tokens"] == 1000
    assert by_status[200]["lost_usd"] == pytest.approx(1000 * 1.25 / 1e6)
    assert str(by_status[500]["lost_tokens"]) in {"nan", "<NA>", "None"}
    assert [by_status[status]["succeeded"] for status in (200, 500)] == [0, 1]
    assert totals["retries"] == 2
    lost = "SELECT sum(epoch_ms(r.started_at) - epoch_ms(f.started_at)) FROM exchanges r "
    ((expected,),) = rows(db, lost + "JOIN exchanges f ON f.exchange_id = r.retry_of_id")
    assert totals["retries_lost_ms"] == pytest.approx(expected, abs=2)


FAILED = response(1, status="failed", error={"code": "invalid_prompt", "message": "no"})


@pytest.mark.parametrize(
    ("told", "result"),
    [
        (Told(answer=response(1)), "ok"),
        (Told(answer=response(1, status="incomplete")), "ok"),
        (Told(answer=[{"type": "response.failed", "response": FAILED}]), "failed"),
        (Told(answer=[{"type": "error", "code": "x", "message": "y"}]), "failed"),
        (Told(answer={"error": "words"}, status=404), "failed"),
        (Told(answer={"error": "words"}, status=500, outcome="client_gone"), "failed"),
        (Told(answer={"error": "words"}, path="/v1/models"), "ok"),
        (Told(answer={"error": "words"}, path="/v1/models", status=500), "failed"),
        *((Told(outcome=each), "failed") for each in ("upstream_gone", "upstream_unreachable")),
        *((Told(answer=[], outcome=each), "failed") for each in ("truncated", "recorder_overrun")),
        *((Told(outcome=each), "interrupted") for each in ("client_gone", "proxy_stopped")),
        (Told(), "failed"),
        (Told(outcome=None), "unfinished"),
        (Told(answer={"error": "words"}, status=500, outcome=None), "unfinished"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_rule_says_what_failed(tmp_path: Path, db: Path, told: Told, result: str) -> None:
    """The tables, the list and its colours agree on how an exchange went; so does a migration."""
    tape = write_tape(tmp_path / "c.jsonl", [told], calm=False)
    list(ingest([tape], db))
    assert rows(db, "SELECT result FROM exchanges") == [(result,)]
    with Cassette.open(tape) as cassette:
        shown = read(cassette, 1)
    assert shown.result == result
    assert (shown.verdict.grade == "bad") is (result == "failed")
    with reading(db) as connection:
        (totals,) = frame(connection, "totals").to_dict("records")
        told_of = len(frame(connection, "errors"))
    counts = {name: totals[name] for name in ("failed", "interrupted", "unfinished")}
    assert {name for name, count in counts.items() if count} == {result} - {"ok"}
    assert told_of == (result != "ok")
    migration = (Path(__file__).parents[2] / "analytics/migrations/0003_retries.sql").read_text()
    update = re.search(r"^UPDATE.*?;", migration, re.MULTILINE | re.DOTALL)
    assert update
    with duckdb.connect(db) as connection:
        connection.execute(update[0])
    assert rows(db, "SELECT result FROM exchanges") == [(result,)]
