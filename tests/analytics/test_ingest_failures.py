"""What fails takes no rows of other files with it, and each such file gets a line."""

import shutil
import time
from pathlib import Path

import pytest
import zstandard
from harness import run
from tapes import Told, response, write_tape
from test_ingest import contents, rows
from test_ingest_captures import rotated

from analytics.ingest import Ingested, ingest
from analytics.normalize import Normalizer, Rows
from cassettes.capture import SMALLEST
from wire.errors import BadCassette, BadDatabase


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


def tape(path: Path, *numbers: int) -> Path:
    return write_tape(path, [Told(answer=response(n)) for n in numbers], calm=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three cassettes, the second of which is a copy of one that was recorded on since."""
    folder = tmp_path / "folder"
    folder.mkdir()
    tape(tmp_path / "elsewhere.jsonl", 1)
    shutil.copy(tmp_path / "elsewhere.jsonl", folder / "b.jsonl")
    tape(tmp_path / "elsewhere.jsonl", 2)
    written = time.time()
    while time.time() < written + 0.002:  # cassettes tell times in ms
        pass
    tape(folder / "a.jsonl", 1, 2)
    tape(folder / "b.jsonl", 3)
    tape(folder / "c.jsonl", 1, 2)
    return folder


def test_a_copy_that_another_process_reads_meanwhile(
    folder: Path, tmp_path: Path, db: Path
) -> None:
    """What is found when the rows are written costs only the rows of that cassette."""
    asked = 0

    def meanwhile() -> bool:
        nonlocal asked
        asked += 1
        if asked == 7:  # once a file, once an exchange: all of a and b waits
            list(ingest([tmp_path / "elsewhere.jsonl"], db))
        return False

    lines: list[str] = []
    told = list(ingest([folder], db, meanwhile, lines.append))
    assert told == [(folder / "a.jsonl", Ingested(2, 0)), (folder / "c.jsonl", Ingested(2, 0))]
    (line,) = lines
    assert "b.jsonl: the database has another exchange 2 of this cassette" in line
    assert rows(db, "SELECT count(*) FROM exchanges") == [(6,)]
    before = contents(db)
    lines.clear()
    assert {found.exchanges for _, found in ingest([folder], db, on_damage=lines.append)} == {0}
    assert len(lines) == 1
    assert contents(db) == before


def test_each_file_that_fails_gets_a_line(folder: Path, tmp_path: Path, db: Path) -> None:
    """Of several files that were named and cannot be read each is told of; the rest is read."""
    run("ingest", tmp_path / "elsewhere.jsonl", "--db", db)
    names = [folder / f"{name}.jsonl" for name in "abc"]
    names[0].write_bytes(names[0].read_bytes() + b"rubbish\n{}\n")
    done = run("ingest", *names, tmp_path / "nowhere.jsonl", "--db", db)
    assert done.returncode == 2
    told = done.stderr.splitlines()
    assert len(told) == 3
    assert all(f"/{name}.jsonl" in done.stderr for name in ("a", "b", "nowhere"))
    assert rows(db, "SELECT count(*) FROM exchanges") == [(4,)]
    again = run("ingest", *names, "--db", db)
    assert (again.returncode, again.stdout) == (2, f"{names[2]}: 0 new exchanges -> {db}\n")


@pytest.mark.parametrize(
    ("known", "beyond"),
    [('"status":200', '"status":70000'), ('"version":1', '"version":1,"revision":9999999999')],
)
def test_numbers_that_no_column_holds(folder: Path, db: Path, known: str, beyond: str) -> None:
    """A cassette with one, also in its header, is named, and the database is not blamed for it."""
    path = folder / "b.jsonl"
    whole = path.read_text()
    assert known in whole
    path.write_text(whole.replace(known, beyond, 1))
    for _ in range(2):
        done = run("ingest", folder, "--db", db)
        assert done.returncode == 2
        told, last = done.stderr.splitlines()
        assert told.startswith(f"respool: {path} holds what no table can: Conversion Error")
        assert last == "respool: error: 1 file could not be read; the others were"
        assert rows(db, "SELECT count(*) FROM ingest_state") == [(2,)]
    path.write_text(whole)
    assert run("ingest", folder, "--db", db).returncode == 0
    assert rows(db, "SELECT count(*) FROM exchanges") == [(6,)]


def test_a_compressed_file_that_failed_in_part_is_not_taken_for_read(
    tmp_path: Path, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rows of an early batch cannot be written the file is named each time it is ingested."""
    monkeypatch.setattr("analytics.waiting_rows.BATCH", 1)
    plain = tape(tmp_path / "a.jsonl", 1, 2).read_bytes()
    plain = plain.replace(b'"status":200', b'"status":70000', 1)
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor(write_content_size=True).compress(plain))
    for _ in range(2):
        with pytest.raises(BadCassette, match="holds what no table can"):
            list(ingest([path], db))
        assert rows(db, "SELECT number FROM exchanges") == [(2,)]


def test_a_file_that_fails_and_is_read_again_is_told_of_once(
    tmp_path: Path, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read again as what it goes on from comes after it, when its failure was told of."""
    monkeypatch.setattr("analytics.ingest_run.FILES", 1)
    said = [["a" * 70_000], ["a" * 70_000, "b" * 70_000], ["c"]]
    told = [
        Told({"input": [{"role": "user", "content": text} for text in texts]}, response(x))
        for x, texts in enumerate(said, 1)
    ]
    first, second, last = rotated(tmp_path / "c.jsonl", told, SMALLEST)
    plain = zstandard.ZstdDecompressor().decompress(second.read_bytes())
    second.unlink()
    bad = second.with_suffix("")
    bad.write_bytes(plain.replace(b'"status":200', b'"status":70000', 1))
    lines: list[str] = []
    with pytest.raises(BadCassette, match="holds what no table can"):
        list(ingest([bad, first, last], db, on_damage=lines.append))
    assert not lines
    assert rows(db, "SELECT number FROM exchanges ORDER BY ALL") == [(1,), (3,)]


def test_an_exchange_that_is_beyond_us(
    folder: Path, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug costs what comes after it in its file, and is told of when all others are read."""
    normal = Normalizer.rows

    def failing(self: Normalizer, number: int) -> Rows:
        if number == 2 and self._cassette.path.name != "c.jsonl":
            raise IndexError(self._cassette.path.name)
        return normal(self, number)

    monkeypatch.setattr(Normalizer, "rows", failing)
    lines: list[str] = []
    with pytest.raises(IndexError, match=r"a\.jsonl"):
        list(ingest([folder], db, on_damage=lines.append))
    assert lines == [f"cannot read {folder / 'b.jsonl'}: IndexError: b.jsonl"]
    assert rows(db, "SELECT count(*) FROM exchanges") == [(4,)]
    monkeypatch.setattr(Normalizer, "rows", normal)
    assert sum(found.exchanges for _, found in ingest([folder], db)) == 2


def test_a_database_that_takes_nothing(folder: Path, db: Path) -> None:
    """Where no cassette can be written, no cassette is blamed."""
    db.write_bytes(b"something else")
    with pytest.raises(BadDatabase):
        list(ingest([folder], db))
