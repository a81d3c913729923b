"""`respool prune`: old cassettes go, and nothing else does."""

import os
import time
from pathlib import Path

import pytest
import zstandard
from harness import one_line_error, run
from tapes import Told, response, write_tape

from cassettes.journal import Journal

DAY_S = 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four cassettes of 100 KB and more, 40, 30, 20 and 10 days old, one of them compressed."""
    folder = tmp_path / "captures"
    folder.mkdir()
    for number, days in enumerate((40, 30, 20, 10), 1):
        told = Told({"model": "gpt-5.1", "input": os.urandom(50_000).hex()}, response(number))
        path = write_tape(folder / f"{number}.jsonl", [told])
        if number == 2:
            packed = folder / "2.jsonl.zst"
            packed.write_bytes(zstandard.compress(path.read_bytes()))
            path.unlink()
            path = packed
        age(path, days)
    return folder


def age(path: Path, days: float) -> None:
    """Make a file look as if it was last written to so long ago."""
    os.utime(path, (time.time() - days * DAY_S,) * 2)


def names(folder: Path) -> list[str]:
    """What is there."""
    return sorted(path.name for path in folder.iterdir())


def test_by_age(folder: Path) -> None:
    """What was last written to before the given time goes, oldest first, a line for each."""
    done = run("prune", folder, "--older-than", "25d")
    assert (done.returncode, done.stderr) == (0, "")
    *lines, total = done.stdout.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        f"deleted {folder}/1.jsonl",
        f"deleted {folder}/2.jsonl.zst",
    ]
    assert total.startswith("deleted 2 of 4 cassettes, ")
    assert total.endswith("KB are left")
    assert names(folder) == ["3.jsonl", "4.jsonl"]
    assert run("prune", folder, "--older-than", "2w").stdout.startswith(f"deleted {folder}/3.jsonl")
    assert run("prune", folder, "--older-than", "2000h").stdout.startswith(
        "deleted 0 of 1 cassette,"
    )


def test_by_size(folder: Path) -> None:
    """The oldest go until all together are no larger than was asked for."""
    run("prune", folder, "--keep-size", "220K")
    assert names(folder) == ["3.jsonl", "4.jsonl"]
    run("prune", folder, "--keep-size", "1.5 MiB")
    assert names(folder) == ["3.jsonl", "4.jsonl"]
    run("prune", folder, "--keep-size", "0")
    assert names(folder) == []
    assert "deleted 0 of 0 cassettes" in run("prune", folder, "--keep-size", "0").stdout


def test_by_both(folder: Path) -> None:
    """With two limits a cassette goes that is beyond one of them."""
    run("prune", folder, "--older-than", "35d", "--keep-size", "1G")
    assert names(folder) == ["2.jsonl.zst", "3.jsonl", "4.jsonl"]


def test_dry_run(folder: Path) -> None:
    """What would be deleted is said, and stays."""
    before = names(folder)
    done = run("prune", folder / "1.jsonl", folder, "--older-than", "35d", "--dry-run")
    assert done.stdout.splitlines()[0].startswith(f"would delete {folder}/1.jsonl (")
    assert done.stdout.splitlines()[1].startswith("would delete 1 of 4 cassettes, ")
    assert names(folder) == before


def test_without_a_limit_nothing_goes(folder: Path) -> None:
    """A folder alone is no reason to delete anything."""
    assert "--older-than AGE, --keep-size SIZE" in one_line_error(run("prune", folder))
    assert len(names(folder)) == 4


@pytest.mark.parametrize("given", ["--older-than=30", "--older-than=-1d", "--keep-size=all"])
def test_limits_must_be_plain(folder: Path, given: str) -> None:
    """An age without a unit, or what is no amount, is refused."""
    assert run("prune", folder, given).returncode == 2
    assert len(names(folder)) == 4


def test_what_is_being_recorded_stays(folder: Path) -> None:
    """However old and however large: a cassette that a recorder holds is not deleted."""
    journal = Journal(folder / "1.jsonl", base="/v1", upstream="http://127.0.0.1:1/v1")
    age(folder / "1.jsonl", 400)
    done = run("prune", folder, "--keep-size", "0")
    assert names(folder) == ["1.jsonl"]
    assert done.stderr == f"respool: {folder}/1.jsonl is being recorded, and stays\n"
    assert done.returncode == 0
    journal.close()


def test_other_files_stay(folder: Path, tmp_path: Path) -> None:
    """Of a folder only cassettes go, by what is in them; a named file that is none is an error."""
    (folder / "notes.jsonl").write_text('{"kind":"note"}\n')
    (folder / "empty.jsonl").touch()
    (folder / "torn.jsonl.zst").write_bytes((folder / "2.jsonl.zst").read_bytes()[:20])
    (folder / "1.jsonl").rename(folder / "1.txt")
    (folder / "deeper").mkdir()
    write_tape(folder / "deeper/5.jsonl", [Told()])
    run("prune", folder, "--keep-size", "0")
    others = ["1.txt", "deeper", "empty.jsonl", "notes.jsonl", "torn.jsonl.zst"]
    assert names(folder) == others
    assert names(folder / "deeper") == ["5.jsonl"]
    for name in ("notes.jsonl", "empty.jsonl", "torn.jsonl.zst", "none.jsonl"):
        assert name in one_line_error(run("prune", folder / name, "--keep-size", "0"))
    assert names(folder) == others
    run("prune", folder / "1.txt", "--keep-size", "0")  # which was named
    assert "1.txt" not in names(folder)


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    """What a link leads to stays, a cassette or a folder of them, and so does the link."""
    (folder / "0.jsonl").symlink_to(folder / "1.jsonl")
    (tmp_path / "link").symlink_to(folder)
    for given in (folder / "0.jsonl", folder):
        done = run("prune", given, "--older-than", "35d", "--dry-run")
        assert f"{folder}/0.jsonl is a symbolic link, and stays" in done.stderr
    done = run("prune", tmp_path / "link", "--older-than", "1d")
    assert f"{tmp_path}/link is a symbolic link, and stays; name what it leads to" in done.stderr
    assert "deleted 0 of 0 cassettes" in done.stdout
    assert names(folder) == ["0.jsonl", "1.jsonl", "2.jsonl.zst", "3.jsonl", "4.jsonl"]


def test_rows_stay(folder: Path, tmp_path: Path) -> None:
    """The numbers of a deleted cassette are in the database as before."""
    db = tmp_path / "traffic.duckdb"
    run("ingest", folder, "--db", db)
    run("prune", folder, "--keep-size", "0")
    assert '"exchanges": 4' in run("stats", "--db", db, "--json").stdout


def test_what_a_killed_recorder_left_goes(folder: Path) -> None:
    """The hidden half of a file goes once its file is gone; while that is there, it may be used."""
    left = folder / ".1.jsonl.zst.new", folder / ".4.jsonl.calm", folder / ".5.jsonl.zst.new"
    others = folder / ".env.new", folder / ".6.jsonl.zst.new"
    for path in (*left, others[0]):
        path.write_bytes(b"half")
    others[1].mkdir()
    said = run("prune", folder, "--older-than", "35d", "--dry-run").stdout
    assert f"would delete {left[2]}, which a recorder that was killed has left" in said
    said = run("prune", folder, "--older-than", "35d").stdout
    assert [path.exists() for path in left] == [False, True, False]
    assert f"deleted {left[0]}, which a recorder that was killed has left\n" in said
    run("prune", folder / "4.jsonl", "--keep-size", "0")
    assert names(folder) == [".6.jsonl.zst.new", ".env.new", "2.jsonl.zst", "3.jsonl"]
