"""`respool record --record-all`: other traffic, recorded and replayed as plain HTTP."""

from pathlib import Path
from typing import Any

import duckdb
import httpx2
import openai
import pytest
from harness import KEY, recording, replaying, run
from openai import OpenAI

from cassettes.reader import Cassette
from respool.demo.server import Canned, running_server

DATA = bytes(range(256)) * 40


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Where the recording goes."""
    return tmp_path / "out.jsonl"


def program(base_url: str) -> list[Any]:
    """Models, a conversation, a file up and down again, and a response that goes on from it."""
    with OpenAI(base_url=base_url, api_key=KEY) as client:
        got: list[Any] = [client.models.list().data, client.models.retrieve("gpt-5.1")]
        talk = client.conversations.create(metadata={"topic": "trip"})
        got += [talk, client.conversations.retrieve(talk.id)]
        file = client.files.create(file=("notes.bin", DATA), purpose="user_data")
        got += [file, client.files.retrieve(file.id), client.files.content(file.id).content]
        asked = {"model": "gpt-5.1", "input": "What should I pack?", "conversation": talk.id}
        got.append(client.responses.create(**asked))
    return got


def test_everything_is_recorded_and_replayed(tape: Path, tmp_path: Path) -> None:
    """With the server gone the same program gets the same, forms and binary bodies included."""
    with (
        running_server() as server,
        recording(server.base_url, tape, "--record-all") as proxy,
    ):
        recorded = program(proxy.base_url)
        proxy.stop()
    assert recorded[6] == DATA
    assert proxy.said[-1].startswith("respool: recorded 8 exchanges")
    with replaying(tape) as player:
        assert program(player.base_url) == recorded
        player.stop()
    assert player.said[-1].endswith("served 8 of 8 recorded exchanges, 0 misses")

    db = tmp_path / "traffic.duckdb"
    assert run("ingest", tape, "--db", db).returncode == 0
    with duckdb.connect(db, read_only=True) as connection:
        counted = connection.execute(
            "SELECT count(*), count(endpoint), (SELECT count(*) FROM usage),"
            " (SELECT count(*) FROM findings) FROM exchanges"
        ).fetchone()
    assert counted == (8, 1, 1, 0)
    assert KEY.encode() not in tape.read_bytes() + db.read_bytes()


def test_without_it_other_traffic_passes_through_unrecorded(tape: Path) -> None:
    """The cassette has the response alone, and a replay says how to get the rest into it."""
    with running_server() as server, recording(server.base_url, tape) as proxy:
        program(proxy.base_url)
        proxy.stop()
    with Cassette.open(tape) as cassette:
        assert [cassette.exchange(x).request.path for x in cassette.exchanges] == ["/v1/responses"]
    with (
        replaying(tape) as player,
        player.client() as client,
        pytest.raises(openai.NotFoundError, match="record with --record-all"),
    ):
        client.models.list()


def test_streams_and_odd_answers_of_other_endpoints(tape: Path) -> None:
    """Events, empty answers and errors of any endpoint come back as they were, method by method."""
    events = b'data: {"choices":[]}\n\ndata: [DONE]\n\n'
    canned = {
        "events": Canned([events], headers={"content-type": "text/event-stream"}),
        "empty": Canned(status=204),
        "error": Canned([b"<h1>no</h1>"], status=502, headers={"content-type": "text/html"}),
    }
    requests = [
        ("POST", "/chat/completions", "events"),
        ("DELETE", "/files/file_1", "empty"),
        ("PUT", "/files/file_1", "error"),
        ("PATCH", "/files/file_1", "empty"),
        ("HEAD", "/files/file_1", "empty"),
        ("OPTIONS", "/responses", "empty"),
    ]

    def answers(base_url: str) -> list[tuple[int, str | None, bytes]]:
        with httpx2.Client(timeout=20) as client:
            found = []
            for method, path, name in requests:
                headers = {"authorization": f"Bearer {KEY}", "x-scripted": name}
                got = client.request(method, base_url + path, headers=headers)
                found.append((got.status_code, got.headers.get("content-type"), got.content))
            return found

    with (
        running_server(canned=canned) as server,
        recording(server.base_url, tape, "--record-all") as proxy,
    ):
        recorded = answers(proxy.base_url)
        proxy.stop()
    assert [status for status, _, _ in recorded] == [200, 204, 502, 204, 204, 204]
    assert recorded[0][2] == events
    with replaying(tape) as player:
        assert answers(player.base_url) == recorded


def test_the_help_says_what_it_is_for() -> None:
    """The option is described where people look."""
    assert "--record-all" in run("record", "--help").stdout
