"""`respool tail`: reading along while the real journal writes."""

import os
import pty
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from harness import DEADLINE_S, RESPOOL, one_line_error, run
from tapes import Told, message, notes, response, write_tape

from cassettes.journal import Journal
from cassettes.notes import Note

CALL = {
    "type": "function_call",
    "name": "search_orders",
    "call_id": "call_77",
    "arguments": '{"customer": "c-1042", "open": true}',
}
QUESTION = {"role": "user", "content": "Where is my order?"}
FOUND = {"type": "function_call_output", "call_id": "call_77", "output": '{"orders": ["o-9"]}'}
CALLING = Told({"model": "gpt-5.1", "input": [QUESTION]}, response(1, output=[CALL]))
SAYING = Told(
    {"model": "gpt-5.1", "input": [QUESTION, CALL, FOUND]},
    response(2, output=[message("It left the warehouse today.")]),
)


class Tail:
    """A running `respool tail`, and what it prints, line by line."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [RESPOOL, "tail", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "100"},
        )
        self.said: queue.Queue[str] = queue.Queue()
        self.printed: queue.Queue[str] = queue.Queue()
        pipes = ((self.process.stdout, self.printed), (self.process.stderr, self.said))
        self._drains = [threading.Thread(target=self._drain, args=pipe) for pipe in pipes]
        for drain in self._drains:
            drain.start()

    @staticmethod
    def _drain(pipe: Any, lines: queue.Queue[str]) -> None:
        with pipe:
            for line in pipe:
                lines.put(line.rstrip("\n"))
        lines.put("(the end)")

    def end(self) -> None:
        """End it, if a failed test left it running."""
        self.process.kill()
        self.process.wait()
        for drain in self._drains:
            drain.join()

    def line(self) -> str:
        """The next line on stdout."""
        return self.printed.get(timeout=DEADLINE_S)

    def number(self) -> int:
        """The number of the next exchange that is printed; its block is passed over."""
        while (line := self.line()).startswith("     "):
            pass
        return int(line.split()[0])

    def stop(self) -> list[str]:
        """Press ctrl-C; all that was still to be printed."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(DEADLINE_S) == 0
        rest = []
        while (line := self.line()) != "(the end)":
            rest.append(line)
        return rest


@pytest.fixture
def tail() -> Iterator[Callable[..., Tail]]:
    """Starts `respool tail`, and ends what a failed test leaves."""
    started: list[Tail] = []

    def start(*arguments: str | Path) -> Tail:
        started.append(Tail(*arguments))
        return started[-1]

    yield start
    for running in started:
        running.end()


def journal(path: Path) -> Journal:
    """A recorder's journal on `path`, new or continued."""
    return Journal(path, base="/v1", upstream="http://127.0.0.1:1/v1")


def record(recorder: Journal, number: int, told: Told) -> None:
    """One whole exchange."""
    for note in notes(number, told, time.monotonic_ns()):
        recorder.put(note)


def test_short_form(tmp_path: Path) -> None:
    """An exchange is a line of facts, and a few of what was added, called and said."""
    tape = write_tape(tmp_path / "out.jsonl", [CALLING, SAYING])
    lines = run("tail", tape, "--once", env={"COLUMNS": "100"}).stdout.splitlines()
    facts = "  gpt-5.1  ok  +1/1  1 call  in 100 (60)  out 20 (5)  $0.0003  took 30ms"
    assert re.fullmatch(r"  1  \d\d:\d\d:\d\d" + re.escape(facts), lines[0])
    assert lines[1:3] == [
        "     > user  Where is my order?",
        '     < call  search_orders(customer="c-1042", open=true)',
    ]
    assert lines[3].startswith("  2  ")
    assert lines[4:] == [
        '     > output search_orders  {"orders": ["o-9"]}',
        "     < text  It left the warehouse today.",
    ]


