"""A session with llama.cpp that was captured: its dialect, on machines that have no model.

`llama-cpp.jsonl` is a recording of `make test-llm`. To make it anew, keep what that test leaves:
`.venv/bin/pytest -m llm --basetemp DIR`, then copy `DIR/llm0/llama-cpp.jsonl`.
"""

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest
from conversation import LIMIT
from dialect import DIALECT, MALFORMED, found
from harness import KEY, replaying, run

from cassettes.exchange import Exchange
from cassettes.reader import Cassette

CAPTURED = Path(__file__).with_name("llama-cpp.jsonl")


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """The exchanges of the captured session."""
    with Cassette.open(CAPTURED) as cassette:
        return [cassette.exchange(number) for number in cassette.exchanges]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The captured session, ingested."""
    db = tmp_path_factory.mktemp("captured") / "traffic.duckdb"
    done = run("ingest", CAPTURED, "--db", db)
    assert done.returncode == 0, done.stderr
    return db


def usage(exchange: Exchange) -> dict[str, int] | None:
    """The usage that an answer reports, read without respool's help."""
    body = json.loads(exchange.body.strip().rpartition(b"data: ")[2])
    return body.get("response", body).get("usage")


def test_holds_nothing_of_the_machine_it_was_captured_on() -> None:
    """The file is small, and has neither the key nor a path in it."""
    text = CAPTURED.read_text("utf-8")
    assert len(text) < 150_000
    for trace in (KEY, ".gguf", "/home", "/root", "/tmp", "/Users"):
        assert trace not in text


def test_any_client_gets_the_bytes_of_the_model(exchanges: list[Exchange]) -> None:
    """A plain HTTP client that sends the recorded requests gets the recorded answers, exactly."""
    assert len(exchanges) == 10
    with replaying(CAPTURED) as player:
        connection = http.client.HTTPConnection(urlsplit(player.base_url).netloc)
        for each in exchanges:
            asked = each.request
            headers = {"content-type": "application/json"}
            connection.request(asked.method, asked.path, asked.body, headers)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (each.status, each.body)
        connection.close()


def test_dialect_is_found(db: Path) -> None:
    """What the server does in its own way is found, and of the requests only the wrong one."""
    assert found(db, "response", "event") >= DIALECT
    assert found(db, "request") == {MALFORMED}


def test_an_answer_that_was_cut_off_is_called_completed(db: Path) -> None:
    """An answer that `max_output_tokens` ends is `completed`, though the API says `incomplete`."""
    query = "SELECT status FROM exchanges JOIN usage USING (exchange_id) WHERE output_tokens = ?"
    with duckdb.connect(db, read_only=True) as connection:
        assert connection.execute(query, [LIMIT]).fetchall() == [("completed",)] * 2


def test_stats_add_up(db: Path, exchanges: list[Exchange]) -> None:
    """The totals are the sums of what the answers report; costs and reasoning are unknown."""
    usages = [found for found in map(usage, exchanges) if found]
    totals = json.loads(run("stats", "--db", db, "--json").stdout)["totals"]
    assert totals["with_usage"] == len(usages) == 8
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        assert totals[name] == sum(usage[name] for usage in usages), name
    assert totals["reasoning_tokens"] is None
    assert totals["cost_usd"] is None
    assert totals["failed"] == 2
