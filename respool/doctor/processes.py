"""Who listens on a port, who holds a file locked, and which respools run: as far as it can be told.

Processes are named by number and program. Their command lines are read, to know a respool, and
never shown: they may hold keys. What belongs to other users cannot be seen, and is left out.
"""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

_PROC = Path("/proc")
_LISTENING = "0A"
_DELETED = " (deleted)"
_SUBCOMMANDS = frozenset({"record", "replay", "tail", "dashboard", "ingest", "demo"})
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
    around: bool = False
    """Whether it has a child, as a respool around a command."""
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
    if (_PROC / "net" / "tcp").exists():
        return _by_proc()
    return _by_lsof(_output("lsof", "-nP", "-iTCP", "-sTCP:LISTEN", "-Fpcn"))


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


def holder(path: Path) -> Process | None:
    """The process that has `path` locked, on Linux."""
    status = path.stat()
    inode = f":{status.st_ino}"
    with suppress(OSError):
        for line in (_PROC / "locks").read_text().splitlines():
            words = line.split()
            if "FLOCK" in words and "->" not in words and words[5].endswith(inode):
                return _process(int(words[4]))
    return None


def _by_proc() -> dict[int, list[Process]]:
    ports = {inode: port for name in ("tcp", "tcp6") for inode, port in _listening_sockets(name)}
    found: dict[int, list[Process]] = {port: [] for port in ports.values()}
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        own = {ports[link] for link in _links(int(entry.name)) if link in ports}
        if own:
            process = _process(int(entry.name))
            process.ports.extend(sorted(own))
            for port in own:
                found[port].append(process)
    return found


def _listening_sockets(name: str) -> Iterator[tuple[str, int]]:
    """What /proc calls each listening socket, and its port."""
    with suppress(OSError):  # no IPv6
        for line in (_PROC / "net" / name).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == _LISTENING:
                yield f"socket:[{words[9]}]", int(words[1].rpartition(":")[2], 16)


def _links(pid: int) -> list[str]:
    """What the open files of a process are; empty where that is not ours to see."""
    links: list[str] = []
    with suppress(OSError):
        for number in os.listdir(_PROC / str(pid) / "fd"):  # noqa: PTH208 # thousands of names
            with suppress(OSError):
                links.append(os.readlink(_PROC / str(pid) / "fd" / number))  # noqa: PTH115 # same
    return links


def _process(pid: int) -> Process:
    folder, program, command = _PROC / str(pid), "", ""
    with suppress(OSError):
        program = (folder / "comm").read_text().strip()
        command = _subcommand((folder / "cmdline").read_text(errors="replace").split("\0"))
    if not command:
        return Process(pid, program)
    around = False
    with suppress(OSError):
        around = bool((folder / "task" / str(pid) / "children").read_text().split())
    files = [link for link in _links(pid) if link.removesuffix(_DELETED).endswith(".jsonl")]
    return Process(
        pid,
        program,
        command,
        around,
        tuple(sorted({link.removesuffix(_DELETED) for link in files})),
        tuple(sorted(link.removesuffix(_DELETED) for link in files if link.endswith(_DELETED))),
    )


def _subcommand(arguments: list[str]) -> str:
    """`record` for the command line of a `respool record`, empty for other programs."""
    for word, following in pairwise(arguments[:5]):
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


def _by_lsof(output: str) -> dict[int, list[Process]]:
    """The same from `lsof -F pcn`, for systems without /proc."""
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
