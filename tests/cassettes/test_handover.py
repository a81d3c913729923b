"""Handing notes over to the process that writes: at once, bounded, and lost by nobody's death."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from traffic import JSON, SSE, asking, exchange, load, streaming

from cassettes import handover as handover_module
from cassettes.handover import Handover
from cassettes.notes import Began, Ended, Got, Heard, Note, Sent
from cassettes.wires import Inbox, pack, pieces, told
from wire.errors import BadCassette

DEADLINE_S = 20.0
BASE = "http://127.0.0.1:1/v1"


async def until(happened: Callable[[], object]) -> None:
    """Return once it has happened; fail if it does not."""
    async with asyncio.timeout(DEADLINE_S):
        while not happened():
            await asyncio.sleep(0.005)


def hand(path: Path, **options: object) -> Handover:
    """A recording as the command begins it."""
    return Handover(path, base="/v1", upstream=BASE, **options)


@contextmanager
def stopped(handover: Handover) -> Iterator[None]:
    """Meanwhile the writer gets nothing done."""
    handover.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        handover.process.send_signal(signal.SIGCONT)


def test_what_is_handed_over_is_written_while_it_comes(tmp_path: Path) -> None:
    """Each note is in the file soon after, before its stream has ended, and all at the close."""
    path = tmp_path / "c.jsonl"

    async def record() -> None:
        handover = hand(path)
        *notes, end = exchange(1, asking("Hi", stream=True), streaming("Hello you"))
        for count, note in enumerate(notes, 3):
            assert handover.put(note)
            await until(lambda count=count: path.read_bytes().count(b"\n") == count)
        handover.put(end)
        handover.close()
        handover.close()
        assert handover.put(end)
        await asyncio.sleep(2 * handover_module.MOMENT_S)
        assert handover.failure is None

    asyncio.run(record())
    [one] = load(path)
    assert (one.body, one.outcome) == (b"".join(streaming("Hello you")), "complete")
    assert (one.base, one.upstream) == ("/v1", BASE)


def test_what_is_no_utf8_arrives(tmp_path: Path) -> None:
    """Paths and headers may be any bytes; the same stands in the file as ever."""
    path = tmp_path / "c.jsonl"
    headers = ((b"x-name", b"caf\xe9"), (b"Content-Type", b"application/json"))

    async def record() -> None:
        handover = hand(path)
        handover.put(Began(1, 0, 0, "POST", b"/v1/responses?\xe9", headers, b"{}"))
        handover.close()

    asyncio.run(record())
    [one] = load(path)
    assert one.request.path == "/v1/responses?\ufffd"
    assert one.request.headers == [("x-name", "caf\ufffd"), ("content-type", "application/json")]


def test_a_refusal_is_the_journals(tmp_path: Path) -> None:
    """What the writer cannot open is an error here, in its words."""
    path = tmp_path / "precious"
    path.write_bytes(b"no cassette\n")
    with pytest.raises(BadCassette, match="is not a cassette"):
        hand(path)
    assert path.read_bytes() == b"no cassette\n"


def test_a_writer_that_cannot_keep_up_gives_bodies_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too much waiting, a put of more says no, and never waits itself; ends still get in."""
    monkeypatch.setattr(handover_module, "LARGEST_QUEUE", 3_000_000)
    path = tmp_path / "c.jsonl"

    async def record() -> list[bool]:
        handover = hand(path)
        began, answered, *_ = exchange(1)
        with stopped(handover):
            handover.put(began)
            handover.put(answered)
            taken = []
            for _ in range(50):
                began_s = time.monotonic()
                taken.append(handover.put(Got(1, answered.at_ns, b"x" * 200_000)))
                await asyncio.sleep(0)
                assert time.monotonic() - began_s < 1.0
            assert not handover.has_room
            assert handover.put(Ended(1, answered.at_ns, "recorder_overrun"))
        handover.close()
        return taken

    taken = asyncio.run(record())
    assert 10 < sum(taken) < 50
    assert taken == sorted(taken, reverse=True)
    [one] = load(path)
    assert (one.outcome, one.body) == ("recorder_overrun", b"x" * 200_000 * sum(taken))


