"""Captures in several files: each whole, all of them one cassette, and no kill that loses any."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard
from socket_traffic import connection, creating, messages
from traffic import asking, exchange, load, streaming

from cassettes.capture import Capture
from cassettes.exchange import Exchange
from cassettes.folder import cassettes_in, closed_parts, expanded, part_path
from cassettes.header import header_of
from cassettes.journal import Journal
from cassettes.notes import Note
from cassettes.reader import Cassette
from wire.errors import BadCassette

BASE = "https://upstream.test/v1"
SIZE = 20_000


def capture(path: Path, **options: object) -> Capture:
    """A recording that begins a new file after SIZE bytes."""
    return Capture(path, **{"base": "/v1", "upstream": BASE, "rotate": SIZE, **options})


def record(path: Path, *groups: list[Note], **options: object) -> list[str]:
    """Record exchanges one after the other, and close; what was reported."""
    failures: list[str] = []
    recording = capture(path, on_failure=failures.append, **options)
    for notes in groups:
        recording.put(*notes)
    recording.close()
    return failures


def long(x: int, size: int = 8_000) -> list[Note]:
    """An exchange of about that many bytes."""
    return exchange(x, asking(random.Random(x).randbytes(size // 2).hex()))


def all_in(folder: Path) -> dict[int, Exchange]:
    """Every exchange of a folder's cassettes; none stands in two of them."""
    found = [one for path in cassettes_in(folder) for one in load(path)]
    assert len({one.number for one in found}) == len(found)
    return {one.number: one for one in found}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.jsonl"


def names(path: Path) -> list[str]:
    """What is in the folder, hidden files too."""
    return sorted(each.name for each in path.parent.iterdir())


def test_a_long_recording_is_several_cassettes(path: Path) -> None:
    """Each file is whole in itself, the closed ones are compressed, and they share id and salt."""
    assert record(path, *(long(x) for x in range(1, 9))) == []
    assert names(path) == ["c.0001.jsonl.zst", "c.0002.jsonl.zst", "c.jsonl"]
    files = cassettes_in(path.parent)
    assert [each.name for each in files] == names(path)
    assert [[one.number for one in load(each)] for each in files] == [[1, 2, 3], [4, 5, 6], [7, 8]]
    headers = [header_of(each) for each in files]
    assert [(each.part, each.first, each.last) for each in headers] == [
        *((1, 0, 3), (2, 4, 6), (3, 7, 0))
    ]
    assert len({(each.id, each.salt, each.base, each.upstream) for each in headers}) == 1
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    assert {one.outcome for one in all_in(path.parent).values()} == {"complete"}
    assert expanded([path]) == expanded([path.parent]) == files
    assert expanded([files[0], path, files[1]]) == files


def test_other_bytes_than_the_header_are_as_they_were_written(path: Path) -> None:
    """What `zstdcat` prints of a closed file is the journal that was written."""
    groups = [long(x) for x in range(1, 5)]
    record(path, *groups)
    alone = path.with_name("alone.jsonl")
    journal = Journal(alone, base="/v1", upstream=BASE)
    for notes in groups[:3]:
        journal.put(*notes)
    journal.close(calm=False)
    with Cassette.open(closed := path.with_name("c.0001.jsonl.zst")) as cassette:
        assert cassette.size - alone.stat().st_size == len(b'"part":1,"last":3,')
    shown = zstandard.decompress(closed.read_bytes())
    assert shown.partition(b"\n")[2] == alone.read_bytes().partition(b"\n")[2]


def test_a_short_recording_stays_one_calm_file(path: Path) -> None:
    """Below the limit nothing is different, but that the file may be followed by others."""
    record(path, long(1, 100))
    assert names(path) == ["c.jsonl"]
    assert (header_of(path).part, header_of(path).revision) == (1, 1)


