"""respool in front of a real model: llama.cpp's server, recorded, replayed and explained."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from conversation import LIMIT, Turn, converse
from dialect import DIALECT, MALFORMED, found
from harness import recording, replaying, run
from llama_server import running_llama

pytestmark = [pytest.mark.llm, pytest.mark.timeout(300)]


@dataclass(frozen=True, slots=True)
class Session:
    """What the program got from the model, the cassette of it, and the database of that."""

    turns: dict[str, Turn]
    cassette: Path
    db: Path


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session with the model, which is gone when the tests begin."""
    folder = tmp_path_factory.mktemp("llm")
    cassette, db = folder / "llama-cpp.jsonl", folder / "traffic.duckdb"
    with running_llama() as llama, recording(llama.base_url, cassette) as proxy:
        turns = converse(proxy.client(max_retries=0))
        assert proxy.stop() == 0
        llama.stop()
    done = run("ingest", cassette, "--db", db)
    assert done.returncode == 0, done.stderr
    return Session(turns, cassette, db)


def test_model_answers_and_calls_tools(session: Session) -> None:
    """The session holds what a session with a model holds: answers, tool calls and errors."""
    turns = session.turns
    assert "Paris" in turns["plain"].response.output_text
    for name in ("call", "call, streamed"):
        (call,) = turns[name].response.output
        assert (call.type, call.name) == ("function_call", "weather")
        assert json.loads(call.arguments) == {"city": "Kyoto"}
    assert turns["unsupported"].came[0] == turns["malformed"].came[0] == 400


def test_an_answer_that_was_cut_off_is_called_completed(session: Session) -> None:
    """An answer that `max_output_tokens` ends is `completed`, though the API says `incomplete`."""
    for name in ("cut off", "cut off, streamed"):
        response = session.turns[name].response
        assert response.usage.output_tokens == LIMIT
        assert response.status == "completed"


def test_replay_needs_no_model(session: Session) -> None:
    """With the model gone the same program gets the same bytes, events and errors."""
    with replaying(session.cassette) as player:
        again = converse(player.client(max_retries=0))
        assert player.stop() == 0
    assert again == session.turns
    assert "served 10 of 10 recorded exchanges, 0 misses" in player.said[-1]


def test_dialect_is_found(session: Session) -> None:
    """What the server does in its own way is found, and of the requests only the wrong one."""
    assert found(session.db, "response", "event") >= DIALECT
    assert found(session.db, "request") == {MALFORMED}


def test_stats_add_up(session: Session) -> None:
    """The totals are the sums of the usage that the SDK saw, and what it did not see is unknown."""
    responses = [turn.response for turn in session.turns.values() if turn.response]
    usages = [response.usage for response in responses]
    totals = json.loads(run("stats", "--db", session.db, "--json").stdout)["totals"]
    assert totals["exchanges"] == len(session.turns)
    assert totals["with_usage"] == len(usages)
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        assert totals[name] == sum(getattr(usage, name) for usage in usages), name
    assert totals["cached_tokens"] == sum(u.input_tokens_details.cached_tokens for u in usages)
    assert totals["reasoning_tokens"] is None
    assert totals["failed"] == 2
    assert totals["tool_calls"] == 2
