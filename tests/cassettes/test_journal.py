"""Writing a cassette: private, prompt, never over what is there, and loud when it fails."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from traffic import ENCODINGS, JSON, asking, exchange, kinds, load, record, streaming, write

from cassettes.encoder import Encoder
from cassettes.journal import Journal
from cassettes.notes import Answered, Began, Ended, Got
from wire.errors import BadCassette

DEADLINE_S = 20.0


def until(happened: Callable[[], object]) -> None:
    """Return once it has happened; fail if it does not."""
    give_up = time.monotonic() + DEADLINE_S
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def open_journal(path: Path, **options: object) -> Journal:
    """A journal as the command opens it."""
    return Journal(path, base="/v1", upstream="https://upstream.test/v1", **options)


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that runs `code`."""
    command = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_recording_is_private_and_whole(tmp_path: Path) -> None:
    """What was put is in the file once it is closed, and only its owner may read it."""
    path = tmp_path / "c.jsonl"
    umask = os.umask(0)
    try:
        failures = record(
            path,
            exchange(1, asking("Hi", stream=True), streaming("Hello you")),
            exchange(2, asking("Hi", "more")),
        )
    finally:
        os.umask(umask)
    assert failures == []
    assert path.stat().st_mode & 0o777 == 0o600
    first, second = load(path)
    assert (first.body, first.outcome) == (b"".join(streaming("Hello you")), "complete")
    assert (second.request.body, second.body) == (asking("Hi", "more"), b"{}")
    assert (first.base, first.upstream) == ("/v1", "https://upstream.test/v1")
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_recorded_is_a_cassette_too(tmp_path: Path) -> None:
    """A recording without an exchange is a file that can be opened and gone on with."""
    path = tmp_path / "c.jsonl"
    open_journal(path).close()
    assert load(path) == []
    journal = open_journal(path)
    assert journal.next_number == 1
    journal.close()
    journal.close()


def test_lines_are_on_disk_as_they_are_made(tmp_path: Path) -> None:
    """Each event is in the file when it was put, before its stream has ended."""
    path = tmp_path / "c.jsonl"
    journal = open_journal(path)
    *notes, end = exchange(1, asking("Hi", stream=True), streaming("Hello you"))
    for number, note in enumerate(notes):
        journal.put(note)
        assert len(kinds(path.read_bytes())) == number + 3
    assert load(path)[0].outcome == "incomplete"
    journal.put(end)
    assert load(path)[0].outcome == "complete"
    journal.close()


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_slow_body_is_on_disk_before_its_end(tmp_path: Path, encoding: str) -> None:
    """A body that comes in parts is written in parts, but for what may begin a credential."""
    path = tmp_path / "c.jsonl"
    key = "sk-a-key-that-is-hunted"
    journal = open_journal(path)
    whole = (b'{"text":"' + b"0123456789" * 2000 + b'"}') * 2
    travelled = ENCODINGS[encoding](whole)
    now = time.monotonic_ns()
    journal.put(
        Began(1, now, time.time_ns(), "POST", "/v1/responses", [("authorization", key)], b"{}")
    )
    journal.put(Answered(1, now, 200, [*JSON, ("content-encoding", encoding)]))
    journal.put(Got(1, now, travelled[:-5]))
    assert journal.waiting
    until(lambda: journal.put() or b'"kind":"chunk"' in path.read_bytes())
    [started] = load(path)
    assert whole.startswith(started.body)
    if not encoding:
        assert len(whole) - len(started.body) <= len(key) + 5
    journal.put(Got(1, now, travelled[-5:]))
    journal.put(Ended(1, now, "complete"))
    journal.close()
    assert load(path)[0].body == whole
    assert "chunk" not in kinds(path.read_bytes())