def test_what_is_in_flight_ends_where_it_began(path: Path) -> None:
    """A stream goes on in the file that others have left; then that one is compressed."""
    recording = capture(path)
    *begun, end = exchange(1, asking("Hi", stream=True), streaming("Hello you"))
    recording.put(*begun[:4])
    for x in (2, 3, 4, 5):
        recording.put(*long(x))
    assert names(path) == ["c.0001.jsonl", "c.jsonl"]
    recording.put(*begun[4:], *long(6))
    recording.put(end)
    recording.put(*long(7))
    recording.close()
    assert [one.number for one in load(path.with_name("c.0001.jsonl.zst"))] == [1, 2, 3, 4]
    first = all_in(path.parent)[1]
    assert (first.body, first.outcome) == (b"".join(streaming("Hello you")), "complete")
    assert sorted(all_in(path.parent)) == [1, 2, 3, 4, 5, 6, 7]


def test_a_websocket_stays_in_the_file_of_its_handshake(path: Path) -> None:
    """Its messages go there for as long as it is open, beside the files that follow."""
    said: list[bytes | tuple[str, bytes]] = []
    for turn in range(3):
        said += [("client", creating(f"turn {turn}"))]
        said += [("server", each) for each in messages("Hello", f"resp_{turn}")]
    notes = connection(1, *said)
    turns = [n for n, note in enumerate(notes) if type(note).__name__ == "Sent"]
    recording = capture(path)
    recording.put(*notes[: turns[1]])
    for x in range(10, 20):
        recording.put(*long(x))
    assert "c.0001.jsonl" in names(path)
    recording.put(*notes[turns[1] : turns[2]])
    assert not recording.answering
    recording.put(*notes[turns[2] :])
    recording.close()
    found = load(path.with_name("c.0001.jsonl.zst"))
    assert [one.number for one in found] == [1, 2, 10, 11, 12, 3, 4]
    assert {one.outcome for one in found} == {"complete"}
    assert header_of(path.with_name("c.0001.jsonl.zst")).last == 12
    assert len(all_in(path.parent)) == 14


def test_a_stopped_recorder_ends_what_is_in_flight_in_every_file(path: Path) -> None:
    """Where nobody tells of it any more, each exchange is ended in its own file."""
    recording = capture(path)
    recording.put(*exchange(1, asking("Hi"), streaming("Hello"), outcome=None))
    for x in (2, 3, 4, 5):
        recording.put(*long(x))
    recording.put(*exchange(6, outcome=None))
    recording.abandon(time.monotonic_ns())
    recording.close(calm=False)
    found = all_in(path.parent)
    assert [found[x].outcome for x in (1, 6)] == ["complete", "proxy_stopped"]


def test_a_later_recorder_goes_on_with_the_capture(path: Path) -> None:
    """Numbers and parts go on where they were."""
    record(path, exchange(1), *(long(x) for x in range(5, 9)))
    again = capture(path)
    assert again.next_number == 9
    again.close()
    assert record(path, *(long(x) for x in range(9, 13))) == []
    assert [header_of(each).part for each in cassettes_in(path.parent)] == [1, 2, 3]
    assert sorted(all_in(path.parent)) == [1, *range(5, 13)]


def test_a_number_of_a_closed_file_is_not_given_again(path: Path) -> None:
    """A WebSocket may have the newest exchange, in a file that others have left long ago."""
    began, answered, *later = connection(1, ("client", creating("a")), *messages("b"))
    recording = capture(path)
    recording.put(began, answered)
    for x in (2, 3, 4, 5):
        recording.put(*long(x))
    renumbered = [
        type(note)(**{**{f: getattr(note, f) for f in note.__struct_fields__}, "x": 40})
        if type(note).__name__ == "Sent"
        else note
        for note in later
    ]
    recording.put(*renumbered)
    recording.close()
    for open_again in (capture, Journal):
        again = open_again(path, base="/v1", upstream=BASE)
        assert again.next_number == 41
        again.close()


def test_an_existing_cassette_becomes_the_first_file(path: Path) -> None:
    """A cassette that was recorded without rotation is rotated from now on."""
    journal = Journal(path, base="/v1", upstream=BASE)
    journal.put(*long(1, 50_000))
    journal.close()
    ident = header_of(path).id
    record(path, long(2), long(3))
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl"]
    assert [[one.number for one in load(each)] for each in cassettes_in(path.parent)] == [
        [1],
        [2, 3],
    ]
    assert {header_of(each).id for each in cassettes_in(path.parent)} == {ident}


