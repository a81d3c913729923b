"""How the files of a capture find each other: by their headers, through links, after a kill."""

from pathlib import Path

import pytest
from test_capture import all_in, capture, long, names, path, record, unpack

from cassettes.folder import cassettes_in, expanded, open_with, part_path
from cassettes.header import header_of
from cassettes.joined import open_whole
from cassettes.journal import Journal

__all__ = ["path"]

FIVE = [long(x) for x in range(1, 6)]


def test_a_link_to_the_current_file_stands_for_all(path: Path, tmp_path: Path) -> None:
    """The closed files are beside what the link leads to; numbers go on, by either recorder."""
    link = tmp_path / "elsewhere" / "other.jsonl"
    link.parent.mkdir()
    link.symlink_to(path)
    record(link, *FIVE)
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl", "elsewhere"]
    closed = path.with_name("c.0001.jsonl.zst")
    assert expanded([link]) == [closed, link]
    with open_with(link, 1) as found:
        assert found.path == closed
    journal = Journal(link, base="/v1", upstream="http://127.0.0.1:1/v1")
    assert journal.next_number == 6
    journal.close()
    assert link.is_symlink()


def test_a_dated_name_is_no_number(path: Path) -> None:
    """A capture whose name ends in digits has its closed files, and is none of its neighbour's."""
    dated = path.with_name("c.20261125.jsonl")
    record(dated, *FIVE)
    closed = path.with_name("c.20261125.0001.jsonl.zst")
    assert expanded([dated]) == expanded([path.parent]) == [closed, dated]
    with open_with(dated, 1) as found:
        assert found.path == closed
    record(path, *FIVE)
    assert names(path) == [
        *("c.0001.jsonl.zst", "c.20261125.0001.jsonl.zst", "c.20261125.jsonl", "c.jsonl")
    ]
    assert header_of(path).part == 2
    assert [each.name for each in expanded([path])] == ["c.0001.jsonl.zst", "c.jsonl"]


def test_a_name_that_was_taken_meanwhile_is_passed_over(path: Path) -> None:
    """A closed file takes the next number that is free, whatever has the one before."""
    recording = capture(path)
    path.with_name("c.0001.jsonl.zst").symlink_to("nowhere")
    for notes in FIVE:
        recording.put(*notes)
    recording.close()
    assert names(path) == ["c.0001.jsonl.zst", "c.0002.jsonl.zst", "c.jsonl"]
    assert sorted(all_in(path.parent)) == [1, 2, 3, 4, 5]


def test_a_dangling_link_beside_it_is_let_be(path: Path) -> None:
    """A name of a closed file that leads nowhere keeps nobody from recording."""
    record(path, *FIVE)
    part_path(path, 2).symlink_to("nowhere")
    assert record(path, long(6)) == []
    assert part_path(path, 2).is_symlink()
    assert sorted(all_in(path.parent)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("rotates", [True, False])
def test_half_a_rotation_is_undone(path: Path, rotates: bool) -> None:
    """After a kill between its two steps no second copy stays, however recording goes on."""
    record(path, *FIVE)
    part_path(path, 2).hardlink_to(path)
    path.with_name(".c.jsonl.next").write_bytes(b"half")
    if rotates:
        record(path)
    else:
        Journal(path, base="/v1", upstream="http://127.0.0.1:1/v1").close()
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl"]
    assert sorted(all_in(path.parent)) == [1, 2, 3, 4, 5]


def test_damage_in_a_folder_is_told(path: Path) -> None:
    """A line for each cassette that cannot be read; other files, and what is gone, get none."""
    record(path, *FIVE)
    packed = path.with_name("c.0001.jsonl.zst")
    unpack(packed, cut := path.with_name("cut.jsonl"))
    cut.write_bytes(cut.read_bytes()[:40])
    torn = path.with_name("c.0002.jsonl.zst")
    torn.write_bytes(packed.read_bytes()[:30])
    path.with_name("notes.jsonl").write_text("{}\n")
    path.with_name("gone.jsonl").symlink_to("nowhere")
    told: list[str] = []
    assert cassettes_in(path.parent, told.append) == [packed, path]
    assert [line.partition(" is ")[0] for line in told] == [str(torn), str(cut)]
    assert "was cut short" in told[0]
    assert "its first line is cut off" in told[1]
    told.clear()
    assert expanded([path], told.append) == [packed, path]
    assert [line.partition(" is ")[0] for line in told] == [str(torn)]


def test_a_file_that_is_compressed_while_its_folder_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not left out, though the name under which it was found is gone."""
    record(path, *FIVE)
    seen = [part_path(path, 1), path]
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(seen))
    assert cassettes_in(path.parent) == seen
    with open_whole(path.parent) as whole:
        assert sorted(whole.exchanges) == [1, 2, 3, 4, 5]


def test_the_half_of_a_file_that_is_gone_is_tidied(path: Path) -> None:
    """What a kill amid a compression left goes with the next start; another capture's stays."""
    record(path, *FIVE)
    path.with_name(".c.0007.jsonl.zst.new").write_bytes(b"half")
    path.with_name(".c.0007.jsonl.calm").write_bytes(b"half")
    path.with_name(".d.0007.jsonl.zst.new").write_bytes(b"half")
    assert record(path) == []
    assert names(path) == [".d.0007.jsonl.zst.new", "c.0001.jsonl.zst", "c.jsonl"]
