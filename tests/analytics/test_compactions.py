"""A compaction is one row, whoever compacts, for whatever reason, and in whichever form."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from retold import ask, background, fetch
from tapes import Told, message, response, write_tape

from analytics.ingest import ingest


def compactions(db: Path) -> list[tuple]:
    query = (
        "SELECT number, trigger, c.input_items, c.output_items, c.encrypted_bytes, i.type "
        "FROM compactions c JOIN exchanges USING (exchange_id) "
        "LEFT JOIN items i ON i.item_id = c.item_id ORDER BY number"
    )
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


SEALED = {"type": "compaction", "id": "cmp_1", "encrypted_content": "x" * 40}
PLAIN = {"type": "compaction", "encrypted_content": "We talked about tides."}
SUMMARY = {"type": "compaction_summary", "summary": "tides"}


@pytest.mark.parametrize(
    ("exchanges", "expected"),
    [
        (
            lambda: [Told(ask(), response(1, output=[SEALED, message("a")]))],
            [(1, "automatic", 1, 2, 40, "compaction")],
        ),
        (
            lambda: [
                Told(ask({}, {}), {"output": [PLAIN]}, path="/openai/v1/responses/compact"),
                Told(ask({}), {"output": [SUMMARY]}, path="/v1/responses/compact"),
                Told(ask({}), {"id": "cmp_9"}, path="/v1/responses/compact"),
                Told(ask({}), {"error": {}}, path="/v1/responses/compact", status=404),
                Told(ask({}), {"error": {"message": "no"}}, path="/v1/responses/compact"),
            ],
            [
                (1, "endpoint", 2, 1, 22, "compaction"),
                (2, "endpoint", 1, 1, None, "compaction_summary"),
                (3, "endpoint", 1, 0, None, None),
            ],
        ),
        (
            lambda: background(finished=True)[1:],
            [(3, "context_management", 1, 1, 9, "compaction")],
        ),
        (
            lambda: [
                fetch(1, response(1, output=[SEALED])),
                fetch(1, response(1, output=[SEALED])),
            ],
            [(1, "automatic", None, 1, 40, "compaction")],
        ),
    ],
    ids=["unasked", "other vendors", "in the background", "created elsewhere"],
)
def test_compactions(
    tmp_path: Path, exchanges: Callable[[], list[Told]], expected: list[tuple]
) -> None:
    """A compaction is told once, with what asked for it and the item that came of it."""
    tape, db = tmp_path / "out.jsonl", tmp_path / "traffic.duckdb"
    write_tape(tape, exchanges())
    list(ingest([tape], db))
    assert compactions(db) == expected
