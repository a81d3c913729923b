"""`respool demo`: the main job, end to end, on a scripted server.

Records the official SDK running an agent, stops the server, replays the same program against the
cassette, compares every response, ingests and prints the numbers. Every line it shows is computed
there and then, by the same commands that a user types.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from wire.errors import BadOption, RespoolError

_FILES = ("session.jsonl", "recorded.jsonl", "replayed.jsonl", "traffic.duckdb")
_PROGRAM = ("-m", "respool.demo.agent", "--errands")
"""What is recorded and replayed: a program that knows nothing of respool."""
_KEY = "sk-demo-0123456789abcdefghijklmnopqrstuvwxyz"


class DemoFailed(RespoolError):
    """A step of the demo did not do what it should."""

    exit_code = 1


@click.command("demo", short_help="Record, replay and analyse a scripted agent run.")
@click.option(
    "--dir",
    "folder",
    default="respool-demo",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the files go; those of an earlier demo are replaced.",
)
def command(folder: Path) -> None:
    """Record, replay and analyse a scripted agent run; needs no key and no network."""
    _clear(folder)
    session, recorded, replayed, db = (folder / name for name in _FILES)

    _step(1, "record the OpenAI SDK: an agent, and then the rest of what the API can do")
    with _Server() as server:
        record = ["record", "--upstream", server.url, "--cassette", str(session), "--record-all"]
        spent = _respool(record, recorded)
    click.echo(f"took {spent:.1f} s; {session} is {session.stat().st_size / 1024:,.0f} KiB")
    _look_for_key((session,))

    _step(2, "the server is gone; replay the same program against the cassette")
    _check_gone(server.url)
    spent = _respool(["replay", str(session)], replayed)
    click.echo(f"took {spent:.1f} s")
    click.echo(_compare(recorded, replayed))

    _step(3, "one exchange, as it went over the wire")
    _respool(["show", str(session), "2"])

    _step(4, "ingest into DuckDB, and the numbers")
    _respool(["ingest", str(session), "--db", str(db)])
    _respool(["stats", "--db", str(db)])
    _look_for_key((session, db))

    click.echo("\nWhat to open next:")
    for what, arguments in (
        ("the dashboard", ["dashboard", "--db", str(db)]),
        ("all exchanges", ["show", str(session)]),
        ("your own traffic", ["record", "--cassette", "mine.jsonl", "--", "python", "agent.py"]),
    ):
        click.echo(f"  {what:17} {_shown()} {shlex.join(arguments)}")


def _clear(folder: Path) -> None:
    """Make the folder, or empty it of an earlier demo's files; anybody else's are not touched."""
    try:
        folder.mkdir(exist_ok=True, parents=True)
    except OSError as error:
        raise BadOption(f"cannot make the folder {folder}: {error.strerror}") from error
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in _FILES)
    if foreign:
        raise BadOption(
            f"{folder} holds {foreign[0]}, which is not of the demo; give another --dir"
        )
    for path in folder.iterdir():
        path.unlink()


class _Server:
    """The scripted server as a process of its own."""

    url = ""

    def __enter__(self) -> "_Server":
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "respool.demo.server", "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # it is a pipe
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise DemoFailed("the scripted server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


def _check_gone(url: str) -> None:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1).close()
    except OSError as error:
        click.echo(f"{url}: {error.strerror}")
    else:
        raise DemoFailed(f"the server at {url} still answers, so a replay would prove nothing")


def _shown() -> str:
    """How the user starts respool: by name where that works, else as it was started now."""
    if Path(sys.argv[0]).name == "__main__.py":
        return "python -m respool"
    found = shutil.which("respool")
    return "respool" if found and Path(found).samefile(sys.argv[0]) else sys.argv[0]


def _respool(arguments: list[str], transcript: Path | None = None) -> float:
    """Run a command of ours as the user would, show it, and answer with the seconds it took.

    It is run around the demo's program if there is a file for what that gets.
    """
    child = ["--", sys.executable, "-P", *_PROGRAM, "--out", str(transcript)] if transcript else []
    shown = shlex.join(arguments) + (f" -- python {shlex.join(_PROGRAM)}" if transcript else "")
    click.secho(f"$ respool {shown}", bold=True)
    sys.stdout.flush()
    started = time.monotonic()
    code = subprocess.run(
        [sys.executable, "-P", "-m", "respool", *arguments, *child],
        env={**os.environ, "OPENAI_API_KEY": _KEY},
        check=False,
    ).returncode
    if code:
        raise DemoFailed(f"`respool {shown}` ended with exit code {code}")
    return time.monotonic() - started


def _step(number: int, title: str) -> None:
    click.secho(f"\n{number}. {title}", bold=True)


def _look_for_key(paths: Sequence[Path]) -> None:
    for path in paths:
        if _KEY.encode() in path.read_bytes():
            raise DemoFailed(f"the API key stands in {path}")
    names = " and ".join(path.name for path in paths)
    click.echo(f"the API key that the client sent is not in {names}")


def _compare(recorded: Path, replayed: Path) -> str:
    """Hold the two runs against each other, response by response and event by event."""
    first, second = (path.read_bytes().splitlines() for path in (recorded, replayed))
    different = [
        number for number, (a, b) in enumerate(zip(first, second, strict=False), 1) if a != b
    ]
    if different or len(first) != len(second) or not first:
        raise DemoFailed(
            f"the replay differs: {len(first)} responses recorded, {len(second)} replayed, "
            f"first difference in response {different[0] if different else 'count'}"
        )
    turns = [json.loads(line) for line in first]
    kinds = Counter(turn["kind"] for turn in turns)
    events = sum(len(turn.get("events", ())) for turn in turns)
    names = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return f"{len(first)} of {len(second)} responses are identical ({names}; {events} events)"