def test_files_of_another_capture_are_not_written_over(path: Path) -> None:
    """Where the current file was taken away, the next capture goes on with free names."""
    record(path, *(long(x) for x in range(1, 6)))
    first = path.with_name("c.0001.jsonl.zst").read_bytes()
    path.unlink()
    part_path(path, 7).write_text("not ours\n")
    record(path, *(long(x) for x in range(1, 6)))
    assert names(path) == ["c.0001.jsonl.zst", "c.0007.jsonl", "c.0008.jsonl.zst", "c.jsonl"]
    assert path.with_name("c.0001.jsonl.zst").read_bytes() == first
    assert [each.name for each in expanded([path])] == ["c.0008.jsonl.zst", "c.jsonl"]


def test_what_a_killed_recorder_left_is_tidied(path: Path) -> None:
    """Closed files that were not compressed yet are; a second name of the current file is gone."""
    recording = capture(path)
    for x in (1, 2, 3, 4):
        recording.put(*long(x))
    recording.put(*exchange(5, outcome=None))
    record_of = part_path(path, 2)
    recording.close(calm=False)
    packed = path.with_name("c.0001.jsonl.zst")
    left = path.with_name("c.0001.jsonl")
    with Cassette.open(packed) as cassette:
        whole = [cassette._file.line(offset) for offset, _ in [(0, 0)]]
    assert json.loads(whole[0])["last"] == 3
    unpack(packed, left)  # killed before the plain one was removed
    path.with_name(".c.0001.jsonl.zst.new").write_bytes(b"half")
    record_of.hardlink_to(path)  # killed before the new file took its place
    assert record(path) == []
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl"]
    unpack(packed, left)
    packed.unlink()  # killed before it was compressed
    with left.open("ab") as file:
        file.write(b'{"kind":"requ')
    assert record(path) == []
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl"]
    assert header_of(packed).last == 3
    assert sorted(all_in(path.parent)) == [1, 2, 3, 4, 5]


def unpack(packed: Path, plain: Path) -> None:
    """What `zstd -d` makes."""
    plain.write_bytes(zstandard.decompress(packed.read_bytes()))


def test_damaged_and_foreign_files_beside_it_are_left_alone(path: Path) -> None:
    """A closed file that is damaged or another capture's stays as it is."""
    record(path, *(long(x) for x in range(1, 6)))
    damaged, foreign = part_path(path, 3), part_path(path, 4)
    unpack(path.with_name("c.0001.jsonl.zst"), damaged)
    damaged.write_bytes(damaged.read_bytes()[:200])
    record(path.with_name("d.jsonl"), long(1))
    path.with_name("d.jsonl").rename(foreign)
    kept = damaged.read_bytes(), foreign.read_bytes()
    assert record(path) == []
    assert (damaged.read_bytes(), foreign.read_bytes()) == kept


def test_a_file_that_cannot_be_followed_is_gone_on_with(path: Path) -> None:
    """Where no new file can be made, the operator is told once, and nothing is lost."""
    (path.parent / ".c.jsonl.next").mkdir()
    failures = record(path, *(long(x) for x in range(1, 6)))
    assert len(failures) == 1
    assert "what comes is recorded in the former" in failures[0]
    assert sorted(one.number for one in load(path)) == [1, 2, 3, 4, 5]


def test_a_file_that_was_moved_away_is_not_followed(path: Path) -> None:
    """What somebody put in the place of the current file is not replaced."""
    recording = capture(path)
    for x in (1, 2, 3):
        recording.put(*long(x))
    moved = path.rename(path.with_name("moved.jsonl"))
    path.write_text("precious\n")
    recording.put(*long(4))
    recording.close()
    assert "was moved, deleted or replaced" in str(recording.failure)
    assert path.read_text() == "precious\n"
    assert len(load(moved)) == 4


