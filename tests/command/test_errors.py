"""Bad input: a one-line error that says what to do, exit code 2, and nothing overwritten."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from harness import RESPOOL, one_line_error, run

from cassettes.journal import Journal

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def busy() -> Iterator[int]:
    """A port on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "good.jsonl"
    Journal(path, base="/v1", upstream="http://127.0.0.1/v1").close()
    return path


def broken(tmp_path: Path, name: str) -> tuple[Path, str]:
    """A file that cannot be used as a cassette, and what the error must say."""
    path = tmp_path / "bad.jsonl"
    match name:
        case "not a cassette":
            path.write_bytes(PNG)
            return path, "is not a cassette"
        case "other json":
            path.write_text('{"hello": "world"}\n')
            return path, "is not a cassette"
        case "newer":
            path.write_text('{"kind":"cassette","version":99,"shape":"unheard of"}\n')
            return path, "install a newer respool"
        case "damaged":
            Journal(path, base="/v1", upstream="http://127.0.0.1/v1").close()
            with path.open("a") as file:
                file.write('{"kind":"item","ref":"a","json":{}}\n{"kind":"item",,}\n')
                file.write('{"kind":"item","ref":"b","json":{}}\n')
            return path, "line 3 is damaged"
        case "directory":
            path.mkdir()
            return path, "it is a folder"
    raise AssertionError(name)


BROKEN = ["not a cassette", "other json", "newer", "damaged", "directory"]


@pytest.mark.parametrize("command", ["record", "replay", "show", "tail", "ingest"])
@pytest.mark.parametrize("name", BROKEN)
def test_unusable_cassette(tmp_path: Path, busy: int, command: str, name: str) -> None:
    """Every command names what is wrong with the file, and leaves it as it was."""
    path, expected = broken(tmp_path, name)
    before = path.read_bytes() if path.is_file() else None
    arguments = {
        "record": ["--upstream", f"http://127.0.0.1:{busy}/v1", "--cassette", path, "--", "true"],
        "replay": [path, "--", "true"],
        "show": [path],
        "tail": [path],
        "ingest": [path, "--db", tmp_path / "t.duckdb"],
    }[command]
    done = run(command, *arguments)
    if name == "directory" and command == "record":
        expected = "is a directory"
    if name == "directory" and command in ("ingest", "show", "replay"):
        expected = "there is no cassette in the folder"
    error = one_line_error(done)
    assert expected in error
    assert str(path) in error
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not (tmp_path / "t.duckdb").exists()


@pytest.mark.parametrize("command", ["replay", "show", "ingest"])
def test_missing_cassette(tmp_path: Path, command: str) -> None:
    """A cassette that is not there is named."""
    more = {"ingest": ["--db", tmp_path / "t.duckdb"]}.get(command, [])
    error = one_line_error(run(command, tmp_path / "none.jsonl", *more))
    assert "none.jsonl" in error
    assert "No such file" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["record", "replay"])
def test_port_in_use(tmp_path: Path, tape: Path, busy: int, command: str) -> None:
    """A port that somebody listens on is named, and no cassette is begun."""
    arguments = {
        "record": ["--upstream", f"http://127.0.0.1:{busy}", "--cassette", tmp_path / "new.jsonl"],
        "replay": [tape],
    }[command]
    error = one_line_error(run(command, *arguments, "--port", str(busy), "--", "true"))
    assert f"127.0.0.1:{busy}" in error
    assert "another --port" in error
    assert not (tmp_path / "new.jsonl").exists()


def test_unreachable_upstream(tmp_path: Path, free_port: int) -> None:
    """An upstream on which nothing answers is an error at once, before anything is recorded."""
    tape = tmp_path / "new.jsonl"
    upstream = f"http://127.0.0.1:{free_port}/v1"
    error = one_line_error(run("record", "--upstream", upstream, "--cassette", tape, "--", "true"))
    assert f"cannot reach the upstream {upstream}: Connection refused" in error
    assert not tape.exists()


@pytest.mark.parametrize(
    "url",
    [
        *("api.openai.com", "ftp://x/v1", "http://", "http://x:99999/v1", "http://x/v1?a=1"),
        *("http://[::1/v1", "http://127.0.0.1/\u00fc/v1"),
    ],
)
def test_upstream_that_is_no_base_url(tmp_path: Path, url: str) -> None:
    """What is not a base URL is refused with an example of one."""
    tape = tmp_path / "new.jsonl"
    error = one_line_error(run("record", "--upstream", url, "--cassette", tape, "--", "true"))
    assert "is not a base URL" in error


