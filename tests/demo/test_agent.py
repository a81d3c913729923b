"""The demo's agent: that it runs, what it covers, and that it repeats itself exactly."""

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import genai_prices
import pytest
from click.testing import CliRunner, Result
from openai.types.responses import Response

from respool.demo import agent, events, tools
from respool.demo.answers import MODELS
from respool.demo.server import Canned, Received, RunningServer, running_server

QUESTION = "I have four days off in November. Kyoto or Lisbon?"
STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def run(server: RunningServer, out: Path) -> Result:
    """The agent's command, with the environment that points it at this server."""
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-demo"}
    return CliRunner().invoke(agent.main, ["--out", str(out)], env=environment)


def lines(transcript: Path) -> list[dict[str, Any]]:
    """The transcript, answer by answer."""
    return [json.loads(line) for line in transcript.read_text("utf-8").splitlines()]


def responses(transcript: Path) -> list[Response]:
    """Every Response in the transcript, whichever way it travelled."""
    found = [
        line["events"][-1]["response"] if line["kind"] == "stream" else line["response"]
        for line in lines(transcript)
        if line["kind"] in ("stream", "response")
    ]
    return [Response.model_validate(response) for response in found]


def test_it_repeats_itself_exactly(tmp_path: Path) -> None:
    """Against equal answers, two runs send the same bytes, write the same and say the same."""
    sent, said = [], []
    for name in ("one", "two"):
        with running_server(seed="demo") as server:
            said.append(run(server, tmp_path / name).output)
            sent.append([(r.method, r.path, r.body) for r in server.requests])
    assert sent[0] == sent[1]
    assert said[0] == said[1]
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_it_covers_what_an_agent_does(tmp_path: Path) -> None:
    """One run has all transports, a compaction, parallel calls, a refusal, an error and a retry."""
    with running_server() as server:
        result = run(server, tmp_path / "transcript.jsonl")
        requests = server.requests
    assert result.exit_code == 0, result.output
    transcript = lines(tmp_path / "transcript.jsonl")
    assert len(result.output.splitlines()) == len(transcript) == 14
    kinds = Counter(line["kind"] for line in transcript)
    assert kinds == {"stream": 8, "response": 4, "compaction": 1, "error": 1}
    answers = responses(tmp_path / "transcript.jsonl")
    assert {answer.model for answer in answers} == set(MODELS.values())
    assert Counter(answer.status for answer in answers) == {"completed": 11, "incomplete": 1}
    called = [sum(item.type == "function_call" for item in answer.output) for answer in answers]
    assert max(called) == 3
    parts = [
        part.type for a in answers for i in a.output if i.type == "message" for part in i.content
    ]
    assert parts.count("refusal") == 1
    assert {request.header("x-stainless-retry-count") for request in requests} == {"0", "1"}
    assert [request.path for request in requests].count("/v1/responses/compact") == 1


def test_it_resends_its_history_and_stores_nothing(tmp_path: Path) -> None:
    """Each request holds the one before it, encrypted reasoning too, until the compaction."""
    with running_server() as server:
        run(server, tmp_path / "transcript.jsonl")
        bodies = [request.json() for request in server.requests]
    compaction = next(at for at, body in enumerate(bodies) if "store" not in body)
    before, after = bodies[:compaction], bodies[compaction + 1 :]
    assert all(body["store"] is False for body in before + after)
    grown = before[:-1]  # the last one before the compaction is the question that was rejected
    for earlier, later in pairwise(grown):
        assert later["input"][: len(earlier["input"])] == earlier["input"]
    reasoning = [item for item in grown[-1]["input"] if item.get("type") == "reasoning"]
    assert all(item["encrypted_content"] for item in reasoning)
    assert [item.get("type") for item in after[0]["input"]].count("compaction") == 1


