"""`respool show --raw`: bodies byte for byte, for pipes."""

import subprocess
from pathlib import Path

import pytest
from harness import RESPOOL, one_line_error, run
from tapes import Told, response, sse, stream, write_tape

ASKED = b'{"model": "gpt-5.1",\r\n "input": "gr\xc3\xbc\xc3\x9fe"}\n'
BINARY = bytes(range(256))
EVENTS = stream(response(2))


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return write_tape(
        tmp_path / "out.jsonl",
        [Told(ASKED, EVENTS), Told(b"", BINARY, method="GET"), Told(outcome="client_gone")],
    )


def raw(tape: Path, *arguments: str) -> tuple[bytes, str]:
    done = subprocess.run([RESPOOL, "show", str(tape), *arguments], capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.decode()


def test_bodies_are_exact(tape: Path) -> None:
    """What is printed is the body and nothing else, be it a stream or no text at all."""
    assert raw(tape, "1", "--raw") == (b"".join(map(sse, EVENTS)), "")
    assert raw(tape, "1", "--raw-request") == (ASKED, "")
    assert raw(tape, "2", "--raw") == (BINARY, "")


def test_nothing_is_said_beside_it(tape: Path) -> None:
    """Where there is no body, stdout is empty, and stderr says so."""
    assert raw(tape, "last", "--raw") == (b"", "respool: exchange 3 has no answer body\n")
    assert raw(tape, "2", "--raw-request") == (b"", "respool: exchange 2 has no request body\n")


@pytest.mark.parametrize("arguments", [(), ("1", "--json"), ("1", "--full")])
def test_raw_is_about_one_exchange(tape: Path, arguments: tuple[str, ...]) -> None:
    """Without an ID, or beside another form, there is nothing exact to print."""
    for option in ("--raw", "--raw-request"):
        error = one_line_error(run("show", tape, *arguments, option))
        assert f"`respool show {tape} ID {option}`" in error