def unusable_database(tmp_path: Path, name: str) -> tuple[Path, str]:
    """A file that cannot be used as a database, and what the error must say."""
    path = tmp_path / "bad.duckdb"
    match name:
        case "not a database":
            path.write_bytes(PNG * 1000)
            return path, "is not a DuckDB database"
        case "foreign":
            with duckdb.connect(path) as connection:
                connection.execute("CREATE TABLE mine (a INTEGER)")
            return path, "database of another program"
        case "newer":
            with duckdb.connect(path) as connection:
                connection.execute("CREATE TABLE meta (key VARCHAR, value VARCHAR)")
                connection.execute("INSERT INTO meta VALUES ('respool_schema', '99')")
            return path, "install a newer respool"
    raise AssertionError(name)


@pytest.mark.parametrize("command", ["ingest", "stats", "dashboard"])
@pytest.mark.parametrize("name", ["not a database", "foreign", "newer"])
def test_unusable_database(tmp_path: Path, tape: Path, command: str, name: str) -> None:
    """A database that is not ours is named and left as it was."""
    path, expected = unusable_database(tmp_path, name)
    before = path.read_bytes()
    more = [tape] if command == "ingest" else []
    assert expected in one_line_error(run(command, *more, "--db", path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["stats", "dashboard"])
def test_missing_database(tmp_path: Path, command: str) -> None:
    """A database that is not there is not made by those who only read."""
    error = one_line_error(run(command, "--db", tmp_path / "none.duckdb"))
    assert "respool ingest CASSETTE --db" in error
    assert not list(tmp_path.iterdir())


def test_database_in_use_names_the_process(tmp_path: Path, tape: Path) -> None:
    """A database that another process holds open for long is named with its process id."""
    path = tmp_path / "t.duckdb"
    run("ingest", tape, "--db", path)
    with duckdb.connect(path):
        error = one_line_error(run("stats", "--db", path))
    assert f"held open by process {os.getpid()}" in error


def test_empty_cassette_and_database(tmp_path: Path, tape: Path) -> None:
    """A recording without an exchange is no error anywhere."""
    db = tmp_path / "t.duckdb"
    assert run("show", tape).returncode == 0
    assert run("ingest", tape, "--db", db).returncode == 0
    assert "no exchanges yet" in run("stats", "--db", db).stdout
    totals = json.loads(run("stats", "--db", db, "--json").stdout)["totals"]
    assert totals["exchanges"] == 0
    assert totals["total_tokens"] == 0
    assert db.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", ["replay", "show", "ingest", "record"])
def test_pipes_are_no_cassettes(tmp_path: Path, busy: int, command: str) -> None:
    """A pipe or a device is refused at once, where opening it would wait for ever."""
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    arguments = {
        "record": ["--upstream", f"http://127.0.0.1:{busy}/v1", "--cassette", pipe, "--", "true"],
        "ingest": [pipe, "--db", tmp_path / "t.duckdb"],
    }.get(command, [pipe])
    assert "not a regular file" in one_line_error(run(command, *arguments))


@pytest.mark.parametrize("command", ["stats", "ingest", "dashboard"])
def test_cassette_in_place_of_the_database(tape: Path, command: str) -> None:
    """A cassette that is given as the database is named as one, with what to do."""
    before = tape.read_bytes()
    more = [tape] if command == "ingest" else []
    error = one_line_error(run(command, *more, "--db", tape))
    assert "is a cassette and not a database" in error
    assert tape.read_bytes() == before


def test_password_in_the_upstream(tmp_path: Path, busy: int) -> None:
    """An upstream with a password is refused: it would be written down."""
    upstream = f"http://me:hunter2@127.0.0.1:{busy}/v1"
    tape = tmp_path / "new.jsonl"
    error = one_line_error(run("record", "--upstream", upstream, "--cassette", tape, "true"))
    assert "hunter2" not in error
    assert not tape.exists()


def test_full_disk_under_stdout(tape: Path) -> None:
    """Output that cannot be written is an error on one line."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([RESPOOL, "show", tape], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
