"""`respool record` and `respool replay` around a command: environment, exit codes, signals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import DEADLINE_S, RESPOOL, one_line_error, recording, run

from cassettes.reader import Cassette
from respool.child import environment
from respool.demo.server import running_server

PYTHON = [sys.executable, "-P", "-c"]
ASK = (
    "from openai import OpenAI; print(OpenAI().responses.create(model='gpt-5.1', input='pack').id)"
)
ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def record(upstream: str, tape: Path, *command: str, env: dict[str, str] | None = None):
    return run("record", "--upstream", upstream, "--cassette", tape, "--", *command, env=env)


def test_command_is_recorded_and_replayed(tape: Path) -> None:
    """A command's traffic is recorded, and replayed with the server gone and no key set."""
    with running_server() as server:
        recorded = record(server.base_url, tape, *PYTHON, ASK, env={"OPENAI_API_KEY": "sk-1"})
    assert recorded.returncode == 0, recorded.stderr
    assert recorded.stdout.startswith("resp_")
    assert "recorded 1 exchange; see `respool show" in recorded.stderr
    keyless = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    replayed = subprocess.run(
        [RESPOOL, "replay", tape, "--", *PYTHON, ASK],
        capture_output=True,
        text=True,
        env=keyless,
        timeout=DEADLINE_S,
    )
    assert replayed.stdout == recorded.stdout
    assert "served 1 of 1 recorded exchanges, 0 misses" in replayed.stderr


def test_exit_code_is_passed_on(tape: Path) -> None:
    """The command's exit code is ours, 128 + n where a signal ended it, 127 if it is not there."""
    with running_server() as server:
        failed = record(server.base_url, tape, *PYTHON, "raise SystemExit(7)")
        assert failed.returncode == 7
        assert "the command failed (7) and sent no request" in failed.stderr
        suicide = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
        assert record(server.base_url, tape, *PYTHON, suicide).returncode == 128 + signal.SIGTERM
        missing = record(server.base_url, tape, "no-such-command")
        assert missing.returncode == 127
        assert "cannot run no-such-command" in missing.stderr
        assert "sent no request" not in missing.stderr