def test_there_is_room_again_when_the_writer_has_caught_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that was full is sent on as the writer takes it."""
    monkeypatch.setattr(handover_module, "LARGEST_QUEUE", 1_000_000)

    async def record() -> None:
        handover = hand(tmp_path / "c.jsonl")
        began, answered, *_ = exchange(1)
        handover.put(began)
        with stopped(handover):
            while handover.put(Got(1, answered.at_ns, b"x" * 200_000)):
                await asyncio.sleep(0)
        await until(lambda: handover.has_room)
        assert handover.put(Got(1, answered.at_ns, b"x"))
        handover.close()

    asyncio.run(record())


def test_large_requests_cost_no_answer_its_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked may be long, and is never refused; there is as much room for answers then."""
    monkeypatch.setattr(handover_module, "LARGEST_QUEUE", 1_000_000)

    async def record() -> None:
        handover = hand(tmp_path / "c.jsonl")
        with stopped(handover):
            handover.put(Began(1, 0, 0, "POST", "/v1/responses", (), b"x" * 5_000_000))
            for note in exchange(2):
                assert handover.put(note)
        handover.close()

    asyncio.run(record())
    assert [one.outcome for one in load(tmp_path / "c.jsonl")] == ["incomplete", "complete"]


@pytest.mark.parametrize("turn", range(5))
def test_what_fails_while_the_writer_starts_is_told(tmp_path: Path, turn: int) -> None:
    """A closed file that cannot be compressed is told of, before or after the current one opens."""
    path = tmp_path / "c.jsonl"
    for _ in range(2):
        hand(path, rotate=1 << 20).close()
    first = json.loads(path.read_bytes().splitlines()[0])
    left = tmp_path / "c.0001.jsonl"
    left.write_bytes(path.read_bytes().replace(b'"part":1', b'"part":0') + b"{damaged")
    (tmp_path / f".{left.name}.zst.new").mkdir()
    said: list[str] = []

    async def record() -> None:
        handover = hand(path, rotate=1 << 20, on_failure=said.append)
        handover.close()
        assert handover.failure == said[0]

    asyncio.run(record())
    assert first["part"] == 1
    assert len(said) == 1


def test_a_writer_that_dies_is_reported_at_once(tmp_path: Path) -> None:
    """Who kills the writer loses the rest of the recording, and hears of it; puts go on."""
    said: list[str] = []

    async def record() -> None:
        handover = hand(tmp_path / "c.jsonl", on_failure=said.append)
        for note in exchange(1):
            handover.put(note)
        await until(lambda: load(tmp_path / "c.jsonl") and load(tmp_path / "c.jsonl")[0].ended_ms)
        handover.process.kill()
        await until(lambda: said)
        assert all(handover.put(note) for note in exchange(2))
        assert not await handover.answering()
        handover.close()
        assert handover.failure == said[0]

    asyncio.run(record())
    assert len(said) == 1
    assert "was ended by signal 9; traffic goes on unrecorded" in said[0]
    assert [one.outcome for one in load(tmp_path / "c.jsonl")] == ["complete"]


def test_a_writer_that_dies_while_nothing_happens_is_reported_at_once(tmp_path: Path) -> None:
    """The operator need not wait for the next request to hear of it."""
    said: list[str] = []

    async def record() -> None:
        handover = hand(tmp_path / "c.jsonl", on_failure=said.append)
        handover.process.kill()
        await until(lambda: said)
        handover.close()

    asyncio.run(record())
    assert len(said) == 1


def test_whether_something_is_open_can_be_asked(tmp_path: Path) -> None:
    """The writer knows what is in flight, as it reads what is said on WebSockets."""

    async def record() -> list[bool]:
        handover = hand(tmp_path / "c.jsonl")
        found = [await handover.answering()]
        for note in exchange(1):
            handover.put(note)
            found.append(await handover.answering())
        handover.close()
        return found

    assert asyncio.run(record()) == [False, True, True, True, False]


