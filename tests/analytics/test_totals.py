"""What is added up: tokens once, what has no price, absurd sums; and the SQL that the docs show."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from retold import QUEUED, ask, fetch
from tapes import Told, response, sse, usage, write_tape

from analytics.frames import frame
from analytics.ingest import ingest
from analytics.stats import load_stats, records
from cassettes.reader import Cassette
from respool.view.facts import Totals, read

ROOT = Path(__file__).parents[2]
ZEROS = usage(0, 0, 0, 0)
UNKNOWN = {"model": "mystery-9"}
BEGUN = {"status": "in_progress", "output": [], "usage": ZEROS}


def told(tmp_path: Path, exchanges: list[Told]) -> tuple[dict[str, Any], Totals]:
    """The totals of `stats` and those of `show`."""
    tape, db = tmp_path / "out.jsonl", tmp_path / "traffic.duckdb"
    write_tape(tape, exchanges)
    list(ingest([tape], db))
    shown = Totals()
    with Cassette.open(tape) as cassette:
        for number in cassette.exchanges:
            shown.add(read(cassette, number))
    return records(load_stats(db).totals)[0], shown


@pytest.mark.parametrize(
    "before",
    [
        [Told(ask(background=True), response(1, **{**QUEUED, "usage": ZEROS}))],
        [
            Told(ask(background=True), response(1, **QUEUED)),
            fetch(1, response(1, **BEGUN)),
            fetch(1, response(1, **{**BEGUN, "usage": {}})),
            fetch(1, response(1, usage={})),
        ],
        [
            Told(
                ask(),
                [sse({"type": "response.created", "response": response(1, **BEGUN)})],
                outcome="upstream_gone",
            )
        ],
    ],
    ids=["queued", "polled", "broken off"],
)
def test_zeros_of_an_unfinished_response_hide_nothing(tmp_path: Path, before: list[Told]) -> None:
    """What was used counts when the response is finished, whatever stood in its place before."""
    stats, shown = told(tmp_path, [*before, fetch(1, response(1))])
    assert (stats["with_usage"], stats["input_tokens"], stats["output_tokens"]) == (1, 100, 20)
    assert (shown.input_tokens, shown.output_tokens) == (100, 20)
    assert stats["cost_usd"] == pytest.approx(shown.cost_usd)
    assert stats["cost_usd"] > 0


def test_fetched_usage_without_a_price_is_unpriced(tmp_path: Path) -> None:
    """A response that was made in the background by an unknown model is billed, once."""
    exchanges = [
        Told(ask(background=True, **UNKNOWN), response(1, **QUEUED, **UNKNOWN)),
        fetch(1, response(1, **BEGUN, **UNKNOWN)),
        fetch(1, response(1, **UNKNOWN)),
        fetch(1, response(1, **UNKNOWN)),
    ]
    stats, shown = told(tmp_path, exchanges)
    assert (stats["unpriced"], stats["cost_usd"]) == (1, None)
    assert (shown.unpriced, shown.cost_usd) == (1, None)
    with duckdb.connect(tmp_path / "traffic.duckdb") as connection:
        (model,) = records(frame(connection, "by_model"))
        assert model["unpriced"] == 1
        billed = connection.execute("SELECT number FROM exchange_facts WHERE is_billed").fetchall()
    assert billed == [(3,)]


def test_absurd_sums_are_unknown(tmp_path: Path) -> None:
    """Counts that add up to more than a number can hold leave all other figures as they are."""
    huge = {"input_tokens": 1 << 62, "output_tokens": 1, "total_tokens": 1 << 62}
    exchanges = [Told(answer=response(n, usage=huge)) for n in (1, 2)]
    stats, _ = told(tmp_path, exchanges)
    assert (stats["input_tokens"], stats["output_tokens"], stats["total_tokens"]) == (None, 2, None)
    with duckdb.connect(tmp_path / "traffic.duckdb") as connection:
        (model,) = records(frame(connection, "by_model"))
        (moment,) = records(frame(connection, "over_time", seconds=86_400))
    assert (model["input_tokens"], model["output_tokens"]) == (None, 2)
    assert (moment["uncached_tokens"], moment["answer_tokens"]) == (None, 2)


def test_a_request_for_approval_is_no_call(tmp_path: Path) -> None:
    """A call that had to be approved first counts once."""
    asked = {"type": "mcp_approval_request", "id": "mcpr_1", "name": "pay", "arguments": "{}"}
    approved = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    paid = {"type": "mcp_call", "id": "mcp_1", "name": "pay", "arguments": "{}", "output": "ok"}
    exchanges = [
        Told(ask(), response(1, output=[asked])),
        Told(ask(approved, previous_response_id="resp_1"), response(2, output=[paid])),
    ]
    assert told(tmp_path, exchanges)[0]["tool_calls"] == 1


def test_documented_queries(tmp_path: Path) -> None:
    """The SQL on the page about the tables runs, and counts what is told again only once."""
    exchanges = [
        Told(ask(background=True), response(1, **QUEUED)),
        *[fetch(1, response(1))] * 3,
        Told(ask(), {"error": {}}, status=500),
        Told(ask(), response(2, usage=usage(300, 0, 1, 0), surprise=1)),
    ]
    told(tmp_path, exchanges)
    page = (ROOT / "docs/tables.md").read_text("utf-8")
    queries = re.findall(r"^```sql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    statements = [each for text in queries for each in text.split(";") if each.strip()]
    assert len(statements) == 4
    with duckdb.connect(tmp_path / "traffic.duckdb", read_only=True) as connection:
        answers = [connection.execute(each).fetchall() for each in statements]
    assert answers[0] == []
    assert ("response", "unknown_field", "response", "surprise") in {
        (place, kind, type_, path) for place, kind, type_, path, *_ in answers[2]
    }
    ((_, model, retries, succeeded, lost_s),) = answers[1]
    assert (model, retries, succeeded) == (response()["model"], 1, 1)
    assert lost_s == pytest.approx(0, abs=1)
    assert [share for _, share in answers[3]] == [pytest.approx(60 / 400)]