@pytest.mark.parametrize(
    ("arguments", "numbers"), [((), range(4, 14)), (("-n", "2"), [12, 13]), (("-n", "0"), [])]
)
def test_begins_with_the_last(tmp_path: Path, arguments: tuple[str, ...], numbers: Any) -> None:
    """The last ten exchanges are printed, or as many as -n says: also one that a killed recorder
    left open, of which no more will come.
    """
    tape = write_tape(tmp_path / "out.jsonl", [CALLING] * 12 + [Told(outcome=None)], calm=False)
    printed = run("tail", tape, "--once", *arguments).stdout
    found = re.findall(r"^ +(\d+)  \d\d:", printed, re.MULTILINE)
    assert found == [str(number) for number in numbers]
    assert ("unfinished" in printed) is bool(found)


def test_short_form_is_short(tmp_path: Path) -> None:
    """Whatever was sent and said, an exchange takes six lines at most, and says what it hides."""
    items = [{"role": "user", "content": f"line {n}\n" * 50} for n in range(9)]
    output = [message("text " * 500), *[CALL] * 7]
    told = Told({"model": "gpt-5.1", "input": items}, response(1, output=output))
    tape = write_tape(tmp_path / "out.jsonl", [told])
    lines = run("tail", tape, "--once", env={"COLUMNS": "80"}).stdout.splitlines()
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80
    assert lines[2].endswith("  (+7 more)")
    assert lines[5].endswith("  (+5 more)")


def test_failures_are_named(tmp_path: Path) -> None:
    """A failed exchange says what failed, in the server's words or the recorder's."""
    error = {"error": {"code": "server_error", "message": "The model\nfell over."}}
    told = [Told(answer=error, status=500), Told(outcome="upstream_unreachable")]
    tape = write_tape(tmp_path / "out.jsonl", told)
    printed = run("tail", tape, "--once").stdout
    assert "  500 server_error  " in printed
    assert "\n     ! The model fell over.\n" in printed
    assert "\n     ! no connection to the upstream, so no answer\n" in printed


