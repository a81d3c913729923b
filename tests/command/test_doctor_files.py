"""`respool doctor` on the disk, on cassettes and databases, and on what is installed."""

import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from doctoring import doctor, environment, examined, untraced
from harness import recording, run
from tapes import Told, response, write_tape

from respool.demo.server import running_server
from respool.doctor.recordings import ago


@pytest.mark.parametrize("place", ["missing/deeper", "file", "/proc"])
def test_folder_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    """A folder that is not there, is a file, or takes no files, is a problem."""
    (tmp_path / "file").write_text("")
    found = doctor(tmp_path, "--cassette", f"{place}/a.jsonl").one("disk", "problem")
    says = {"file": "is not a folder", "/proc": "cannot create a file"}
    assert says.get(place, f"mkdir -p {tmp_path}/{place}") in found


def test_a_size_that_record_refuses(tmp_path: Path) -> None:
    """A --rotate that is too small is a problem here as well, and one that is not is no finding."""
    found = doctor(tmp_path, "--rotate", "1K").one("rotate", "problem")
    assert found.endswith(
        "too few bytes to begin a new file after -> give at least 64K, or 0 for never"
    )
    assert not doctor(tmp_path, "--rotate", "64K").about("rotate")


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The folder is tried with a file that is removed again."""
    folder = tmp_path / "here"
    folder.mkdir()
    assert "can write, lock and rename" in doctor(tmp_path, cwd=folder).one("disk", "ok")
    assert not list(folder.iterdir())
    assert not list(tmp_path.glob(".respool*"))


def test_no_room(tmp_path: Path) -> None:
    """A disk or a limit that takes no more bytes is a problem, and the limit is named."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))

    # Python and coverage would leave halves of their files behind.
    env = untraced(environment(tmp_path, PYTHONDONTWRITEBYTECODE="1"))
    done = examined(env, tmp_path, "--offline", preexec_fn=limit)
    assert done.returncode == 1
    assert "cannot write: File too large" in done.stdout
    assert "no file may grow over 10,000 bytes" in done.stdout
    assert "data folder" in done.stdout
    assert not list(tmp_path.glob(".respool*"))


def test_few_files(tmp_path: Path) -> None:
    """A low limit of open files is told, with what raises it."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    done = examined(environment(tmp_path), tmp_path, "--offline", preexec_fn=limit)
    assert "only 100 files may be open" in done.stdout
    assert "not 1,024: each client takes two" in done.stdout
    assert "LimitNOFILE" in done.stdout


def test_files_that_respool_allows_itself(tmp_path: Path) -> None:
    """What counts is what the hard limit leaves room for, as respool raises the soft one."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 2048))

    done = examined(environment(tmp_path), tmp_path, "--offline", preexec_fn=limit)
    assert "2,048 files may be open, enough for 1,024 clients at once" in done.stdout


def test_folder_that_is_gone(tmp_path: Path) -> None:
    """To be in a folder that was deleted is a problem, and no traceback."""
    folder = tmp_path / "gone"
    folder.mkdir()
    done = examined(environment(tmp_path), folder, "--offline", preexec_fn=folder.rmdir)
    assert "the current folder was deleted" in done.stdout
    assert done.returncode == 1


