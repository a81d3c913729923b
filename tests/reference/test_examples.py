"""Every example payload of the API reference, through record, replay, ingest and stats.

The reference lies beside the project, where the project is developed, and is not part of it; where
it is missing these tests say so. What they hold is held by the scripted server's traffic as well.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from harness import KEY, recording, replaying, run

from respool.demo.server import Canned, running_server
from wire.sse import blocks, parse

EXAMPLES = Path(__file__).parents[3] / "shared/reference/examples"

pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason=f"the reference examples are not at {EXAMPLES}"
)


@dataclass(frozen=True)
class Example:
    """A request and its answer, as the reference has them."""

    name: str
    request: bytes
    answer: bytes
    streamed: bool

    @property
    def path(self) -> str:
        """Where the request goes: what answers with a compaction is asked for as one."""
        return "/responses/compact" if b"response.compaction" in self.answer else "/responses"

    @property
    def usage(self) -> dict[str, Any]:
        """The usage that is printed in the answer."""
        if not self.streamed:
            return json.loads(self.answer).get("usage") or {}
        last = [event.data for event in map(parse, blocks(self.answer)) if event.data][-1]
        return json.loads(last)["response"]["usage"]


def examples() -> list[Example]:
    """All of them; an answer whose request the reference leaves out gets a plain one."""
    found = []
    for answer in sorted(EXAMPLES.glob("*_response.*")):
        name = answer.name.partition("_response")[0]
        request = EXAMPLES / f"{name}_request.json"
        body = request.read_bytes() if request.exists() else b'{"model":"m","input":"%s"}'
        body = body.replace(b"%s", name.encode())
        found.append(Example(name, body, answer.read_bytes(), answer.suffix == ".sse"))
    return found


def send(base_url: str, given: Iterable[Example]) -> list[tuple[int, str, bytes]]:
    """Status, content type and body of the answer to each request."""
    answers = []
    with httpx2.Client(timeout=30) as client:
        for example in given:
            headers = {
                "authorization": f"Bearer {KEY}",
                "content-type": "application/json",
                "x-scripted": example.name,
            }
            url = base_url + example.path
            answer = client.post(url, content=example.request, headers=headers)
            answers.append((answer.status_code, answer.headers["content-type"], answer.content))
    return answers


def canned(example: Example) -> Canned:
    """The answer byte for byte."""
    kind = "text/event-stream" if example.streamed else "application/json"
    return Canned([example.answer], headers={"content-type": kind})


def total(given: Iterable[Example], *path: str) -> int | None:
    """The sum of a member of the usage over all examples that print it; None if none does."""
    values = []
    for example in given:
        value: Any = example.usage
        for name in path:
            value = (value or {}).get(name)
        if value is not None:
            values.append(value)
    return sum(values) if values else None


def test_examples_replay_byte_for_byte_and_add_up(tmp_path: Path) -> None:
    """Each goes through unchanged, twice, is ingested without error, and its usage is counted."""
    given, tape, db = examples(), tmp_path / "c.jsonl", tmp_path / "traffic.duckdb"
    with (
        running_server(canned={example.name: canned(example) for example in given}) as server,
        recording(server.base_url, tape) as proxy,
    ):
        recorded = send(proxy.base_url, given)
        assert proxy.stop() == 0
    assert [body for _, _, body in recorded] == [example.answer for example in given]
    with replaying(tape) as player:
        assert send(player.base_url, given) == recorded
        player.stop()
    assert player.said[-1].endswith(
        f"served {len(given)} of {len(given)} recorded exchanges, 0 misses"
    )

    ingested = run("ingest", tape, "--db", db)
    assert ingested.returncode == 0, ingested.stderr
    totals = json.loads(run("stats", "--db", db, "--json").stdout)["totals"]
    assert totals["exchanges"] == len(given)
    assert (totals["interrupted"], totals["unfinished"]) == (0, 0)
    assert {name: totals[name] for name in totals if name.endswith("_tokens")} == {
        "input_tokens": total(given, "input_tokens"),
        "cached_tokens": total(given, "input_tokens_details", "cached_tokens"),
        "output_tokens": total(given, "output_tokens"),
        "reasoning_tokens": total(given, "output_tokens_details", "reasoning_tokens"),
        "total_tokens": total(given, "total_tokens"),
    }
