"""Ingest of compressed files and of captures in several files: nothing twice, nothing unlinked."""

import os
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import zstandard
from harness import one_line_error, run
from tapes import Told, notes, response, write_tape
from test_ingest import contents, conversation, rows

from analytics import store
from analytics.ingest import Ingested, ingest
from cassettes.capture import Capture
from cassettes.folder import expanded
from wire.errors import BadCassette

PARENTS = """SELECT e.number, e.inherited_items, p.number
    FROM exchanges e LEFT JOIN exchanges p ON p.exchange_id = e.parent_id"""
REPEATED = """SELECT e.number, r.number
    FROM exchanges e JOIN exchanges r ON r.exchange_id = e.repeats_id"""
QUERIES = (
    PARENTS,
    "SELECT number, input_items, output_items, response_id, duration_ms FROM exchanges",
    REPEATED,
    """SELECT e.number, e.attempt, f.number
    FROM exchanges e JOIN exchanges f ON f.exchange_id = e.retry_of_id""",
    """SELECT e.number, w.position, w.item_id
    FROM whole_inputs w JOIN exchanges e USING (exchange_id)""",
    """SELECT e.number, x.direction, x.position, x.item_id
    FROM exchange_items x JOIN exchanges e USING (exchange_id)""",
    """SELECT e.number, t.call_id, o.number, t.output
    FROM tool_calls t
    JOIN exchanges e USING (exchange_id)
    JOIN exchanges o ON o.exchange_id = output_exchange_id""",
)
"""What there is of a capture, without the times of day at which the tests wrote it."""


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


def rotated(path: Path, exchanges: list[Told], rotate: int = 70_000) -> list[Path]:
    """A capture of these exchanges in several files."""
    recording = Capture(path, base="/v1", upstream="http://127.0.0.1:1/v1", rotate=rotate)
    for number, told in enumerate(exchanges, recording.next_number):
        recording.put(*notes(number, told, number * 10**9))
    recording.close()
    return expanded([path])


def talking(turns: int) -> list[Told]:
    """A conversation with long tool outputs, with every third request failing and sent again."""
    told = []
    for each in conversation(turns):
        history = each.request["input"]
        for item in history:
            if item.get("type") == "function_call_output":
                item["output"] = f"sunny in {item['call_id']} " * 700
        failed = replace(each, answer={"error": {}}, status=500)
        told += [failed, each, each] if len(history) % 3 == 0 else [each]
    return told


def test_a_rotated_capture_gives_the_rows_of_one_file(tmp_path: Path, db: Path) -> None:
    """Parents, repetitions, retries and tool outputs are linked across files, as within one."""
    told = talking(20)
    files = rotated(tmp_path / "c.jsonl", told)
    assert len(files) > 2
    list(ingest([tmp_path / "c.jsonl"], db))
    list(ingest(rotated(tmp_path / "whole.jsonl", told, 1 << 30), tmp_path / "whole.duckdb"))
    for query in QUERIES:
        assert rows(db, query), query
        assert sorted(rows(db, query)) == sorted(rows(tmp_path / "whole.duckdb", query)), query
    before = contents(db)
    assert sum(found.exchanges for _, found in ingest([tmp_path], db)) == len(
        told
    )  # of whole.jsonl
    list(ingest(files, db))
    assert rows(db, "SELECT count(*) FROM exchanges") == [(2 * len(told),)]
    (tmp_path / "whole.jsonl").unlink()
    other = tmp_path / "again.duckdb"
    list(ingest([tmp_path], other))
    assert contents(other) == before


def test_a_file_whose_earlier_ones_are_gone_is_whole(tmp_path: Path, db: Path) -> None:
    """Where what a request goes on from was pruned, all its items count as its own."""
    *earlier, last = rotated(tmp_path / "c.jsonl", talking(12))
    for path in earlier:
        path.unlink()
    list(ingest([last], db))
    assert rows(db, "SELECT count(*) FROM exchanges WHERE inherited_items > input_items") == [(0,)]
    assert rows(
        db,
        "SELECT count(*) FROM exchanges e WHERE input_items <> "
        "(SELECT count(*) FROM whole_inputs w WHERE w.exchange_id = e.exchange_id)",
    ) == [(0,)]


def test_many_files_take_few_transactions(
    tmp_path: Path, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is opened for a batch of files, and not for each of them."""
    opened = 0
    writing = store.writing

    def counting(path: Path) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        nonlocal opened
        opened += 1
        return writing(path)

    monkeypatch.setattr(store, "writing", counting)
    files = rotated(tmp_path / "c.jsonl", talking(20))
    assert [path for path, _ in ingest([tmp_path], db)] == files
    assert opened == 3  # for what is there, of the database and of this cassette, and to write
    opened = 0
    list(ingest([tmp_path], db))
    assert opened <= 2


def test_what_was_read_before_a_damaged_file_is_in(tmp_path: Path, db: Path) -> None:
    """Files before one that cannot be read are told of and written."""
    first = write_tape(tmp_path / "a.jsonl", [Told(answer=response(1))])
    second = write_tape(tmp_path / "b.jsonl", [Told(answer=response(2))])
    second.write_bytes(second.read_bytes() + b"{}\n{}\n")
    told = ingest([first, second], db)
    assert next(told) == (first, Ingested(1, 0))
    with pytest.raises(BadCassette, match="is damaged"):
        next(told)
    assert rows(db, "SELECT count(*) FROM exchanges") == [(1,)]


def test_damage_in_a_folder_stops_nothing_else(tmp_path: Path, db: Path) -> None:
    """What cannot be read gets a line of its own; those after it are read."""
    for name in "abc":
        write_tape(tmp_path / f"{name}.jsonl", [Told(answer=response(1))])
    damaged = tmp_path / "b.jsonl"
    first, *others = damaged.read_bytes().splitlines(keepends=True)
    damaged.write_bytes(first + b"rubbish\n" + b"".join(others))
    done = run("ingest", tmp_path, "--db", db)
    assert done.returncode == 2
    assert "b.jsonl" in done.stderr
    assert "1 file could not be read; the others were" in done.stderr
    assert rows(db, "SELECT count(*) FROM exchanges") == [(2,)]
    done = run("ingest", *(tmp_path / f"{name}.jsonl" for name in "bac"), "--db", tmp_path / "d.db")
    assert done.returncode == 2
    assert rows(tmp_path / "d.db", "SELECT count(*) FROM exchanges") == [(2,)]


def test_a_file_that_is_compressed_meanwhile_is_found(tmp_path: Path, db: Path) -> None:
    """A closed file may get its other name while the ones before it are read."""
    first = write_tape(tmp_path / "a.0001.jsonl", [Told(answer=response(1))])
    second = write_tape(tmp_path / "a.0002.jsonl", [Told(answer=response(2))])

    def meanwhile() -> bool:
        if second.exists():
            compress(second)
        return False

    found = list(ingest([first, second], db, meanwhile))
    assert found == [
        (first, Ingested(1, 0)),
        (second.with_name("a.0002.jsonl.zst"), Ingested(1, 0)),
    ]
