"""What the tests share: running the real command as a user would, and looking at what it made."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from openai import OpenAI

RESPOOL = str(Path(sys.executable).with_name("respool"))
KEY = "sk-harness-0123456789abcdef"
DEADLINE_S = 30.0
_BASE_URL = re.compile(r"http://127\.0\.0\.1:\d+\S*")


def run(*arguments: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None):
    """Run `respool` to its end, and capture what it says."""
    return subprocess.run(
        [RESPOOL, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )


def one_line_error(done: subprocess.CompletedProcess[str]) -> str:
    """The error that a command ended with, having asserted that it is one line and exit code 2."""
    assert done.returncode == 2, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("respool: error: "), done.stderr
    return lines[0]


@dataclass
class Running:
    """A `respool` that serves: its process, its base URL, and what it has said on stderr."""

    process: subprocess.Popen[str]
    base_url: str = ""
    said: list[str] = field(default_factory=list)
    _drain: threading.Thread | None = None

    def client(self, **options: object) -> OpenAI:
        """The official SDK, pointed at it."""
        return OpenAI(base_url=self.base_url, api_key=KEY, **options)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal, wait for the end, and answer with the exit code."""
        stopped = _stopped_writer(self)
        if self.process.poll() is None:
            self.process.send_signal(number)
        while stopped and self.process.poll() is None:  # it is waited for, until this is said again
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
                break
            self.process.send_signal(number)
        code = self.process.wait(DEADLINE_S)
        if stopped:  # it has our end of stderr
            os.kill(stopped, signal.SIGCONT)
        if self._drain is not None:
            self._drain.join(DEADLINE_S)
        return code


@contextmanager
def serving(
    *arguments: str | Path, command: Sequence[str] = (RESPOOL,), env: dict[str, str] | None = None
) -> Iterator[Running]:
    """Start a command that prints its base URL on stderr and serves until it is stopped."""
    process = subprocess.Popen(
        [*command, *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **(env or {})},
    )
    running = Running(process)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            running.said.append(line.rstrip("\n"))
            if found := _BASE_URL.search(line):
                running.base_url = found[0]
                break
        else:
            raise AssertionError(f"it ended before it served: {running.said}")
        running._drain = threading.Thread(
            target=lambda: running.said.extend(line.rstrip("\n") for line in process.stderr)
        )
        running._drain.start()
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if running._drain is not None:
            running._drain.join(DEADLINE_S)
        process.stderr.close()


def writer_of(running: Running) -> int:
    """The process that writes the cassette of a `respool record`."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    for child in children.read_text().split():
        if "cassettes.writer" in Path(f"/proc/{child}/cmdline").read_text():
            return int(child)
    raise AssertionError("there is no writer")


def _stopped_writer(running: Running) -> int | None:
    """The process that writes, where it is stopped (`T` in proc(5), after its name)."""
    try:
        writer = writer_of(running)
        state = Path(f"/proc/{writer}/stat").read_text().rpartition(")")[2].split()[0]
    except (AssertionError, OSError):
        return None
    return writer if state == "T" else None


@contextmanager
def stalled_writer(running: Running) -> Iterator[None]:
    """Meanwhile nothing is written, as if the disk had no time."""
    writer = writer_of(running)
    os.kill(writer, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # `Running.stop` has done it
            os.kill(writer, signal.SIGCONT)


def recording(upstream: str, cassette: Path, *more: str | Path, **options):
    """`respool record` in front of `upstream`."""
    return serving("record", "--upstream", upstream, "--cassette", cassette, *more, **options)


def replaying(cassette: Path, *more: str | Path, **options):
    """`respool replay` of `cassette`."""
    return serving("replay", cassette, *more, **options)
