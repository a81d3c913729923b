"""`respool ingest` as a command: what it says, also when it is stopped."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import zstandard
from harness import run
from tapes import Told, response, write_tape

STOPPED_IN_BATCH = """
import os, signal, sys
from analytics import exchange_rows, waiting_rows
from respool.cli import main

waiting_rows.BATCH = 3
write, batches = exchange_rows.write, 0

def interrupted(*arguments):
    global batches
    batches += 1
    if batches == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGINT)
    return write(*arguments)

exchange_rows.write = interrupted
main(["ingest", *sys.argv[2:]])
"""


@pytest.fixture
def tapes(tmp_path: Path) -> list[Path]:
    """Two cassettes, of ten exchanges and of one."""
    return [
        write_tape(tmp_path / f"{name}.jsonl", [Told(answer=response(n)) for n in range(count)])
        for name, count in (("ten", 10), ("one", 1))
    ]


def ingested(batch: int, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Ingest in batches of three, with ctrl-C while that batch is written."""
    command = [sys.executable, "-P", "-c", STOPPED_IN_BATCH, str(batch), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_ctrl_c_says_what_is_in(tapes: list[Path], tmp_path: Path) -> None:
    """It ends with whole exchanges, how many are in and are left, and what to do; then goes on."""
    db = tmp_path / "t.duckdb"
    done = ingested(2, *tapes, "--db", db)
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert done.stdout == f"{tapes[0]}: 6 new exchanges, 4 still to read -> {db}\n"
    said = "respool: stopped, with 1 more cassette to read; run it again to go on\n"
    assert done.stderr == said
    with duckdb.connect(db, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM exchanges").fetchall() == [(6,)]
    again = run("ingest", *tapes, "--db", db)
    assert again.returncode == 0
    assert re.findall(r": (\d+) new", again.stdout) == ["4", "1"]


def test_ctrl_c_at_the_end(tapes: list[Path], tmp_path: Path) -> None:
    """Where nothing of a cassette is left, only the next ones are; or there is nothing to say."""
    done = ingested(4, *tapes, "--db", tmp_path / "t.duckdb")
    assert done.returncode == 128 + signal.SIGINT
    assert "10 new exchanges -> " in done.stdout
    assert "stopped, with 1 more cassette to read" in done.stderr
    done = ingested(1, tapes[1], "--db", tmp_path / "u.duckdb")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_has_nothing_new_is_counted(tapes: list[Path], tmp_path: Path) -> None:
    """Of several files only those with something new get a line; one alone always does."""
    db = tmp_path / "t.duckdb"
    write_tape(tmp_path / "open.jsonl", [Told(outcome=None)])
    first = run("ingest", tmp_path, "--db", db).stdout
    assert [line.partition(": ")[2].partition(" -> ")[0] for line in first.splitlines()] == [
        "1 new exchange",
        "1 new exchange, 1 without an end",
        "10 new exchanges",
    ]
    again = run("ingest", tmp_path, "--db", db).stdout
    assert again == f"3 cassettes: 0 new exchanges, 1 without an end -> {db}\n"
    fresh = write_tape(tmp_path / "zero.jsonl", [Told(answer=response(1))])
    assert run("ingest", tmp_path, "--db", db).stdout.splitlines() == [
        f"{fresh}: 1 new exchange -> {db}",
        f"3 other cassettes: 0 new exchanges, 1 without an end -> {db}",
    ]
    assert run("ingest", fresh, "--db", db).stdout == f"{fresh}: 0 new exchanges -> {db}\n"


def test_a_damaged_cassette_of_a_folder_is_told(tapes: list[Path], tmp_path: Path) -> None:
    """It gets a line, the others are read, and the exit code says that something is missing."""
    torn = tmp_path / "torn.jsonl.zst"
    torn.write_bytes(zstandard.compress(tapes[1].read_bytes())[:40])
    done = run("ingest", tmp_path, "--db", tmp_path / "t.duckdb")
    assert done.returncode == 2
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == [
        *map(str, reversed(tapes))
    ]
    told, sums_up = done.stderr.splitlines()
    assert f"{torn} is damaged" in told
    assert "1 file could not be read; the others were" in sums_up
    torn.unlink()
    assert run("ingest", tmp_path, "--db", tmp_path / "t.duckdb").returncode == 0
