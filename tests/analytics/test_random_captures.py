"""Captures of agents that talk at random: in any order of their files, the rows of one file."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tapes import Told, notes, response
from test_ingest import rows
from test_ingest_captures import QUERIES

from analytics.ingest import ingest
from cassettes.capture import SMALLEST, Capture
from cassettes.folder import expanded
from cassettes.journal import Journal
from cassettes.notes import SWITCHED, Answered, Began, Ended, Heard, Note, Sent

UPGRADE = [("Upgrade", "websocket")]
HANDSHAKE = 1
CALL = {"type": "function_call", "name": "weather", "arguments": "{}", "status": "completed"}
PADDING = "x" * SMALLEST
"""What fills a file of a capture."""


def capture(path: Path) -> Capture:
    """A recording that begins a new file after the least that is allowed."""
    return Capture(path, base="/v1", upstream="http://127.0.0.1:1/v1", rotate=SMALLEST)


def user(text: str) -> dict[str, str]:
    """An item of an input."""
    return {"role": "user", "content": text}


def opened() -> list[Note]:
    """A WebSocket's handshake, which is exchange 1."""
    at = time.time_ns()
    return [
        Began(HANDSHAKE, 10**9, at, "GET", "/v1/responses", UPGRADE, b""),
        Answered(HANDSHAKE, 10**9, SWITCHED, UPGRADE),
    ]


def spoken(x: int, *items: object) -> list[Note]:
    """A message on it that asks for a response, and what is answered."""
    asked = {"type": "response.create", "model": "m", "input": items}
    whole = response(x)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    return [
        Sent(x, x * 10**9, time.time_ns(), HANDSHAKE, json.dumps(asked).encode()),
        *(
            Heard(HANDSHAKE, x * 10**9 + n, json.dumps({"type": kind, "response": said}).encode())
            for n, (kind, said) in enumerate(
                [("response.created", begun), ("response.completed", whole)]
            )
        ),
    ]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


def traffic(chance: random.Random) -> Iterator[list[Note]]:
    """Agents that talk at random: calls, outputs, retries, repetitions, over HTTP and a socket."""
    histories: list[list[Any]] = [[], [], []]
    refused: dict[str, Any] = {}
    yield opened()
    for x in range(2, 40):
        history = chance.choice(histories)
        if chance.random() < 0.15:
            history[:] = chance.choice(histories)[: chance.randrange(4)]
        if chance.random() < 0.7:
            ident = f"call_{chance.randrange(6)}"
            history += [
                user(f"say {chance.randrange(8)} {PADDING[: chance.randrange(20_000)]}"),
                {"type": "function_call_output", "call_id": ident, "output": f"at {x}"},
            ]
        if chance.random() < 0.3:
            yield spoken(x, *history)
            continue
        ident = f"call_{chance.randrange(6)}"
        answer = response(x, output=[{**CALL, "id": f"fc_{x}", "call_id": ident}])
        request = refused or {"model": "m", "input": [*history]}
        if not refused and chance.random() < 0.2:
            request["previous_response_id"] = f"resp_{chance.randrange(1, x)}"
        if failed := chance.random() < 0.3:
            answer = {"error": {}}
        else:
            history += answer["output"]
        refused = request if failed else {}
        yield list(notes(x, Told(request, answer, 500 if failed else 200), x * 10**9))
    yield [Ended(HANDSHAKE, 50 * 10**9, "complete")]


@pytest.mark.parametrize("seed", range(3))
def test_any_order_gives_the_rows_of_one_file(tmp_path: Path, db: Path, seed: int) -> None:
    """Files of a capture that come one by one, in any order, are in the tables as one file is."""
    chance = random.Random(seed)
    recording = capture(tmp_path / "c.jsonl")
    one = Journal(tmp_path / "one.jsonl", base="/v1", upstream="http://127.0.0.1:1/v1")
    for each in traffic(chance):
        recording.put(*each)
        one.put(*each)
    recording.close()
    one.close()
    *closed, current = expanded([tmp_path / "c.jsonl"])
    assert len(closed) > 2
    chance.shuffle(closed)
    for path in closed[: chance.randrange(len(closed) + 1)]:
        list(ingest([path], db))
    list(ingest([current], db))
    list(ingest([tmp_path / "one.jsonl"], tmp_path / "one.duckdb"))
    for query in QUERIES:
        assert rows(db, query), query
        assert sorted(rows(db, query)) == sorted(rows(tmp_path / "one.duckdb", query)), query
    assert {found.exchanges for _, found in ingest([current], db)} == {0}