def test_cached_tokens_grow_and_fall_with_the_conversation(tmp_path: Path) -> None:
    """More of the input is cached at every turn, until the compaction makes it a new one."""
    with running_server() as server:
        run(server, tmp_path / "transcript.jsonl")
    cached = [
        answer.usage.input_tokens_details.cached_tokens
        for answer in responses(tmp_path / "transcript.jsonl")
        if answer.usage and answer.model == MODELS[agent.MODEL]
    ]
    until = cached.index(max(cached)) + 1
    assert cached[:until] == sorted(set(cached[:until]))
    assert 0 < cached[until] < cached[until - 1]


def test_its_models_have_prices() -> None:
    """What the agent spends can be priced."""
    assert {agent.MODEL, agent.SMALL_MODEL} == set(MODELS)
    usage = genai_prices.Usage(input_tokens=1000, cache_read_tokens=100, output_tokens=10)
    for model in MODELS.values():
        price = genai_prices.calc_price(usage, model_ref=model, provider_id="openai")
        assert price.total_price > 0


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """Started as a module from any directory, it does its work without a warning."""
    with running_server() as server:
        environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-demo"}
        result = subprocess.run(
            [sys.executable, "-W", "error", "-P", "-m", "respool.demo.agent", "--out", "t.jsonl"],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
        )
    assert (result.returncode, result.stderr) == (0, "")
    assert len(lines(tmp_path / "t.jsonl")) == 14


def test_it_says_why_it_stops(tmp_path: Path) -> None:
    """An error that it did not expect is one line and exit code 1."""
    with running_server(canned={QUESTION: Canned([b"{}"], 403)}) as server:
        result = run(server, tmp_path / "transcript.jsonl")
    assert result.exit_code == 1
    assert result.output.startswith("Error: Error code: 403")
    assert len(result.output.splitlines()) == 1


def test_it_notices_a_stream_without_an_end(tmp_path: Path) -> None:
    """A stream that stops before its response is complete ends the run."""
    with running_server(canned={QUESTION: Canned([b""], 200, STREAM)}) as server:
        result = run(server, tmp_path / "transcript.jsonl")
    assert result.exit_code == 1
    assert result.output == "Error: the stream ended before its response did\n"


def test_it_does_not_call_tools_forever(tmp_path: Path) -> None:
    """A model that never stops calling is left after some rounds."""
    with running_server() as server:
        run(server, tmp_path / "first.jsonl")
    calling = responses(tmp_path / "first.jsonl")[0].to_dict()

    def call_again(request: Received) -> Canned:
        if b'"stream":true' in request.body:
            return Canned([*map(events.sse, events.stream(calling))], 200, STREAM)
        return Canned([json.dumps(calling).encode()], 200, JSON)

    with running_server(canned={QUESTION: call_again}) as server:
        result = run(server, tmp_path / "transcript.jsonl")
    assert result.exit_code == 1
    assert f"after {agent.MAX_ROUNDS} rounds" in result.output


@pytest.mark.parametrize(
    ("name", "arguments", "output"),
    [
        ("convert", '{"amount": 1000, "source": "JPY", "target": "CHF"}', '"amount": 5.4'),
        (
            "convert",
            '{"amount": 1000, "source": "JPY", "target": "EUR"}',
            "no rate from JPY to EUR",
        ),
        ("get_weather", '{"city": "Bern", "month": "May"}', "no climate data for Bern in May"),
        ("find_flight", '{"origin": "Bern", "destination": "Chur"}', "no flight from Bern"),
        ("find_room", '{"city": "Chur", "area": "Gion", "max_chf": 9}', "no room in Gion, Chur"),
        ("book", "{}", "missing 2 required positional arguments"),
        ("book", "{", "Expecting property name"),
        ("paint", "{}", "no tool called paint"),
    ],
)
def test_tools_answer_or_say_why_not(name: str, arguments: str, output: str) -> None:
    """A tool gives JSON in any case, so that the model can read what went wrong."""
    answer = tools.run(name, arguments)
    assert output in answer
    assert ("error" in json.loads(answer)) == (name != "convert" or "EUR" in arguments)
