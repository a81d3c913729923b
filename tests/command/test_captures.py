"""Compressed and rotated captures, as a user meets them on the command line."""

import fcntl
import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from harness import DEADLINE_S, one_line_error, recording, run
from tapes import Told, notes, response, write_tape
from test_tail import Tail, tail

from cassettes.capture import Capture
from cassettes.notes import Note
from cassettes.reader import Cassette
from respool.demo.server import running_server

__all__ = ["tail"]

PROGRAM = (
    "from openai import OpenAI\n"
    "print(OpenAI().responses.create(model='gpt-5.1', input='hi').output_text)"
)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A cassette that was compressed."""
    plain = write_tape(tmp_path / "x.jsonl", [Told(answer=response(1))])
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(zstandard.compress(plain.read_bytes()))
    plain.unlink()
    return path


def test_every_command_reads_a_compressed_cassette(packed: Path, tmp_path: Path) -> None:
    """`show`, `tail`, `replay`, `ingest` and `stats` say of it what they say of a plain one."""
    assert "gpt-5.1" in run("show", packed).stdout
    assert "answer 1" in run("show", packed, "last").stdout
    assert "answer 1" in run("tail", packed, "--once").stdout
    replayed = run("replay", packed, "--", sys.executable, "-c", PROGRAM)
    assert (replayed.returncode, replayed.stdout) == (0, "answer 1\n")
    db = tmp_path / "traffic.duckdb"
    assert "1 new exchange" in run("ingest", packed, "--db", db).stdout
    assert "gpt-5.1" in run("stats", "--db", db).stdout


def capture(path: Path, **options: object) -> Capture:
    """A recording that begins a new file after 64 KB."""
    return Capture(path, base="/v1", upstream="http://127.0.0.1:1/v1", rotate=64 << 10, **options)


def long(number: int) -> list[Note]:
    """An exchange of 30 KB and more."""
    told = Told({"model": "gpt-5.1", "input": f"{number} " * 15_000}, response(number))
    return list(notes(number, told, time.monotonic_ns()))


def test_record_rotates(tmp_path: Path) -> None:
    """`--rotate` begins new files, which every command takes; a number is found in any of them."""
    path, db = tmp_path / "c.jsonl", tmp_path / "traffic.duckdb"
    with running_server() as server, recording(server.base_url, path, "--rotate", "64K") as proxy:
        client = proxy.client()
        for number in range(12):
            client.responses.create(model="gpt-5.1", input=f"pack {number} " * 2_000)
        assert proxy.stop() == 0
    assert "recorded 12 exchanges, of which the current file of the capture has " in proxy.said[-1]
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names[0] == "c.0001.jsonl.zst"
    assert names[-1] == "c.jsonl"
    assert len(names) >= 3
    assert run("show", path, "1").stdout == run("show", tmp_path / names[0], "1").stdout
    assert "exchange 1" in run("show", path, "1").stdout.lower()
    assert "has no exchange 99" in one_line_error(run("show", path, "99"))
    earlier = f"{len(names) - 1} earlier file"
    assert earlier in run("show", path).stderr
    assert f"`respool show {tmp_path}` lists all" in run("show", path).stderr
    assert len(run("ingest", path, "--db", db).stdout.splitlines()) == len(names)
    assert '"exchanges": 12' in run("stats", "--db", db, "--json").stdout


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """The current file of a capture in several files."""
    path = tmp_path / "rotated" / "c.jsonl"
    path.parent.mkdir()
    recorder = capture(path)
    for x in range(1, 8):
        recorder.put(*long(x))
    recorder.close()
    return path


def test_a_capture_is_shown_as_one(rotated: Path) -> None:
    """Of a folder `show` takes all files of the capture in it, by number, `last` and id as well."""
    folder = rotated.parent
    assert len(list(folder.iterdir())) > 2
    listed = [json.loads(line) for line in run("show", folder, "--json").stdout.splitlines()]
    assert [each["exchange"] for each in listed] == [1, 2, 3, 4, 5, 6, 7]
    said = run("show", folder)
    assert said.stdout.splitlines()[-1].startswith("7 exchanges")
    assert said.stderr == ""
    for ident, number in (("1", 1), ("last", 7), (listed[1]["response_id"], 2)):
        assert f"exchange {number} " in run("show", folder, ident).stdout
        raw = run("show", folder, ident, "--raw-request").stdout
        assert raw == run("show", rotated, str(number), "--raw-request").stdout
    assert "has no exchange 99; it has 1 to 7" in one_line_error(run("show", folder, "99"))


def test_a_capture_is_replayed_as_one(rotated: Path) -> None:
    """Its current file and its folder stand for all its files; a closed file stands for itself."""
    program = (
        "import sys; from openai import OpenAI\n"
        "for n in sys.argv[1:]:\n"
        "    print(OpenAI().responses.create(model='gpt-5.1', input=f'{n} ' * 15_000).output_text)"
    )
    command = ("--", sys.executable, "-P", "-c", program)
    for path in (rotated, rotated.parent):
        done = run("replay", path, *command, "7", "1", "4")
        assert done.stdout.split("\n") == ["answer 7", "answer 1", "answer 4", ""], done.stderr
        assert done.stderr.splitlines()[1:] == [
            "respool: served 3 of 7 recorded exchanges, 0 misses"
        ]
    first = min(rotated.parent.iterdir())
    done = run("replay", first, *command, "1", "7")
    assert done.returncode != 0
    assert "c.0001.jsonl.zst is file 1 of a rotated capture; what the others hold" in done.stderr


def test_a_folder_of_several_cassettes_is_none(rotated: Path) -> None:
    """Where it is not clear which is meant, one is asked for; copies are several."""
    folder = rotated.parent
    write_tape(folder / "d.jsonl", [])
    for command in (["show", folder], ["replay", folder, "--", "true"]):
        error = one_line_error(run(*command))
        assert f"several cassettes in the folder {folder}; give one, such as {folder}" in error
    for path in folder.iterdir():
        if path.name != "d.jsonl":
            path.unlink()
    assert "nothing was recorded yet" in run("show", folder).stdout
    (folder / "copy.jsonl").write_bytes((folder / "d.jsonl").read_bytes())
    assert "several cassettes" in one_line_error(run("show", folder))


def test_a_damaged_file_of_a_capture_is_told_of(rotated: Path) -> None:
    """A replay of what is left says which file it lacks."""
    min(rotated.parent.iterdir()).write_bytes(zstandard.compress(b'{"kind":"cassette"')[:-3])
    done = run("replay", rotated, "--", "true")
    assert "c.0001.jsonl.zst" in done.stderr.splitlines()[0]


def test_damage_of_another_file_keeps_no_exchange_from_being_shown(rotated: Path) -> None:
    """A number is found in any whole file; what may be in a damaged one is told to be there."""
    packed = rotated.with_name("c.0002.jsonl.zst")
    plain = packed.with_suffix("")
    whole = zstandard.decompress(packed.read_bytes()).splitlines(keepends=True)
    header = whole[0].replace(b',"last":6', b"")  # as before it was compressed
    assert header != whole[0]
    plain.write_bytes(b"".join([header, *whole[1:3], b"garbage\n", *whole[3:]]))
    packed.unlink()
    for number in (1, 3, 7):
        done = run("show", rotated, str(number))
        assert f"exchange {number} " in done.stdout
        assert done.stderr == ""
    assert f"{plain}, line 4 is damaged" in one_line_error(run("show", rotated, "5"))
    rotated.write_bytes(rotated.read_bytes() + b"garbage\n{}\n")
    assert "exchange 1 " in run("show", rotated, "1").stdout
    assert f"{rotated}, line" in one_line_error(run("show", rotated, "7"))


def test_a_file_may_be_pruned_while_it_waits_for_the_compressor(tmp_path: Path) -> None:
    """It is gone, which is no failure of the recording."""
    path, closed = tmp_path / "c.jsonl", tmp_path / "c.0001.jsonl"
    said: list[str] = []
    recorder = capture(path, on_failure=said.append)
    release = threading.Event()
    recorder._compressor.do(path, release.wait)  # as if an earlier file took long
    for x in range(1, 5):
        recorder.put(*long(x))
    assert f"deleted {closed} " in run("prune", closed, "--keep-size", "0").stdout
    release.set()
    recorder.close()
    assert said == []
    assert [each.name for each in tmp_path.iterdir()] == ["c.jsonl"]


def test_who_only_looks_keeps_no_file_from_being_compressed(tmp_path: Path) -> None:
    """`prune --dry-run` has the lock of a closed file for a moment."""
    path, closed = tmp_path / "c.jsonl", tmp_path / "c.0001.jsonl"
    said: list[str] = []
    recorder = capture(path, on_failure=said.append)
    release = threading.Event()
    recorder._compressor.do(path, release.wait)
    for x in range(1, 5):
        recorder.put(*long(x))
    with closed.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        release.set()
        time.sleep(0.1)  # the compressor finds it locked
    recorder.close()
    assert said == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.0001.jsonl.zst", "c.jsonl"]


@pytest.mark.parametrize("size", ["1", "-1", "much", "2X", "1e3", "9999999999T"])
def test_a_size_is_a_size(tmp_path: Path, size: str) -> None:
    """What is no size, or too small for a file, is refused, and nothing is begun."""
    with running_server() as server:
        upstream = ("--upstream", server.base_url)
        done = run("record", *upstream, "--cassette", tmp_path / "c.jsonl", "--rotate", size)
    assert done.returncode == 2
    assert not list(tmp_path.iterdir())


def test_tail_goes_on_with_the_next_file(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """What ends in a file that others have left is printed as well, each exchange once."""
    path = tmp_path / "c.jsonl"
    recorder = capture(path)
    *begun, end = notes(1, Told(answer=response(1)), time.monotonic_ns())
    recorder.put(*begun)
    running = tail(path)
    for x in (2, 3, 4, 5):
        recorder.put(*long(x))
        assert running.number() == x
    assert (tmp_path / "c.0001.jsonl").exists()
    recorder.put(end)
    assert running.number() == 1
    for x in range(6, 20):  # files come and go faster than it looks
        recorder.put(*long(x))
    assert [running.number() for _ in range(6, 20)] == [*range(6, 20)]
    recorder.close()
    running.stop()
    assert running.said.qsize() == 0 or "another cassette" not in running.said.get()


def test_tail_passes_over_a_damaged_file(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """Of files that came and went since its last look, one that is damaged gets a line."""
    path = tmp_path / "c.jsonl"
    recorder = capture(path)
    recorder.put(*long(1))
    running = tail(path)
    assert running.number() == 1
    running.process.send_signal(signal.SIGSTOP)
    for x in range(2, 16):
        recorder.put(*long(x))
    recorder.close()
    packed = tmp_path / "c.0003.jsonl.zst"
    with Cassette.open(packed) as cassette:
        lost = set(cassette.exchanges)
    packed.write_bytes(packed.read_bytes()[:-3])
    running.process.send_signal(signal.SIGCONT)
    expected = [x for x in range(2, 16) if x not in lost]
    assert [running.number() for _ in expected] == expected
    assert str(packed) in running.said.get(timeout=DEADLINE_S)
    running.stop()
    assert running.said.get(timeout=DEADLINE_S) == "(the end)"


def test_a_compressed_cassette_is_not_recorded_into(packed: Path) -> None:
    """`record` says so, and what to do, and leaves the file as it is."""
    whole = packed.read_bytes()
    with running_server() as server:
        done = run("record", "--upstream", server.base_url, "--cassette", packed)
    assert "a compressed cassette is not recorded into" in one_line_error(done)
    assert packed.read_bytes() == whole