def test_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Where the authority cannot be kept, no recording starts: a problem."""
    (tmp_path / "file").write_text("")
    report = doctor(tmp_path, XDG_DATA_HOME=tmp_path / "file")
    assert "it is a file" in report.one("data folder", "problem")


def test_cassette(tmp_path: Path) -> None:
    """A cassette is told by how much is in it, and since when."""
    tape = write_tape(tmp_path / "a.jsonl", [Told(answer=response(1)), Told(answer=response(2))])
    assert f"{tape}: 2 exchanges, the last" in doctor(tmp_path, "--cassette", tape).one(
        "cassette", "ok"
    )


def test_cassette_that_ended_badly(tmp_path: Path) -> None:
    """A recording that was killed is told by what lacks its end."""
    tape = write_tape(tmp_path / "a.jsonl", [Told(answer=response(1)), Told(outcome=None)])
    killed = doctor(tmp_path, "--cassette", tape).one("cassette", "warning")
    assert "1 exchange without end: its recorder was killed, or could not write" in killed
    whole = write_tape(tmp_path / "b.jsonl", [Told(answer=response(1))])
    with whole.open("ab") as file:
        file.write(b'{"kind":"requ')
    assert "torn last line" in doctor(tmp_path, "--cassette", whole).one("cassette", "warning")


def test_file_that_is_no_cassette(tmp_path: Path) -> None:
    """Another file, a folder, and a newer cassette are problems that say what to do."""
    (tmp_path / "notes.jsonl").write_text("hello\n")
    found = doctor(tmp_path, "--cassette", "notes.jsonl").one("cassette", "problem")
    assert "give a file written by `respool record`" in found
    named = doctor(tmp_path, "--cassette", "notes.txt").one("cassette", "problem")
    assert "name it notes.jsonl" in named
    assert "it is a folder -> give a cassette in it" in doctor(
        tmp_path, "--cassette", tmp_path
    ).one("cassette", "problem")
    (tmp_path / "new.jsonl").write_text('{"kind":"cassette","version":99}\n')
    newer = doctor(tmp_path, "--cassette", "new.jsonl").one("cassette", "problem")
    assert "install a newer respool" in newer


def test_cassette_that_is_recorded(tmp_path: Path) -> None:
    """Who records into a cassette is said, and that it is not disturbed by being asked about."""
    tape = tmp_path / "a.jsonl"
    with running_server() as server, recording(server.base_url, tape) as proxy:
        proxy.client().responses.create(model="gpt-5.1", input="pack")
        while "complete" not in tape.read_text():
            assert proxy.process.poll() is None
        report = doctor(tmp_path, "--cassette", tape)
        assert proxy.stop() == 0
    assert f"process {proxy.process.pid} (respool record) records into it" in report.one(
        "cassette", "ok"
    )


def test_large_cassette(tmp_path: Path) -> None:
    """A cassette that would take long to read is told by its size."""
    tape = write_tape(tmp_path / "a.jsonl", [Told(answer=response(1))])
    with tape.open("ab") as file:
        file.truncate(1 << 30)
    assert "1,073,741,824 bytes" in doctor(tmp_path, "--cassette", tape).one("cassette", "ok")


def test_database(tmp_path: Path) -> None:
    """A database is told by its schema and what is in it; who holds it open is named."""
    tape = write_tape(tmp_path / "a.jsonl", [Told(answer=response(1))])
    db = tmp_path / "t.duckdb"
    assert "there is no database" in doctor(tmp_path, "--db", db).one("database", "problem")
    assert run("ingest", tape, "--db", db).returncode == 0
    assert "1 exchange" in doctor(tmp_path, "--db", db).one("database", "ok")
    with duckdb.connect(db):
        assert "is held open by process" in doctor(tmp_path, "--db", db).one("database", "warning")


def test_misfit_package(tmp_path: Path) -> None:
    """A package of a version that respool does not take is a problem."""
    path = tmp_path / "msgspec-0.1.dist-info" / "METADATA"
    path.parent.mkdir()
    path.write_text("Metadata-Version: 2.1\nName: msgspec\nVersion: 0.1\n")
    report = doctor(tmp_path, PYTHONPATH=tmp_path)
    found = report.one("packages", "problem")
    assert "msgspec 0.1 is installed, and respool needs >=0.22" in found


def test_shadowed_module(tmp_path: Path) -> None:
    """A module that PYTHONPATH puts before respool's own is a problem."""
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "__init__.py").write_text("")
    report = doctor(tmp_path, PYTHONPATH=tmp_path)
    assert "dashboard would be imported from elsewhere" in report.one("imports", "problem")


def test_started_among_other_modules(tmp_path: Path) -> None:
    """What `python -m respool` would import from the current folder is a problem too."""
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "respool", "doctor", "--offline"],
        env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert "dashboard would be imported from elsewhere" in done.stdout
    assert "start it as `respool`" in done.stdout


def test_warnings_as_errors(tmp_path: Path) -> None:
    """A variable that turns warnings into errors is told."""
    assert "unset it" in doctor(tmp_path, PYTHONWARNINGS="error::ResourceWarning").one(
        "imports", "warning"
    )


def test_other_respool_on_path(tmp_path: Path) -> None:
    """Another `respool` on PATH than the one that runs is named."""
    other = tmp_path / "respool"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    report = doctor(tmp_path, PATH=tmp_path)
    assert f"another one: {other}" in report.one("python", "warning")
    assert Path(sys.prefix).name in report.one("python", "ok")


@pytest.mark.parametrize(
    ("past", "says"),
    [(5, "5 s ago"), (600, "10 min ago"), (7200, "2 h ago"), (864_000, "on 2")],
)
def test_ago(past: float, says: str) -> None:
    """A moment is said as a person would."""
    assert ago(datetime.now(UTC) - timedelta(seconds=past)).startswith(says)