def test_recording_goes_on_in_a_file(tmp_path: Path) -> None:
    """A later recorder notes its session, numbers on, and repeats no item."""
    path = tmp_path / "c.jsonl"
    record(path, exchange(1, asking("Hi")))
    salt = json.loads(path.read_bytes().splitlines()[0])["salt"]
    journal = open_journal(path)
    assert journal.next_number == 2
    journal.put(exchange(2, asking("Hi", "more"))[0])
    written = path.read_bytes()
    assert kinds(written)[-3:] == ["session", "item", "request"]
    assert b'"^1"' in written
    journal.close()
    assert kinds(path.read_bytes()).count("item") == 2
    assert json.loads(path.read_bytes().splitlines()[0])["salt"] == salt
    assert [e.outcome for e in load(path)] == ["complete", "incomplete"]


def test_a_file_has_one_recorder(tmp_path: Path) -> None:
    """A second one, here or in another process, is told in one line; the first goes on."""
    path = tmp_path / "c.jsonl"
    journal = open_journal(path)
    with pytest.raises(BadCassette, match="is being recorded by another process") as raised:
        open_journal(path)
    assert "\n" not in str(raised.value)
    other = child(
        "import sys; from pathlib import Path; from cassettes.journal import Journal\n"
        "try: Journal(Path(sys.argv[1]), base='', upstream='')\n"
        "except Exception as error: print(type(error).__name__, error)",
        path,
    )
    said, _ = other.communicate(timeout=DEADLINE_S)
    assert said.startswith("BadCassette ")
    assert "is being recorded by another process" in said
    for note in exchange(1):
        journal.put(note)
    journal.close()
    assert len(load(path)) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x89PNG\r\n", "is not a cassette"),
        (b"precious notes, no newline", "is not a cassette"),
        (b'{"kind":"cassette","vers', "its first line is cut off"),
        (b'{"kind":"cassette","version":9}\n', "install a newer respool"),
        (b'{"kind":"cassette","version":1}\n', "line 1 is damaged"),
    ],
)
def test_a_file_that_is_no_cassette_is_never_overwritten(
    tmp_path: Path, content: bytes, why: str
) -> None:
    """What cannot be read is an error, and stays what it is."""
    path = tmp_path / "precious"
    path.write_bytes(content)
    with pytest.raises(BadCassette, match=why):
        open_journal(path)
    assert path.read_bytes() == content


def test_a_damaged_cassette_is_not_recorded_on(tmp_path: Path) -> None:
    """Damage in the middle is named before anything is written."""
    path = write(tmp_path / "c.jsonl", exchange(1), exchange(2))
    damaged = path.read_bytes().replace(b'{"kind":"end","x":1', b'{"kind":"end""x":1')
    path.write_bytes(damaged)
    with pytest.raises(BadCassette, match="line 5 is damaged"):
        open_journal(path)
    assert path.read_bytes() == damaged


