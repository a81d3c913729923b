"""A call gets the output that its own conversation brought, also where others have the same ids."""

import random
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from retold import QUEUED, ask, call, fetch, result
from tapes import Told, notes, response, write_tape

from analytics.ingest import ingest
from cassettes.capture import Capture
from cassettes.folder import expanded

TIDE = {"role": "user", "content": "tide?"}
WIND = {"role": "user", "content": "wind?"}
BLOWS = call(1, id="fc_7", name="wind")


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


def calls(db: Path) -> list[tuple]:
    """Calls in order: who told, output, error, and who brought the output."""
    query = (
        "SELECT e.number, c.output, c.error, o.number FROM tool_calls c "
        "JOIN exchanges e USING (exchange_id) "
        "LEFT JOIN exchanges o ON o.exchange_id = c.output_exchange_id "
        "ORDER BY e.number, c.position"
    )
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


def table(db: Path) -> list[tuple]:
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute("SELECT * FROM tool_calls ORDER BY ALL").fetchall()


def resent(answer: str, made: dict[str, Any], user: dict[str, Any], number: int) -> Told:
    return Told(ask(user, made, result(1, answer)), response(number))


def told(number: int, user: dict[str, Any] = TIDE, **members: Any) -> Told:
    return Told(ask(user), response(number, output=[call(1, **members)]))


SNAPPED = {"type": "shell_call_output", "call_id": "call_1"}
EXIT = {"stdout": "", "stderr": "no", "outcome": {"type": "exit", "exit_code": 1}}
LOGGED: dict[str, Any] = {"type": "code_interpreter_call", "id": "ci_1", "code": "6*7"}
LOGS = {"outputs": [{"type": "logs", "logs": "42"}]}

CONVERSATIONS: dict[str, tuple[list[Told], list[tuple]]] = {
    "resent beside another": (
        [
            told(1),
            told(2, WIND, id="fc_7", name="wind"),
            resent("six", call(1), TIDE, 3),
            resent("strong", BLOWS, WIND, 4),
        ],
        [(1, "six", None, 3), (2, "strong", None, 4)],
    ),
    "kept by the server": (
        [
            told(1),
            told(2, WIND, id="fc_7", name="wind"),
            Told(ask(result(1, "strong"), previous_response_id="resp_2"), response(3)),
            Told(ask(result(1, "six"), previous_response_id="resp_1"), response(4)),
        ],
        [(1, "six", None, 4), (2, "strong", None, 3)],
    ),
    "an error of another": (
        [
            told(1),
            told(2, WIND, id="fc_7", name="wind"),
            Told(ask(WIND, BLOWS, {**SNAPPED, "output": [EXIT]}), response(3)),
            resent("six", call(1), TIDE, 4),
        ],
        [(1, "six", None, 4), (2, "no", "exit code 1", 3)],
    ),
    "without a sign of the call": (
        [told(1), Told(ask(result(1)), response(2)), Told(ask(result(1)), response(3))],
        [(1, "six", None, 2)],
    ),
    "held three times": (
        [told(1), resent("six", call(1), TIDE, 2)] * 3,
        [(1, "six", None, 2), (3, "six", None, 4), (5, "six", None, 6)],
    ),
    "held again, then otherwise": (
        [
            *[told(1), resent("six", call(1), TIDE, 2)] * 2,
            *[told(3), resent("seven", call(1), TIDE, 4)],
        ],
        [(1, "six", None, 2), (3, "six", None, 4), (5, "seven", None, 6)],
    ),
    "the same id at each turn, after a changed beginning": (
        [
            told(1),
            Told(ask(TIDE, call(1), result(1)), response(2, output=[BLOWS])),
            Told(
                ask(WIND, call(1), result(1), BLOWS, result(1, "strong")),
                response(3),
            ),
        ],
        [(1, "six", None, 2), (2, "strong", None, 3)],
    ),
    "retried": (
        [told(1), Told(ask(TIDE, call(1), result(1)), {"error": {}}, status=500)]
        + [resent("six", call(1), TIDE, 2)] * 2,
        [(1, "six", None, 2)],
    ),
    "asked for when fetched": (
        [
            Told(ask(), response(1, output=[LOGGED])),
            fetch(1, response(1, output=[LOGGED])),
            fetch(1, response(1, output=[{**LOGGED, **LOGS}])),
            fetch(1, response(1, output=[{**LOGGED, "outputs": [], "status": "failed"}])),
        ],
        [(1, "42", "failed", None)],
    ),
    "told while it was made": (
        [
            Told(ask(background=True), response(1, **QUEUED)),
            fetch(1, response(1, status="in_progress", output=[{**LOGGED, **LOGS}])),
            fetch(1, response(1, output=[LOGGED])),
        ],
        [(3, "42", None, None)],
    ),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_outputs(tmp_path: Path, db: Path, name: str) -> None:
    """The output is the one of the conversation, and the same however the ingest was cut."""
    exchanges, expected = CONVERSATIONS[name]
    tape = write_tape(tmp_path / "out.jsonl", exchanges, calm=False)
    list(ingest([tape], db))
    assert calls(db) == expected
    lines = tape.read_bytes().splitlines(keepends=True)
    growing, grown = tmp_path / "growing.jsonl", tmp_path / "grown.duckdb"
    for end in range(1, len(lines) + 1):
        growing.write_bytes(b"".join(lines[:end]))
        list(ingest([growing], grown))
    assert table(grown) == table(db)


def test_repeated_inputs_are_named(tmp_path: Path, db: Path) -> None:
    """A request whose whole input was sent before leads to the first that sent it."""
    conversation = [told(1), resent("six", call(1), TIDE, 2)]
    write_tape(tmp_path / "out.jsonl", [*conversation * 3, told(4, WIND)])
    list(ingest([tmp_path / "out.jsonl"], db))
    with duckdb.connect(db, read_only=True) as connection:
        found = connection.execute(
            "SELECT e.number, r.number FROM exchanges e "
            "LEFT JOIN exchanges r ON r.exchange_id = e.repeats_id ORDER BY ALL"
        ).fetchall()
        latencies = connection.execute("SELECT latency_ms FROM tool_calls").fetchall()
    assert found == [(1, None), (2, None), (3, 1), (4, 2), (5, 1), (6, 2), (7, None)]
    assert len(latencies) == 4
    assert [value is None for (value,) in latencies].count(True) == 1


@given(name=st.sampled_from(sorted(CONVERSATIONS)), shuffle=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_outputs_whatever_the_order_of_files(
    tmp_path_factory: pytest.TempPathFactory, name: str, shuffle: random.Random
) -> None:
    """Who answered a call is the same in whatever order the files of a capture come."""
    exchanges, expected = CONVERSATIONS[name]
    folder = tmp_path_factory.mktemp("capture")
    capture = Capture(folder / "c.jsonl", base="/v1", upstream="http://127.0.0.1:1/v1", rotate=1)
    for number, each in enumerate(exchanges, 1):
        capture.put(*notes(number, each, number * 10**9))
    capture.close()
    files = [shutil.copy(path, folder / f"{path.name}.copy") for path in expanded([folder])]
    assert len(files) > len(exchanges)  # the first is empty
    shuffle.shuffle(files)
    for paths in (*([path] for path in files), files):  # at last what was read lacks nothing
        list(ingest(paths, folder / "one-by-one.duckdb"))
    list(ingest(files, folder / "at-once.duckdb"))
    assert calls(folder / "one-by-one.duckdb") == expected
    assert calls(folder / "at-once.duckdb") == expected
