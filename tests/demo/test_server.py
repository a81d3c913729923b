"""The scripted server as a whole: its determinism, its life, and what it keeps for tests."""

import os
import subprocess
import sys

from openai import OpenAI
from scripted import MODEL, THINKING, TRIP, parsed, send

from respool.demo.server import (
    running_server,
)


def test_equal_seeds_give_equal_bytes() -> None:
    """Two servers with one seed answer alike to the byte; a repeated request gets fresh ids."""

    def run(seed: str | None) -> list[tuple[int, dict[str, str], bytes]]:
        requests = [{"model": MODEL, "input": TRIP, "stream": on, **THINKING} for on in (0, 1, 1)]
        with running_server(seed=seed) as server:
            answers = [send(server, request) for request in requests]
        return [(status, headers, b"".join(chunks)) for status, headers, chunks in answers]

    assert run("a") == run("a")
    once, twice = run("a")[1:]
    assert once != twice
    assert run("a")[1] != run("b")[1]
    assert run(None)[1] != run(None)[1]


def test_events_are_sent_one_by_one() -> None:
    """With a delay each event leaves on its own, without one the stream comes in one piece."""
    request = {"model": MODEL, "input": "Hi", "stream": True}
    with running_server(delay_ms=0.1) as server:
        _, _, chunks = send(server, request)
    assert len(chunks) == len(parsed(chunks)) > 10
    with running_server() as server:
        _, _, chunks = send(server, request)
    assert len(chunks) == 1


def test_requests_are_kept_as_they_came() -> None:
    """A test reads method, path, query, headers and body bytes of what the server received."""
    with running_server() as server:
        send(server, b'{ "x": 1e400 }', {"X-Own": "é"}, path="/v1/responses?a=%20b")
        [request] = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/responses", "a=%20b")
    assert request.body == b'{ "x": 1e400 }'
    assert request.header("x-own") == "é"
    assert request.header("x-other") is None


def test_it_runs_as_a_process() -> None:
    """It prints its base URL first, answers with the given seed, and leaves on SIGTERM."""
    command = [sys.executable, "-P", "-m", "respool.demo.server", "--seed", "s", "--delay-ms", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout
        assert process.stderr
        base_url = process.stdout.readline().strip()
        with OpenAI(base_url=base_url, api_key="k") as client:
            told = client.responses.create(model=MODEL, input="Hi")
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr.read() == ""
    with (
        running_server(seed="s") as server,
        OpenAI(base_url=server.base_url, api_key="k") as client,
    ):
        assert client.responses.create(model=MODEL, input="Hi") == told


def test_it_stands_alone() -> None:
    """Server and agent import nothing of the project outside the demo, and none of its engines."""
    rooms = {"wire", "cassettes", "addons", "analytics", "dashboard"}
    engines = {"mitmproxy", "duckdb", "streamlit", "pandas"}
    code = "import sys, respool.demo.server, respool.demo.agent; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not (rooms | engines) & set(loaded)
