"""Every kind of item that the API has, over each transport: recorded, replayed, in the tables.

The scripted server plays a scene for each; its answers are valid by the SDK's own types, so nothing
in them may be a finding, and every item, call, output and token must be found again.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from harness import recording, replaying, run
from scripted import asked, send
from sockets import dialled, hear_out, say

from respool.demo.answering import answer
from respool.demo.kinds import waiting
from respool.demo.scene import Scene
from respool.demo.script import SCENES
from respool.demo.server import RunningServer, running_server

type Ask = Callable[[dict[str, Any]], dict[str, Any]]

UNTROUBLED = [scene for scene in SCENES if not scene.trouble]


def is_call(kind: str) -> bool:
    """Whether items of this type ask for something to be done."""
    return kind.endswith("_call") or kind in {"program", "mcp_approval_request"}


def play(scene: Scene, ask: Ask) -> list[dict[str, Any]]:
    """The responses of a scene, whose calls a client answers."""
    history: list[Any] = [{"role": "user", "content": scene.cue}]
    responses = []
    while True:
        response = ask(asked(scene) | {"input": history})
        responses.append(response)
        calls = waiting(response["output"])
        if not calls:
            return responses
        history = [*history, *response["output"], *filter(None, map(answer, calls))]


def over_http(server: RunningServer, *, stream: bool) -> list[dict[str, Any]]:
    """What all scenes come to, as JSON or streamed."""

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        _, _, chunks = send(server, request | {"stream": stream})
        if not stream:
            whole: dict[str, Any] = json.loads(b"".join(chunks))
            return whole
        last = b"".join(chunks).rstrip().rpartition(b"data: ")[2]
        final: dict[str, Any] = json.loads(last)["response"]
        return final

    return [response for scene in UNTROUBLED for response in play(scene, ask)]


def over_websocket(server: RunningServer) -> list[dict[str, Any]]:
    """The same, all on one connection."""
    with dialled(server) as socket:

        def ask(request: dict[str, Any]) -> dict[str, Any]:
            say(socket, **request)
            response: dict[str, Any] = hear_out(socket)[-1]["response"]
            return response

        return [response for scene in UNTROUBLED for response in play(scene, ask)]


@pytest.mark.parametrize("transport", ["json", "sse", "websocket"])
def test_every_scene_is_recorded_replayed_and_understood(tmp_path: Path, transport: str) -> None:
    """Nothing is a finding; every item, call and token that the client saw is in the tables."""

    def program(base_url: str) -> list[dict[str, Any]]:
        server = RunningServer(base_url, [])
        if transport == "websocket":
            return over_websocket(server)
        return over_http(server, stream=transport == "sse")

    tape, db = tmp_path / "c.jsonl", tmp_path / "traffic.duckdb"
    with running_server(seed="s") as server, recording(server.base_url, tape) as proxy:
        responses = program(proxy.base_url)
        proxy.stop()
    with replaying(tape) as player:
        assert program(player.base_url) == responses
    assert run("ingest", tape, "--db", db).returncode == 0

    with duckdb.connect(db, read_only=True) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        assert rows("SELECT place, kind, type, path, shape FROM findings") == []
        assert rows("SELECT DISTINCT transport FROM exchanges") == [(transport,)]
        made = [item for response in responses for item in response["output"]]
        kept = rows(
            "SELECT json FROM items JOIN exchange_items USING (item_id) WHERE direction = 'output'"
        )
        assert sorted(json.loads(text)["id"] for (text,) in kept) == sorted(i["id"] for i in made)
        calls = Counter(item["type"] for item in made if is_call(item["type"]))
        assert dict(rows("SELECT type, count(*) FROM tool_calls GROUP BY type")) == calls
        unanswered = rows(
            "SELECT DISTINCT type FROM tool_calls"
            " WHERE output IS NULL AND output_item_id IS NULL AND error IS NULL ORDER BY type"
        )
        assert unanswered == [("web_search_call",)]  # whose results the API does not give
        totals = json.loads(run("stats", "--db", db, "--json").stdout)["totals"]
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        assert totals[name] == sum(response["usage"][name] for response in responses)
    details = [response["usage"]["output_tokens_details"] for response in responses]
    assert totals["reasoning_tokens"] == sum(each["reasoning_tokens"] for each in details)