def test_a_link_is_not_what_is_replaced(path: Path) -> None:
    """Recording through a symbolic link rotates the file that it leads to, beside that file."""
    real = path.parent / "disk"
    real.mkdir()
    path.symlink_to(real / "c.jsonl")
    record(path, *(long(x) for x in range(1, 5)))
    assert path.is_symlink()
    assert names(real / "c.jsonl") == ["c.0001.jsonl.zst", "c.jsonl"]


def test_a_compressed_cassette_is_not_recorded_into(path: Path) -> None:
    """Neither by its name nor by what is in it; it stays as it is."""
    record(path, *(long(x) for x in range(1, 5)))
    packed = path.with_name("c.0001.jsonl.zst")
    whole = packed.read_bytes()
    for name in (packed, packed.with_name("new.jsonl.zst"), packed.with_name("other.jsonl")):
        if name.name == "other.jsonl":
            name.write_bytes(whole)
        with pytest.raises(BadCassette, match="is not recorded into"):
            Journal(name, base="/v1", upstream=BASE)
    assert packed.read_bytes() == whole
    assert not packed.with_name("new.jsonl.zst").exists()


def test_an_input_is_known_to_go_on_from_an_earlier_file(path: Path) -> None:
    """A request says which exchange of an earlier file its input begins with, retries included."""
    texts = ["one", *(random.Random(x).randbytes(5_000).hex() for x in range(6))]
    record(
        path,
        *(exchange(x, asking(*texts[:x])) for x in range(1, 6)),
        exchange(6, asking(*texts[:5])),
    )
    found, parents = {}, {}
    for file in cassettes_in(path.parent):
        with Cassette.open(file) as cassette:
            for x, entry in cassette.exchanges.items():
                found[x], parents[x] = entry.follows, entry.parent
                assert cassette.inherited(x) == min(x - 1, 5)
    before = [follows[0] if follows else parents[x] for x, follows in found.items()]
    assert before == [None, 1, 2, 3, 4, 5]
    assert [x for x, follows in found.items() if follows] == [4, 5, 6]


def test_the_server_s_own_conversation_is_not_gone_on_from(path: Path) -> None:
    """Where the server keeps the conversation, the same words are new."""
    one = asking("one")
    record(path, exchange(1, one), long(2, 50_000), exchange(3, asking("one", conversation="c")))
    [three] = load(path)
    assert (three.number, three.follows) == (3, None)


KILLED = """
import sys, itertools
from pathlib import Path
sys.path[:0] = {paths}
from test_capture import capture, long
recording = capture(Path(sys.argv[1]), rotate=70_000)
print(recording.next_number, flush=True)
for x in itertools.count(recording.next_number):
    recording.put(*long(x))
    print(x, flush=True)
"""


def test_no_kill_loses_what_was_written(path: Path) -> None:
    """Killed at any moment, again and again, every exchange that was written is there, once."""
    program = KILLED.format(paths=[str(Path(__file__).parent), *sys.path])
    chance, told = random.Random(1), 0
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(3, 60)):
                told = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().split()
            told = int(rest[-1]) if rest and rest[-1].isdigit() else told
        found = [one.number for each in cassettes_in(path.parent) for one in load(each)]
        assert {*range(1, told)} <= {*found}
    assert record(path) == []
    assert [n for n in names(path) if not n.endswith(".zst")] == ["c.jsonl"]
    assert sorted(all_in(path.parent))[:told] == [*range(1, told + 1)]
    assert len(closed_parts(path)) > 8


def test_a_file_that_cannot_be_compressed_stays_as_it_is(path: Path) -> None:
    """The operator is told, the plain file is whole, and the next recorder tries again."""
    hindrance = path.parent / ".c.0001.jsonl.zst.new"
    hindrance.mkdir()
    [said] = record(path, *(long(x) for x in range(1, 5)))
    assert "c.0001.jsonl is complete but could not be compressed" in said
    assert [one.number for one in load(path.with_name("c.0001.jsonl"))] == [1, 2, 3]
    hindrance.rmdir()
    assert record(path) == []
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl"]


def test_a_file_system_without_second_names_will_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file can have only one name, the current one is moved."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert record(path, *(long(x) for x in range(1, 5))) == []
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl"]
    assert sorted(all_in(path.parent)) == [1, 2, 3, 4]
