"""Who listens on a port, who records into a file, and which respools run, as far as can be told.

Processes are named by number and program. Their command lines are read, to know a respool, and
never shown: they may hold keys. What belongs to other users cannot be seen, and is left out.
"""

import re
import shutil
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

from respool.doctor import proc

_SUBCOMMANDS = frozenset({"record", "replay", "tail", "dashboard", "ingest", "demo"})
_WRITER = "cassettes.writer"
_LSOF_S = 2.0
_once = threading.Lock()
"""Several checks ask at once, and to look takes a moment."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was found running."""

    pid: int
    program: str
    subcommand: str = ""
    """Of `respool`, if it is one."""
    forward: bool = False
    """Whether it is a proxy for HTTPS_PROXY."""
    around: bool = False
    """Whether it runs a command of the user's."""
    cassettes: tuple[str, ...] = ()
    """The cassettes that a respool has open."""
    lost: tuple[str, ...] = ()
    """Those among them that have been deleted or replaced since."""
    ports: list[int] = field(default_factory=list, compare=False)
    """Where it listens."""

    def __str__(self) -> str:
        name = f"respool {self.subcommand}" if self.subcommand else self.program
        return f"process {self.pid} ({name})" if name else f"process {self.pid}"


def listeners() -> dict[int, list[Process]]:
    """The processes that listen on each TCP port; an empty list where one is not ours to see."""
    with _once:
        return _listeners()


@cache
def _listeners() -> dict[int, list[Process]]:
    if not (proc.PROC / "net" / "tcp").exists():
        return by_lsof(_output("lsof", "-nP", "-iTCP", "-sTCP:LISTEN", "-Fpcn"))
    ports = proc.listening_sockets()
    found: dict[int, list[Process]] = {port: [] for port in ports.values()}
    for pid in proc.pids():
        own = {ports[link] for link in proc.links(pid).values() if link in ports}
        if own:
            process = _process(pid)
            process.ports.extend(sorted(own))
            for port in own:
                found[port].append(process)
    return found


def listener(port: int) -> Process | None:
    """Some process that listens on `port`."""
    return next(iter(listeners().get(port, ())), None)


def respools() -> list[Process]:
    """The respools that listen somewhere, by process number."""
    found = {
        process.pid: process
        for processes in listeners().values()
        for process in processes
        if process.subcommand
    }
    return [found[pid] for pid in sorted(found)]


def recorder(path: Path) -> Process | None:
    """The process that records into `path`, on Linux."""
    pid = proc.locker(path.stat().st_ino)
    if pid and _WRITER in proc.arguments(pid):
        pid = proc.parent(pid)
    return _process(pid) if pid else None


def _process(pid: int) -> Process:
    arguments = proc.arguments(pid)
    command = _subcommand(arguments)
    if not command:
        return Process(pid, proc.program(pid))
    children = [child for child in proc.children(pid) if proc.arguments(child)]  # none has died
    writers = [child for child in children if _WRITER in proc.arguments(child)]
    files = [file for writer in writers for file in proc.files(writer)]
    files += [f for f in proc.files(pid) if f.removesuffix(proc.DELETED).endswith(".jsonl")]
    return Process(
        pid,
        proc.program(pid),
        command,
        "--proxy" in arguments,
        len(children) > len(writers),
        tuple(sorted({file.removesuffix(proc.DELETED) for file in files})),
        tuple(sorted(f.removesuffix(proc.DELETED) for f in files if f.endswith(proc.DELETED))),
    )


def _subcommand(arguments: list[str]) -> str:
    """`record` for the command line of a `respool record`, empty for other programs."""
    for word, following in pairwise(arguments[:6]):
        if Path(word).name == "respool" and following in _SUBCOMMANDS:
            return following
    return ""


def _output(*command: str) -> str:
    """What a program prints; empty where there is none, or it fails."""
    if shutil.which(command[0]) is None:
        return ""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_LSOF_S, errors="replace"
        ).stdout
    return ""


def by_lsof(output: str) -> dict[int, list[Process]]:
    """The listeners from what `lsof -F pcn` prints, for systems without /proc."""
    found: dict[int, list[Process]] = {}
    pid, process = 0, Process(0, "")
    for line in output.splitlines():
        if line.startswith("p"):
            pid = int(line[1:])
        elif line.startswith("c"):
            words = _output("ps", "-o", "command=", "-p", str(pid)).split()
            process = Process(pid, line[1:], _subcommand(words))
        elif port := re.search(r"^n.*:(\d+)$", line):
            number = int(port[1])
            if process not in found.setdefault(number, []):
                found[number].append(process)
                process.ports.append(number)
    return found
