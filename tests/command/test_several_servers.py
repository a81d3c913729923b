"""A recording of several servers, from its making to its numbers and its replay."""

import json
import sys
from pathlib import Path

import pytest
from harness import KEY, replaying, run
from office import port_of, settings

from respool.demo.server import running_server

ASK = """
import sys
from openai import OpenAI
for url in sys.argv[1:]:
    print(OpenAI(base_url=url).responses.create(model='gpt-5.1', input='pack').id)
"""


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, list[str], list[str]]:
    """A cassette of the same request to two servers, their base URLs, and the ids they gave."""
    tape = tmp_path / "out.jsonl"
    with running_server(seed="one") as one, running_server(seed="other") as other:
        urls = [one.base_url, f"http://127.0.0.1:{port_of(other)}/openai/v1"]
        done = run(
            *("record", "--proxy", "--upstream", urls[0], "--upstream", urls[1]),
            *("--cassette", tape, "--", sys.executable, "-P", "-c", ASK, *urls),
            env=settings(tmp_path),
        )
    assert done.returncode == 0, done.stderr
    return tape, urls, done.stdout.split()


def test_each_exchange_knows_its_server(recorded: tuple[Path, list[str], list[str]]) -> None:
    """The list has a column for it, an exchange in full its base URL, and JSON has it too."""
    tape, urls, _ = recorded
    listed = run("show", tape, env={"COLUMNS": "160"}).stdout
    assert "server" in listed.splitlines()[0]
    for x, url in enumerate(urls, 1):
        assert url.split("/")[2] in listed
        assert f"server    {url}" in run("show", tape, str(x)).stdout
    lines = run("show", tape, "--json").stdout.splitlines()
    assert [json.loads(line)["upstream"] for line in lines] == urls


def test_numbers_of_each_server(recorded: tuple[Path, list[str], list[str]]) -> None:
    """`stats` has a row for each."""
    tape, urls, _ = recorded
    db = tape.with_name("t.duckdb")
    assert run("ingest", tape, "--db", db).returncode == 0
    found = json.loads(run("stats", "--db", db, "--json").stdout)["by_upstream"]
    assert {row["upstream"]: row["exchanges"] for row in found} == dict.fromkeys(urls, 1)
    assert "servers" in run("stats", "--db", db, env={"COLUMNS": "100"}).stdout


def test_replay_answers_for_each(recorded: tuple[Path, list[str], list[str]]) -> None:
    """A client that has each server's base path gets that server's answer, in any order."""
    tape, urls, idents = recorded
    with replaying(tape) as player:
        address = player.base_url.removesuffix("/v1")
        for path, ident in (("/openai/v1", idents[1]), ("/v1", idents[0])):
            with player.client() as client:
                client.base_url = address + path
                assert client.responses.create(model="gpt-5.1", input="pack").id == ident
        assert player.stop() == 0
    assert f"what {urls[1]} had answered is at {address}/openai/v1" in "\n".join(player.said)
    assert player.said[-1].endswith("served 2 of 2 recorded exchanges, 0 misses")
    assert KEY not in tape.read_text()
