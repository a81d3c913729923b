"""Command lines that are wrong, and commands that are stopped early: a line and an exit code."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import one_line_error, run

INTERRUPTED = """
import os, signal, sys
module, *arguments = sys.argv[1:]

class Interrupting:
    def find_spec(name, *rest):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting)
from respool.cli import main
main(arguments)
"""


@pytest.mark.parametrize(
    ("line", "found", "expected", "see"),
    [
        (["rewind"], "no such command 'rewind'", "there are record, replay, ", ""),
        (["--nix"], "no such option '--nix'", "", ""),
        (["record"], "missing option '--cassette'", "give --cassette FILE, before a CMD", "record"),
        (["replay", "--cassette", "a"], "option '--cassette'", "[OPTIONS] CASSETTE", "replay"),
        (["record", "--cassette", "a.jsonl", "--proxi"], "'--proxi' (Did you", "", "record"),
        (["record", "--cassette", "a.jsonl", "--port", "99999"], "'--port'", "65535", "record"),
        (["show"], "missing argument 'CASSETTE'", "expected `respool show [OPTIONS]", "show"),
        (["show", "a", "1", "2"], "got unexpected extra argument (2)", "[ID|last]`", "show"),
        (["tail", "-n"], "option '-n' requires an argument", "", "tail"),
        (["replay", "--pace", "x", "a"], "'x' is not one of", "'instant', 'recorded'", "replay"),
        (["prune", ".", "--older-than", "x"], "'x' is not an age", "like 30d", "prune"),
    ],
)
def test_wrong_command_line(
    tmp_path: Path, line: list[str], found: str, expected: str, see: str
) -> None:
    """It says in one line what was found, what is expected and where to look, with exit code 2."""
    error = one_line_error(run(*line, cwd=tmp_path))
    assert found in error
    assert expected in error.partition(found)[2]
    assert error.endswith(f"; see `{' '.join(filter(None, ('respool', see)))} --help`")
    assert not list(tmp_path.iterdir())


def test_no_words_at_all() -> None:
    """Who types `respool` alone is shown what there is."""
    done = run()
    assert done.returncode == 2
    assert "Commands:" in done.stderr
    assert "error" not in done.stderr.partition("Commands:")[0]


@pytest.mark.parametrize(
    ("module", "line", "state"),
    [
        ("respool.record", ["record", "--cassette", "a.jsonl", "--", "true"], "is being recorded"),
        ("respool.ingest", ["ingest", "a.jsonl", "--db", "b.duckdb"], "run it again to go on"),
        ("cassettes.reader", ["show", "a.jsonl"], "nothing was changed"),
        ("analytics.stats", ["stats", "--db", "b.duckdb"], "nothing was changed"),
        ("respool.tail", ["tail", "a.jsonl"], "nothing was changed"),
    ],
)
def test_ctrl_c_says_how_things_are(
    tmp_path: Path, module: str, line: list[str], state: str
) -> None:
    """Ctrl-C while a command still loads, or works, ends it with one line and 130."""
    command = [sys.executable, "-P", "-c", INTERRUPTED, module, *line]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=30)
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert done.stderr.startswith("respool: stopped; ")
    assert state in done.stderr
    assert not list(tmp_path.iterdir())