def test_signals_do_not_end_the_writer(tmp_path: Path) -> None:
    """Whoever signals all processes of a service still gets what was handed over."""

    async def record() -> None:
        handover = hand(tmp_path / "c.jsonl")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handover.process.send_signal(number)
        for note in exchange(1):
            handover.put(note)
        handover.close()
        assert handover.failure is None

    asyncio.run(record())
    assert len(load(tmp_path / "c.jsonl")) == 1


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(0, 60), max_size=20))
@example([b"", b"x"], [1] * 20)
@example([b"abc"], [4, 1, 1])
def test_messages_arrive_however_they_are_cut(bodies: list[bytes], cuts: list[int]) -> None:
    """A message is read once all of it has come, whatever came with it."""
    sent: list[Note] = [Got(x, x, body) for x, body in enumerate(bodies)]
    travelled = b"".join(map(pack, sent))
    inbox, got = Inbox(told), []
    for size in [*cuts, len(travelled)]:
        got += inbox.take(travelled[:size])
        travelled = travelled[size:]
    assert got == sent


@pytest.mark.parametrize("size", [0, 16 << 10, (16 << 10) + 1, 70_000])
def test_large_bytes_travel_as_they_are(size: int) -> None:
    """What is large is a piece of its own, and arrives as if it were not."""
    data = b"x" * size
    headers = ((b"a", b"b"),)
    for note in (
        Got(1, 2, data),
        Began(1, 2, 3, "POST", "/", headers, data, upstream="u"),
        Heard(1, 2, data, binary=True),
        Sent(1, 2, 3, 4, data),
    ):
        made = pieces(note)
        assert len(made) == 1 or made[1] is data
        [arrived] = Inbox(told).take(b"".join(made))
        assert msgspec.structs.asdict(arrived) == {
            **msgspec.structs.asdict(note),
            **({"headers": list(headers)} if isinstance(note, Began) else {}),
        }


KILLED = """
import asyncio, sys, time
from pathlib import Path
from cassettes.handover import Handover
from cassettes.notes import Answered, Began, Got
async def main():
    kind, path = sys.argv[1:]
    handover = Handover(Path(path), base="/v1", upstream="")
    now = time.monotonic_ns()
    handover.put(Began(1, now, time.time_ns(), "POST", "/v1/responses", [], b'{"stream":true}'))
    handover.put(Answered(1, now, 200, [("content-type", kind)]))
    print(handover.process.pid, flush=True)
    for number in range(100_000):
        piece = f"data: {number}\\n\\n".encode()
        print(number, time.monotonic_ns(), flush=True)
        handover.put(Got(1, time.monotonic_ns(), piece))
        await asyncio.sleep(0.002)
asyncio.run(main())
"""


@pytest.mark.parametrize("kind", [SSE[0][1], JSON[0][1]], ids=["stream", "body"])
@pytest.mark.parametrize("both", [False, True], ids=["the recorder", "both"])
def test_a_killed_recorder_has_lost_the_last_moment_at_most(
    tmp_path: Path, kind: str, both: bool
) -> None:
    """After SIGKILL all that came more than a moment before is in the file, and can be read."""
    path = tmp_path / "c.jsonl"
    command = [sys.executable, "-P", "-c", KILLED, kind, str(path)]
    recorder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert recorder.stdout is not None
    writer = int(recorder.stdout.readline())
    told_of = [recorder.stdout.readline() for _ in range(250)]
    killed_ns = time.monotonic_ns()
    if both:
        os.kill(writer, signal.SIGKILL)
    recorder.send_signal(signal.SIGKILL)
    recorder.wait(DEADLINE_S)
    recorder.stdout.close()
    hand(path).close(calm=False)  # waits until the writer is done
    moment_ns = 300_000_000  # 100 ms are promised; the rest is for a busy machine
    due = [number for number, at in map(str.split, told_of) if int(at) < killed_ns - moment_ns]
    [one] = load(path)
    assert one.outcome == ("incomplete" if both else "proxy_stopped")
    kept = one.body.decode().split("\n\n")
    assert due
    assert kept[: len(due)] == [f"data: {number}" for number in due]
