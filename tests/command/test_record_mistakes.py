"""`respool record` on a machine where it cannot work: said before the upstream is asked."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import DEADLINE_S, one_line_error, run
from tapes import write_tape

import addons.script
from respool.demo.server import running_server


@pytest.fixture
def nobody() -> Iterator[str]:
    """The base URL of an upstream that is not there."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"


def refused(folder: Path, nobody: str, cassette: str, *more: str) -> str:
    """What `record` says, having asserted that it changed nothing."""
    before = contents(folder)
    env = {"XDG_DATA_HOME": str(folder / "data")}
    upstream = ("--upstream", nobody, "--cassette", cassette)
    error = one_line_error(run("record", *upstream, *more, "--", "true", cwd=folder, env=env))
    assert contents(folder) == before
    return error


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("cassette", "expected"),
    [
        ("none/s.jsonl", "cannot write the cassette none/s.jsonl: there is no folder "),
        ("a.jsonl/s.jsonl", "cannot write the cassette a.jsonl/s.jsonl: Not a directory"),
        ("notes.jsonl", "notes.jsonl is not a cassette"),
        ("packed.jsonl.zst", "is compressed, and a compressed cassette is not recorded into"),
    ],
)
def test_place_that_cannot_be_written(
    tmp_path: Path, nobody: str, cassette: str, expected: str
) -> None:
    """A path where no cassette can be is refused, and what is there stays."""
    write_tape(tmp_path / "a.jsonl", [])
    (tmp_path / "notes.jsonl").write_text("hello\n")
    assert expected in refused(tmp_path, nobody, cassette)


@pytest.mark.parametrize("name", ["s.txt", "s", "s.JSONL", "s.zst"])
def test_name_that_a_folder_would_not_be_read_by(tmp_path: Path, nobody: str, name: str) -> None:
    """A name that `ingest` of the folder passes over is refused, with one that it does not."""
    error = refused(tmp_path, nobody, name)
    assert f"{name} does not; name it s.jsonl" in error


def test_such_a_name_in_mitmdump(tmp_path: Path, nobody: str) -> None:
    """The recorder in somebody's own mitmdump refuses it as well."""
    start = "import sys; from mitmproxy.tools.main import mitmdump; sys.exit(mitmdump())"
    arguments = (
        *("-s", addons.script.__file__, "--mode", f"reverse:{nobody[:-3]}", "--listen-port", "0"),
        *("--set", f"confdir={tmp_path}", "--set", f"respool_cassette={tmp_path / 's.txt'}"),
    )
    command = [sys.executable, "-P", "-c", start, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert f"name it {tmp_path / 's.jsonl'}" in done.stdout + done.stderr
    assert not (tmp_path / "s.txt").exists()


def test_size_that_is_too_small(tmp_path: Path, nobody: str) -> None:
    """So is a size after which no file can be closed."""
    assert "at least 64K" in refused(tmp_path, nobody, "s.jsonl", "--rotate", "10K")


def test_port_in_use(tmp_path: Path, nobody: str) -> None:
    """So is a port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        error = refused(tmp_path, nobody, "s.jsonl", "--port", str(port))
    assert f"cannot listen on 127.0.0.1:{port}" in error


def test_authority_that_cannot_be_made(tmp_path: Path, nobody: str) -> None:
    """So is a folder in which no certificate authority can be made."""
    (tmp_path / "data").write_text("a file in its way")
    assert "certificate authority" in refused(tmp_path, nobody, "s.jsonl")


def test_upstream_comes_after_all_that(tmp_path: Path, nobody: str) -> None:
    """Where all is well here, the upstream is asked; a cassette that is there stays as it is."""
    tape = write_tape(tmp_path / "s.jsonl", [])
    whole = tape.read_bytes()
    done = run("record", "--upstream", nobody, "--cassette", tape, "--", "true")
    assert "cannot reach the upstream" in one_line_error(done)
    assert tape.read_bytes() == whole


def test_empty_file_is_begun(tmp_path: Path) -> None:
    """A file that is empty, as `mktemp` makes one, becomes a cassette."""
    tape = tmp_path / "s.jsonl"
    tape.touch()
    with running_server() as server:
        done = run("record", "--upstream", server.base_url, "--cassette", tape, "--", "true")
    assert done.returncode == 0, done.stderr
    assert tape.read_text().startswith('{"kind":"cassette"')