def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A directory, and a file in one that is not there, say what is wrong."""
    with pytest.raises(BadCassette, match="not a regular file"):
        open_journal(tmp_path)
    with pytest.raises(BadCassette, match="No such file"):
        open_journal(tmp_path / "missing" / "c.jsonl")


@pytest.mark.parametrize("there", [False, True])
def test_a_disk_that_is_full_from_the_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """If not even a first line can be written, nothing is recorded, and the file is given back."""
    path = tmp_path / "c.jsonl"
    if there:
        record(path, exchange(1))

    def full(fd: int, pieces: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "writev", full)
        with pytest.raises(BadCassette, match=r"cannot write .*: No space left on device"):
            open_journal(path)
    assert record(path, exchange(1 + there)) == []
    assert len(load(path)) == 1 + there


def test_a_recording_may_stay_the_journal_that_it_is(tmp_path: Path) -> None:
    """Closed without being calmed, the file ends with the last line that was written."""
    path = tmp_path / "c.jsonl"
    journal = open_journal(path)
    for note in exchange(1, asking("Hi")):
        journal.put(note)
    journal.close(calm=False)
    assert kinds(path.read_bytes()) == ["cassette", "item", "request", "response", "body", "end"]


def test_an_edited_file_can_be_recorded_on(tmp_path: Path) -> None:
    """A list that somebody emptied by hand does not keep a recorder from starting."""
    path = write(tmp_path / "c.jsonl", exchange(1, asking("Hi")))
    path.write_bytes(path.read_bytes().replace(b'"input":["@', b'"input":[],"was":["@'))
    assert record(path, exchange(2, asking("Hi"))) == []
    assert [len(json.loads(e.request.body)["input"]) for e in load(path)] == [0, 1]


def test_a_full_disk_is_reported_once_and_stops_no_traffic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a write fails half way, puts go on, one line says so, and the file can be read."""
    path = tmp_path / "c.jsonl"
    failures: list[str] = []
    journal = open_journal(path, on_failure=failures.append)
    room = 700

    def full(fd: int, pieces: list[bytes]) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        written = os.write(fd, b"".join(pieces)[:room])
        room -= written
        return written

    monkeypatch.setattr(os, "writev", full)
    for x in range(1, 30):
        journal.put(*exchange(x, asking("Hi"), streaming("Hello")))
    journal.close()
    assert room == 0
    assert failures == [journal.failure]
    assert failures[0].startswith(f"cannot write {path}: [Errno 28] No space left on device; ")
    assert len(load(path)) <= 2
    monkeypatch.undo()
    assert record(path, exchange(journal.next_number + 30, asking("after"))) == []
    assert load(path)[-1].request.body == asking("after")


def test_a_file_that_may_not_grow_is_reported_once(tmp_path: Path) -> None:
    """A limit of the system is met by the real writer, in a process of its own."""
    path = tmp_path / "c.jsonl"
    limited = child(
        "import resource, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from traffic import exchange, record\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "print(record(Path(sys.argv[1]), *(exchange(x) for x in range(1, 50))))",
        path,
        Path(__file__).parents[1] / "support",
    )
    said, _ = limited.communicate(timeout=DEADLINE_S)
    assert said.count("cannot write") == 1
    assert "File too large" in said
    assert path.stat().st_size == 2000
    found = load(path)
    assert [e.outcome for e in found[:-1]] == ["complete"] * (len(found) - 1)


@pytest.mark.parametrize("room", [0, 1, 9, 16])
def test_a_torn_line_that_cannot_be_ended_stays_one(tmp_path: Path, room: int) -> None:
    """Where the disk takes a part of what ends it, the file is as it was, and no damage."""
    path = tmp_path / "c.jsonl"
    assert record(path, exchange(1)) == []
    path.write_bytes(path.read_bytes() + b'{"kind":"request","x":2,"at"')
    limited = child(
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from cassettes.journal import Journal\n"
        "from wire.errors import BadCassette\n"
        "path, room = Path(sys.argv[1]), int(sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room,) * 2)\n"
        "try: Journal(path, base='/v1', upstream='')\n"
        "except BadCassette as error: print(error)",
        path,
        room,
    )
    said, _ = limited.communicate(timeout=DEADLINE_S)
    assert "File too large" in said
    assert [each.number for each in load(path)] == [1]
    assert record(path, exchange(2)) == []
    assert [each.number for each in load(path)] == [1, 2]


def test_a_file_that_cannot_be_tidied_is_whole_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If only the rewriting at the end fails, the journal stays, and one line says so."""
    monkeypatch.setattr(os, "fsync", lambda fd: (tmp_path / "missing").stat())
    path = tmp_path / "c.jsonl"
    [failure] = record(path, exchange(1))
    assert "is complete but could not be tidied" in failure
    assert load(path)[0].outcome == "complete"


def test_a_bug_of_ours_is_reported_and_stops_no_traffic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in making lines, notes are taken and the operator hears of it."""

    def broken(*_: object) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Encoder, "take", broken)
    failures = record(tmp_path / "c.jsonl", exchange(1), exchange(2))
    assert len(failures) == 1
    assert "a bug" in failures[0]
