"""Ingest of compressed files and of captures in several files: nothing twice, nothing unlinked."""

import os
from pathlib import Path

import pytest
import zstandard
from harness import one_line_error, run
from tapes import Told, response, write_tape
from test_ingest import contents, conversation, rows

from analytics.ingest import Ingested, ingest


def compress(path: Path) -> Path:
    """What `zstd --rm` leaves of a file."""
    packed = path.with_name(path.name + ".zst")
    packed.write_bytes(zstandard.compress(path.read_bytes()))
    path.unlink()
    return packed


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


def test_a_compressed_cassette_adds_nothing_to_the_plain_one(tmp_path: Path, db: Path) -> None:
    """A cassette that is compressed after it was read has nothing new, and says the same alone."""
    plain = write_tape(tmp_path / "x.jsonl", conversation(4), calm=False)
    list(ingest([plain], db))
    before = contents(db)
    packed = compress(plain)
    assert list(ingest([packed], db)) == [(packed, Ingested(0, 0))]
    assert contents(db) == before
    list(ingest([packed], tmp_path / "other.duckdb"))
    assert contents(tmp_path / "other.duckdb") == before


def test_a_compressed_file_that_was_read_is_not_opened_again(tmp_path: Path, db: Path) -> None:
    """A closed file costs the next run nothing but a look at its head."""
    answers = [response(n, metadata={"noise": os.urandom(200_000).hex()}) for n in (1, 2)]
    packed = compress(write_tape(tmp_path / "x.jsonl", [Told(answer=each) for each in answers]))
    list(ingest([packed], db))
    packed.write_bytes(packed.read_bytes()[:-4])  # which reading it would find
    assert list(ingest([packed], db)) == [(packed, Ingested(0, 0))]


def test_a_folder_means_the_cassettes_in_it(tmp_path: Path, db: Path) -> None:
    """Each cassette of a folder is read, compressed or not; other files are let be."""
    folder = tmp_path / "captures"
    folder.mkdir()
    compress(write_tape(folder / "a.jsonl", [Told(answer=response(1))]))
    write_tape(folder / "b.jsonl", [Told(answer=response(2))] * 2)
    (folder / "notes.jsonl").write_text("{}\n")
    (folder / "notes.txt").write_text("{}\n")
    done = run("ingest", folder, folder / "b.jsonl", "--db", db)
    assert done.stdout.splitlines() == [
        f"{folder}/a.jsonl.zst: 1 new exchange -> {db}",
        f"{folder}/b.jsonl: 2 new exchanges -> {db}",
    ]
    assert rows(db, "SELECT count(*), count(DISTINCT cassette_id) FROM exchanges") == [(3, 2)]
    (tmp_path / "empty").mkdir()
    said = one_line_error(run("ingest", tmp_path / "empty", "--db", db))
    assert "there is no cassette in the folder" in said
