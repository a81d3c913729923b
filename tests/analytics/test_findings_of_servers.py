"""What six servers deviate in, from the wire to the table: recorded by `respool`, and ingested."""

import http.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from dialects import CANNED, SSE, TURNS, Turn
from harness import recording

from analytics import store
from analytics.ingest import ingest
from cassettes.exchange import Exchange
from cassettes.reader import Cassette
from respool.demo.server import running_server


@dataclass(frozen=True)
class Told:
    """What the cassette and the database say of a turn."""

    exchange: Exchange
    findings: set[tuple[str, ...]]
    usage: tuple[int | None, ...] | None
    row: tuple[Any, ...]


def ask(base_url: str, turn: Turn) -> None:
    """Send a turn's request, and see that its answer arrives unchanged."""
    target = urlsplit(base_url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
    headers = {"content-type": "application/json", "x-scripted": str(turn)}
    connection.request(turn.method, target.path + turn.path, turn.request, headers)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (turn.status, turn.answer)
    connection.close()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    folder: Path = tmp_path_factory.mktemp("servers")
    tape, db = folder / "out.jsonl", folder / "traffic.duckdb"
    with running_server(canned=CANNED) as server, recording(server.base_url, tape) as proxy:
        for turn in TURNS:
            ask(proxy.base_url, turn)
        assert proxy.stop() == 0
    list(ingest([tape], db))
    with store.reading(db) as connection, Cassette.open(tape) as cassette:
        found: dict[str, Told] = {}
        for turn, number in zip(TURNS, sorted(cassette.exchanges), strict=True):
            exchange = cassette.exchange(number)
            ident = [str(exchange.id)]
            findings = connection.execute(
                "SELECT place, kind, path, type, shape FROM findings "
                "JOIN exchange_findings USING (finding_id) WHERE exchange_id = ?",
                ident,
            ).fetchall()
            usage = connection.execute(
                "SELECT input_tokens, cached_tokens, output_tokens, reasoning_tokens, total_tokens "
                "FROM usage WHERE exchange_id = ?",
                ident,
            ).fetchone()
            row = connection.execute(
                "SELECT http_status, streamed, outcome, status FROM exchanges "
                "WHERE exchange_id = ?",
                ident,
            ).fetchone()
            assert row is not None
            found[str(turn)] = Told(exchange, set(findings), usage, row)
    return found


NAMES = [
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]
PLACED = NAMES[1:-1]
WITHIN = NAMES[2:-2]
NO_EVENT_LINES = ("event", "missing_field", "event", "stream", "missing")
# The SDK has come to require it; none of these servers has it, and the API reference neither.
NO_CACHE_WRITES = (
    "response",
    "missing_field",
    "usage.input_tokens_details.cache_write_tokens",
    "usage",
    "missing",
)


def lacking(field: str, *types: str) -> set[tuple[str, ...]]:
    """Events that have no such field."""
    return {("event", "missing_field", field, each, "missing") for each in types}


def answer(kind: str, path: str, thing: str, shape: str) -> tuple[str, ...]:
    """A finding in a Response or another body."""
    return ("response", kind, path, thing, shape)


EXPECTED: dict[str, set[tuple[str, ...]]] = {
    "llama.cpp stream": {
        *lacking("sequence_number", *NAMES),
        *lacking("output_index", *PLACED),
        *lacking("content_index", *WITHIN),
        answer("missing_field", "tools", "response", "missing"),
        answer("missing_field", "tool_choice", "response", "missing"),
        answer("missing_field", "usage.output_tokens_details", "usage", "missing"),
        answer("unknown_field", "timings", "response", "object"),
        NO_CACHE_WRITES,
    },
    "llama.cpp refusal": {answer("wrong_type", "error.code", "error", "integer")},
    "LiteLLM proxy stream": {
        NO_EVENT_LINES,
        ("event", "not_json", "data", "stream", "[DONE]"),
        *(("event", "unknown_field", "model", each, "string") for each in NAMES),
        answer("unknown_field", "usage.cost", "usage", "number"),
        answer("unknown_field", "usage.prompt_tokens", "usage", "integer"),
        NO_CACHE_WRITES,
    },
    "LiteLLM proxy error in a stream": {
        NO_EVENT_LINES,
        *lacking("type", "event"),
        ("event", "broken_invariant", "", "stream", "no terminal event"),
    },
    "aimock stream": {
        *lacking("sequence_number", *NAMES),
        *lacking("logprobs", "response.output_text.delta", "response.output_text.done"),
        answer("missing_field", "usage.input_tokens_details", "usage", "missing"),
        answer("missing_field", "usage.output_tokens_details", "usage", "missing"),
    },
    "aimock retrieval": set(),
    "aimock compaction": set(),
    # Its times have fractions, which the SDK admits and the API reference does not.
    "transformers serve stream that nobody asked for": {NO_EVENT_LINES, NO_CACHE_WRITES},
    "transformers serve error": {answer("not_json", "", "error", "text")},
    "OGX stream": {
        NO_EVENT_LINES,
        answer("unknown_value", "incomplete_details.reason", "response", "length"),
        NO_CACHE_WRITES,
    },
    "OGX compaction": {
        answer("missing_field", "output[].id", "compaction", "missing"),
        NO_CACHE_WRITES,
    },
    "another vendor answer": {
        answer("unknown_field", "usage.input_tokens_details.audio_tokens", "usage", "null"),
        answer("unknown_field", "usage.output_tokens_details.audio_tokens", "usage", "null"),
        answer("missing_field", "parallel_tool_calls", "response", "missing"),
        answer("unknown_type", "tools[].container.type", "code_interpreter", "container_i_d"),
        answer("unknown_type", "tool_choice.type", "response", "hosted"),
        answer("unknown_field", "billing", "response", "object"),
        answer("unknown_type", "output[].action.type", "web_search_call", "find"),
        NO_CACHE_WRITES,
    },
    "another vendor unknown model": {answer("wrong_type", "error", "error", "string")},
    "another vendor error": {answer("wrong_type", "error", "error", "string")},
}

REPORTED = (9, 4, 3, 0, 12)
USAGE: dict[str, tuple[int | None, ...]] = {
    "llama.cpp stream": (9, 4, 3, None, 12),
    "LiteLLM proxy stream": REPORTED,
    "aimock stream": (0, None, 0, None, 0),
    "transformers serve stream that nobody asked for": REPORTED,
    "OGX stream": REPORTED,
    "OGX compaction": REPORTED,
    "another vendor answer": REPORTED,
}
"""Input, cached, output, reasoning and total tokens; None where the server says nothing."""

STATUS = {"OGX stream": "incomplete"}


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_what_a_server_deviates_in_is_found(told: dict[str, Told], turn: Turn) -> None:
    """Each deviation that a server is known for is a finding, and there are no others."""
    assert told[str(turn)].findings == EXPECTED[str(turn)]


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_deviating_exchange_is_stored_whole(told: dict[str, Told], turn: Turn) -> None:
    """However it deviates, an exchange is in the cassette byte for byte, and its usage is read."""
    found = told[str(turn)]
    assert found.exchange.request.body == turn.request
    assert found.exchange.body == turn.answer
    assert found.usage == USAGE.get(str(turn))
    answered = str(turn) in USAGE and not str(turn).endswith("compaction")
    status = STATUS.get(str(turn), "completed") if answered else None
    outcome = "truncated" if str(turn) == "LiteLLM proxy error in a stream" else "complete"
    assert found.row == (turn.status, turn.content_type == SSE, outcome, status)
