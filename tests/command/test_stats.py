"""`respool stats`: the same numbers as text and as JSON."""

import json
from pathlib import Path

import pytest
from harness import run
from tapes import Told, response, stream, write_tape


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A database of four exchanges: two models, one of unknown price, one error."""
    tape = write_tape(
        tmp_path / "out.jsonl",
        [
            Told(answer=response(1)),
            Told({"model": "gpt-5.1", "stream": True}, stream(response(2))),
            Told(answer=response(3, model="llama.gguf")),
            Told(answer={"error": {"message": "slow down", "code": "rate_limit"}}, status=429),
        ],
    )
    assert run("ingest", tape, "--db", tmp_path / "t.duckdb").returncode == 0
    return tmp_path / "t.duckdb"


def test_json(db: Path) -> None:
    """Totals and models as JSON: whole numbers stay whole, what is unknown is null."""
    found = json.loads(run("stats", "--db", db, "--json").stdout)
    totals = found["totals"]
    assert totals["exchanges"] == 4
    assert totals["input_tokens"] == 600
    assert totals["cached_tokens"] == 180
    assert totals["output_tokens"] == 60
    assert totals["reasoning_tokens"] == 15
    assert totals["total_tokens"] == 660
    assert totals["failed"] == 1
    assert totals["unpriced"] == 1
    assert totals["cost_usd"] == pytest.approx((257.5 + 382.5) / 1e6)
    assert isinstance(totals["input_tokens"], int)
    models = {row["model"]: row for row in found["by_model"]}
    assert models["gpt-5.1-2025-11-13"]["exchanges"] == 2
    assert models["gpt-5.1-2025-11-13"]["first_token_p50_ms"] == pytest.approx(30)
    assert models["llama.gguf"]["cost_usd"] is None
    assert models["gpt-5.1"]["input_tokens"] is None


@pytest.mark.parametrize("columns", ["60", "80", "160"])
def test_text(db: Path, columns: str) -> None:
    """The tables fit the terminal and name what is not known."""
    done = run("stats", "--db", db, env={"COLUMNS": columns})
    assert "4 exchanges, 1 failed," in done.stdout
    assert "and 1 exchange of unknown price" in done.stdout
    assert "llama.gguf" in done.stdout
    table = done.stdout[done.stdout.index("models") :]
    assert max(map(len, table.splitlines())) <= int(columns)
