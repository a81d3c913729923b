"""The command line itself: help, versions, and what it imports."""

import importlib
import os
import statistics
import subprocess
import sys

import pytest
from harness import RESPOOL, run

from respool.cli import COMMANDS

HEAVY = ("mitmproxy", "duckdb", "pandas", "streamlit", "openai", "pydantic", "uvicorn", "rich")


def help_times() -> list[tuple[float, float]]:
    """Wall-clock and CPU seconds of `respool --help`, seven times, without a coverage tracer."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    times = []
    for _ in range(7):
        before = os.times()
        subprocess.run([RESPOOL, "--help"], check=True, capture_output=True, env=env)
        after = os.times()
        cpu = after.children_user + after.children_system
        cpu -= before.children_user + before.children_system
        times.append((after.elapsed - before.elapsed, cpu))
    return times


def test_help_is_light() -> None:
    """`respool --help` takes less than 0.3 s of CPU, whatever else the machine does."""
    assert statistics.median(cpu for _, cpu in help_times()) < 0.3


@pytest.mark.slow
def test_help_is_quick() -> None:
    """`respool --help` answers in under 0.3 s on a warm machine (the median of seven)."""
    assert statistics.median(wall for wall, _ in help_times()) < 0.3


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
    assert "no such command" in done.stderr
