"""The command line itself: help, versions, and what it imports."""

import importlib
import statistics
import subprocess
import sys
import time

import pytest
from harness import RESPOOL, run

from respool.cli import COMMANDS

HEAVY = ("mitmproxy", "duckdb", "pandas", "streamlit", "openai", "pydantic", "uvicorn", "rich")


def test_help_is_quick() -> None:
    """`respool --help` answers in under 0.3 s on a warm machine (the median of seven)."""
    times = []
    for _ in range(7):
        started = time.perf_counter()
        subprocess.run([RESPOOL, "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    assert statistics.median(times) < 0.3, times


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    """Each command says what it does, in the words of the list of commands."""
    module, short = COMMANDS[command]
    assert importlib.import_module(module).command.short_help == short
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"respool {command}" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command: str) -> None:
    """Help does not wait for a proxy, a database or a dashboard to be imported."""
    code = (
        "import sys\nfrom respool.cli import respool\n"
        f"try: respool(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


def test_version() -> None:
    """The version is printed."""
    assert run("--version").stdout.strip() == "respool, version 0.1.0"


def test_unknown_command() -> None:
    """A command that does not exist is an error with exit code 2."""
    done = run("rewind")
    assert done.returncode == 2
    assert "No such command" in done.stderr