def test_signal_is_passed_on(tape: Path) -> None:
    """SIGTERM to us ends the command, and the cassette is closed properly."""
    wait = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); "
        "print('up', flush=True); signal.pause()"
    )
    with running_server() as server:
        process = subprocess.Popen(
            [
                *(RESPOOL, "record", "--upstream", server.base_url, "--cassette", str(tape)),
                *("--", *PYTHON, wait),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 3
    assert "the command failed (3) and sent no request" in said


def test_command_gets_the_base_url(tape: Path) -> None:
    """The child finds the proxy under both names, with the upstream's path, past any HTTP proxy."""
    with running_server() as server:
        upstream = server.base_url.replace("/v1", "/gateway/openai/v1")
        done = record(upstream, tape, *PYTHON, ENVIRONMENT, env={"NO_PROXY": "internal.example"})
    env = json.loads(done.stdout)
    assert env["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")
    assert env["OPENAI_BASE_URL"].endswith("/gateway/openai/v1")
    assert env["OPENAI_API_BASE"] == env["OPENAI_BASE_URL"]
    assert env["OPENAI_WEBSOCKET_BASE_URL"] == env["OPENAI_BASE_URL"].replace("http:", "ws:")
    assert env["OPENAI_BASE_URL"] in done.stderr
    assert env["NO_PROXY"].split(",") == ["internal.example", "127.0.0.1", "localhost", "::1"]
    assert env["OPENAI_AGENTS_DISABLE_TRACING"] == "1"


def test_dummy_key_only_where_none_is_set() -> None:
    """In replay a client without a key gets a dummy one; a key that is set stays."""
    assert environment("http://x", dummy_key=True, inherited={})["OPENAI_API_KEY"]
    kept = environment("http://x", dummy_key=True, inherited={"OPENAI_API_KEY": "sk-mine"})
    assert kept["OPENAI_API_KEY"] == "sk-mine"
    assert "OPENAI_API_KEY" not in environment("http://x", dummy_key=False, inherited={})


def test_upstream_defaults_to_the_environment(tape: Path) -> None:
    """Without --upstream, traffic goes where the client would have sent it: OPENAI_BASE_URL."""
    with running_server() as server:
        done = run(
            *("record", "--cassette", tape, "--", *PYTHON, ASK),
            env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-1"},
        )
    assert done.returncode == 0, done.stderr
    assert f"-> {server.base_url} " in done.stderr


def test_second_recording_continues_the_cassette(tape: Path) -> None:
    """Recording into an existing cassette adds to it; nothing is overwritten."""
    with running_server() as server:
        for _ in range(2):
            done = record(server.base_url, tape, *PYTHON, ASK, env={"OPENAI_API_KEY": "sk-1"})
    assert "recorded 1 exchange (2 in the file)" in done.stderr
    with Cassette.open(tape) as cassette:
        assert list(cassette.exchanges) == [1, 2]
        assert cassette.header.revision == 2


def test_two_recorders_do_not_share_a_cassette(tape: Path) -> None:
    """A cassette that is being recorded is refused to a second recorder."""
    with running_server() as server, recording(server.base_url, tape) as proxy:
        error = one_line_error(record(server.base_url, tape, "true"))
        assert "is being recorded by another process" in error
        assert proxy.stop() == 0


def test_works_where_modules_of_our_names_raise(tmp_path: Path) -> None:
    """The current directory may hold packages of our rooms' names; they are not imported."""
    for name in ("wire", "cassettes", "addons", "analytics", "dashboard", "respool"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('imported by mistake')")
    tape = tmp_path / "out.jsonl"
    with running_server() as server:
        done = run(
            *("record", "--upstream", server.base_url, "--cassette", tape),
            *("--", *PYTHON, ASK),
            env={"OPENAI_API_KEY": "sk-1"},
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    for arguments in (
        ("replay", tape, "--", *PYTHON, ASK),
        ("show", tape, "last"),
        ("ingest", tape, "--db", tmp_path / "t.duckdb"),
        ("stats", "--db", tmp_path / "t.duckdb"),
    ):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_options_of_the_command_are_its_own(tape: Path) -> None:
    """Without -- too, what follows the command's first word goes to the command."""
    with running_server() as server:
        done = run(
            *("record", "--upstream", server.base_url, "--cassette", tape),
            *(sys.executable, "-P", "-c", "import sys; print(sys.argv[1:])", "--port", "5"),
        )
    assert done.stdout == "['--port', '5']\n"
    assert "does its client read OPENAI_BASE_URL?" in done.stderr


def test_requests_to_other_endpoints_are_told_of(tape: Path) -> None:
    """Who records a program that never asks /responses hears what it asked instead."""
    program = "import openai; openai.OpenAI(api_key='sk-x').models.list()"
    with running_server() as server:
        done = run(
            "record", "--upstream", server.base_url, "--cassette", tape, "--", *PYTHON, program
        )
    assert "no request went to /responses, but 1 elsewhere" in done.stderr
    assert "(the last: GET /v1/models); --record-all records them" in done.stderr


def test_a_command_that_was_interrupted_is_not_asked_what_it_reads(tape: Path) -> None:
    """It may have had no time to send anything."""
    program = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    with running_server() as server:
        done = run(
            "record", "--upstream", server.base_url, "--cassette", tape, "--", *PYTHON, program
        )
    assert done.returncode == 128 + 15
    assert "does its client read" not in done.stderr


def test_cassette_that_was_replaced_is_left_alone(tape: Path) -> None:
    """A recorder whose file was taken away says so, and does not touch what lies there now."""
    with running_server() as server, recording(server.base_url, tape) as proxy:
        tape.rename(tape.with_name("moved.jsonl"))
        tape.write_text("somebody else's\n")
        with proxy.client() as client:
            client.responses.create(model="gpt-5.1", input="pack")
        assert proxy.stop() != 0
        assert any("was moved, deleted or replaced" in line for line in proxy.said)
    assert tape.read_text() == "somebody else's\n"
    with Cassette.open(tape.with_name("moved.jsonl")) as cassette:
        assert cassette.exchange(1).outcome == "complete"


def test_closed_stderr_stops_nothing(tape: Path) -> None:
    """When nobody reads what we say any more, the command's exit code is still ours."""
    with running_server() as server:
        process = subprocess.Popen(
            [
                *(RESPOOL, "record", "--upstream", server.base_url, "--cassette", str(tape)),
                *("--", *PYTHON, "input(); raise SystemExit(7)"),
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        process.stderr.readline()
        process.stderr.close()
        process.communicate(b"\n", timeout=DEADLINE_S)
    assert process.returncode == 7


def test_continued_with_another_upstream(tape: Path, tmp_path: Path) -> None:
    """Each exchange knows the server it went to, also in a cassette of several."""
    upstreams = []
    for _ in range(2):
        with running_server() as server:
            done = record(server.base_url, tape, *PYTHON, ASK, env={"OPENAI_API_KEY": "sk-1"})
            assert done.returncode == 0, done.stderr
            upstreams.append(server.base_url)
    with Cassette.open(tape) as cassette:
        assert [cassette.exchange(x).upstream for x in (1, 2)] == upstreams
