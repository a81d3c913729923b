"""`respool show` as a command: its JSON, how an exchange is named, clocks, terminals and pipes."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from agent_tape import (
    OUTPUT,
    TASK,
    agent_tape,
    ask,
    show,
)
from harness import RESPOOL, one_line_error, run
from tapes import Told, message, response, write_tape

from respool.view.facts_json import KEYS, MORE_KEYS


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Five exchanges of an agent."""
    return agent_tape(tmp_path / "out.jsonl")


def test_json(tape: Path) -> None:
    """--json prints the documented keys for each exchange, null where nothing is known."""
    rows = [json.loads(line) for line in show(tape, "--json").splitlines()]
    assert all(row.keys() == KEYS.keys() for row in rows)
    first, limited, *_, unpriced = rows
    assert first["calls"] == ["shell"]
    assert (first["input_tokens"], first["cached_tokens"]) == (12_345, 11_000)
    assert (first["first_token_ms"], first["duration_ms"]) == (30.0, 50.0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["began"])
    assert (limited["status"], limited["error_code"]) == (429, "rate_limit_exceeded")
    assert limited["input_tokens"] is limited["cost_usd"] is limited["calls"] is None
    assert (limited["parent"], limited["added_items"], limited["input_items"]) == (1, 3, 4)
    assert unpriced["cost_usd"] is None
    assert unpriced["unpriced"]


def test_json_of_one(tape: Path) -> None:
    """--json with an ID adds the items of the request and the answer."""
    found = json.loads(show(tape, "2", "--json"))
    assert found.keys() == KEYS.keys() | MORE_KEYS.keys()
    assert found["continues"] == 1
    assert found["added"] == [OUTPUT]
    assert [item["type"] for item in found["echoed"]] == ["reasoning", "function_call"]
    assert found["settings"] == {"store": False}


def test_help_documents_the_keys() -> None:
    """`respool show --help` names every key of --json."""
    said = run("show", "--help").stdout
    assert all(re.search(rf"^ +{key} ", said, re.MULTILINE) for key in {**KEYS, **MORE_KEYS})


def test_help_explains_the_columns(tape: Path) -> None:
    """It says of each column of the list what stands in it."""
    said = run("show", "--help").stdout.partition("Columns of the list")[2].partition("Keys")[0]
    listed = run("show", tape, env={"COLUMNS": "240"}).stdout.splitlines()[0]
    headings = re.sub(r" \(.*?\)", "", listed).split()
    assert {"added", "what"} < set(headings)
    assert all(re.search(rf"^ +{heading} ", said, re.MULTILINE) for heading in headings)
    assert re.search(
        r"^ +added +\+2/25: of 25 items in the request's input, 2 ", said, re.MULTILINE
    )


def test_found_by_id(tape: Path) -> None:
    """An exchange is found by its number, as the last one, or by the id of its response."""
    assert show(tape, "last").startswith("exchange 5  ")
    assert show(tape, "resp_3").startswith("exchange 3  ")


@pytest.mark.parametrize(
    ("ident", "said"),
    [
        ("99", "has no exchange 99; it has 1 to 5"),
        ("0", "has no exchange 0; it has 1 to 5"),
        ("9" * 5000, "; it has 1 to 5"),
        ("resp_9", "has no exchange 'resp_9'; give a number (1 to 5), `last`, or the id of"),
    ],
)
def test_no_such_exchange(tape: Path, ident: str, said: str) -> None:
    """An ID that is not in the cassette is an error that says which are."""
    assert said in one_line_error(run("show", tape, ident))


def test_nothing_recorded_yet(tmp_path: Path) -> None:
    """An empty cassette is no error; asking it for an exchange is."""
    tape = write_tape(tmp_path / "out.jsonl", [])
    assert show(tape) == f"{tape}: nothing was recorded yet\n"
    assert show(tape, "--json") == ""
    assert "nothing was recorded yet" in one_line_error(run("show", tape, "last"))


def test_local_clock(tape: Path) -> None:
    """Text tells the local time, JSON tells UTC."""
    began = json.loads(show(tape, "1", "--json"))["began"]
    utc = run("show", tape, "1", env={"TZ": "UTC"}).stdout.splitlines()[0]
    tokyo = run("show", tape, "1", env={"TZ": "Asia/Tokyo"}).stdout.splitlines()[0]
    assert utc == f"exchange 1  {began.replace('T', ' ').removesuffix('Z')}"
    assert int(tokyo[23:25]) == (int(utc[23:25]) + 9) % 24


def on_a_terminal(*arguments: str | Path, **env: str) -> str:
    """What the command writes when its output is a terminal."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **env}
    command = [RESPOOL, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    try:
        while more := os.read(ours, 4096):
            written += more
    except OSError:
        pass  # how Linux says that the other side is closed
    os.close(ours)
    assert process.wait() == 0, written
    return written.decode()


def test_colours(tape: Path) -> None:
    """Colours are for terminals, and not for those whose user does not want them."""
    assert "\x1b[1mexchange 1\x1b[0m" in on_a_terminal("show", tape, "1")
    assert "\x1b" not in on_a_terminal("show", tape, "1", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal("show", tape, "1", TERM="dumb")
    assert "\x1b" not in run("show", tape, "1").stdout


def test_any_encoding(tmp_path: Path) -> None:
    """A terminal that lacks a character gets its escape, not a traceback."""
    tape = write_tape(tmp_path / "out.jsonl", [Told(answer=response(output=[message("東京 🗼")]))])
    done = run("show", tape, "1", env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0, done.stderr
    assert r"\u6771\u4eac \U0001f5fc" in done.stdout


def test_errors_do_not_wait_for_colours(tape: Path) -> None:
    """A mistyped number is answered without importing what only output needs."""
    code = (
        "import sys\nfrom respool.cli import main\n"
        f"try: main(['show', {str(tape)!r}, '99'])\n"
        "except SystemExit as end: assert end.code == 2\n"
        "assert not {'rich', 'genai_prices'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_closed_pipe(tape: Path) -> None:
    """`respool show | head -1` ends quietly."""
    write_tape(tape, [Told(ask(TASK, {"role": "user", "content": "x" * 2_000_000}), response(9))])
    command = f"'{RESPOOL}' show '{tape}' last --full | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stdout.startswith("exchange 6  ")
    assert done.stderr == ""
