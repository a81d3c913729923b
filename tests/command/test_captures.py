"""Compressed and rotated captures, as a user meets them on the command line."""

import sys
from pathlib import Path

import pytest
import zstandard
from harness import run
from tapes import Told, response, write_tape

PROGRAM = (
    "from openai import OpenAI\n"
    "print(OpenAI().responses.create(model='gpt-5.1', input='hi').output_text)"
)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A cassette that was compressed."""
    plain = write_tape(tmp_path / "x.jsonl", [Told(answer=response(1))])
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(zstandard.compress(plain.read_bytes()))
    plain.unlink()
    return path


def test_every_command_reads_a_compressed_cassette(packed: Path, tmp_path: Path) -> None:
    """`show`, `tail`, `replay`, `ingest` and `stats` say of it what they say of a plain one."""
    assert "gpt-5.1" in run("show", packed).stdout
    assert "answer 1" in run("show", packed, "last").stdout
    assert "answer 1" in run("tail", packed, "--once").stdout
    replayed = run("replay", packed, "--", sys.executable, "-c", PROGRAM)
    assert (replayed.returncode, replayed.stdout) == (0, "answer 1\n")
    db = tmp_path / "traffic.duckdb"
    assert "1 new exchange" in run("ingest", packed, "--db", db).stdout
    assert "gpt-5.1" in run("stats", "--db", db).stdout