def test_prints_each_when_it_ends(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """An exchange is printed when it has ended, in the order of the ends, and not before."""
    tape = tmp_path / "out.jsonl"
    recorder = journal(tape)
    following = tail(tape)
    slow = list(notes(1, CALLING, time.monotonic_ns()))
    for note in slow[:-1]:
        recorder.put(note)
    record(recorder, 2, SAYING)
    assert following.number() == 2
    recorder.put(slow[-1])
    assert following.number() == 1
    recorder.close()
    assert [line for line in following.stop() if not line.startswith("     ")] == []


def test_waits_for_the_file(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """A cassette that is not there yet, or still empty, is waited for, which is said once."""
    tape = tmp_path / "out.jsonl"
    following = tail(tape)
    assert following.said.get(timeout=DEADLINE_S) == f"respool: waiting for {tape}"
    tape.touch()
    recorder = journal(tape)
    record(recorder, 1, CALLING)
    assert following.number() == 1
    recorder.close()
    following.stop()
    assert following.said.get(timeout=DEADLINE_S) == "(the end)"


def test_calm_form(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """When the recorder closes and rewrites the cassette, nothing is printed twice or missed."""
    tape = tmp_path / "out.jsonl"
    recorder = journal(tape)
    following = tail(tape)
    record(recorder, 1, CALLING)
    assert following.number() == 1
    record(recorder, 2, SAYING)  # most likely read from the calm form alone
    recorder.close()
    assert following.number() == 2
    again = journal(tape)
    record(again, 3, SAYING)
    assert following.number() == 3
    again.close()
    assert [line for line in following.stop() if not line.startswith("     ")] == []


def test_another_cassette(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """A cassette that is replaced by another one is printed anew, from its own number 1."""
    tape, other = tmp_path / "out.jsonl", tmp_path / "other.jsonl"
    write_tape(tape, [CALLING, SAYING])
    write_tape(other, [SAYING])
    following = tail(tape, "-n", "1")
    assert following.number() == 2
    other.replace(tape)
    assert following.said.get(timeout=DEADLINE_S) == f"respool: {tape} is another cassette now"
    assert following.number() == 1
    following.stop()


def test_removed_and_recorded_again(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """A cassette that is deleted is waited for again."""
    tape = write_tape(tmp_path / "out.jsonl", [CALLING])
    following = tail(tape)
    assert following.number() == 1
    tape.unlink()
    assert following.said.get(timeout=DEADLINE_S) == f"respool: waiting for {tape}"
    write_tape(tape, [SAYING, SAYING])
    assert [following.number(), following.number()] == [1, 2]
    following.stop()


def test_torn_last_line(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """A line that is still being written is waited for."""
    tape = tmp_path / "out.jsonl"
    write_tape(tape, [CALLING, SAYING], calm=False)
    whole = tape.read_bytes()
    half = whole.rindex(b'{"kind":"end"') + 9
    tape.write_bytes(whole[:half])
    following = tail(tape)
    assert following.number() == 1
    with tape.open("ab") as file:
        file.write(whole[half:])
    assert following.number() == 2
    following.stop()


def test_recorder_killed_and_started_again(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """After a crash within a line, what the next recorder writes is printed."""
    tape = tmp_path / "out.jsonl"
    write_tape(tape, [CALLING], calm=False)
    following = tail(tape)
    assert following.number() == 1
    with tape.open("ab") as file:
        file.write(b'{"kind":"request","x":2,"met')
    recorder = journal(tape)
    record(recorder, recorder.next_number, SAYING)
    assert following.number() == 2
    recorder.close()
    following.stop()


def test_ctrl_c_while_waiting(tmp_path: Path, tail: Callable[..., Tail]) -> None:
    """ctrl-C ends the command with exit code 0 and without a word, also before there is a file."""
    following = tail(tmp_path / "never.jsonl")
    following.said.get(timeout=DEADLINE_S)
    assert following.stop() == []
    assert following.said.get(timeout=DEADLINE_S) == "(the end)"


def test_once_needs_a_cassette(tmp_path: Path) -> None:
    """With --once a cassette that is not there is an error."""
    assert "cannot read the cassette" in one_line_error(run("tail", tmp_path / "no", "--once"))


def test_foreign_file(tmp_path: Path) -> None:
    """A file that can never become a cassette is an error, even without a whole line."""
    path = tmp_path / "notes.txt"
    path.write_text("not a cassette")
    assert "is not a cassette" in one_line_error(run("tail", path))


def test_reader_that_leaves(tmp_path: Path) -> None:
    """`respool tail | head -1` ends quietly when more is printed."""
    tape = write_tape(tmp_path / "out.jsonl", [CALLING])
    recorder = journal(tape)
    piped = f"'{RESPOOL}' tail '{tape}' | head -1"
    process = subprocess.Popen(
        piped, shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline().startswith("  1  ")
    record(recorder, 2, SAYING)
    recorder.close()
    _, said = process.communicate(timeout=DEADLINE_S)
    assert said == ""


def test_in_flight_on_a_terminal(tmp_path: Path) -> None:
    """A terminal shows what is in flight, below the rest, until it has ended."""
    tape = tmp_path / "out.jsonl"
    recorder = journal(tape)
    first, *rest = notes(1, CALLING, time.monotonic_ns())
    ours, theirs = pty.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "NO_COLOR": "1"}
    command = [RESPOOL, "tail", str(tape)]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)

    def until(text: str) -> str:
        written = ""
        while text not in written:
            written += os.read(ours, 4096).decode()
        return written

    def put(some: list[Note]) -> None:
        for note in some:
            recorder.put(note)

    put([first])
    assert until("1 gpt-5.1 in flight for 0s").startswith("\r\x1b[2K")
    put(rest)
    # The line of the exchange takes the place of the announcement.
    assert re.search(r"\r\x1b\[2K  1  \d\d:\d\d:\d\d  gpt-5.1  ok", until("search_orders"))
    recorder.close()
    process.send_signal(signal.SIGINT)
    with suppress(OSError):  # how Linux says that the other side is closed
        while os.read(ours, 4096):
            pass
    assert process.wait(DEADLINE_S) == 0
    os.close(ours)
