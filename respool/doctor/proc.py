"""What Linux tells of processes under /proc. What is not ours to see, or is gone, is empty."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
DELETED = " (deleted)"
_LISTENING = "0A"


def pids() -> list[int]:
    """All processes."""
    with suppress(OSError):
        return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
    return []


def program(pid: int) -> str:
    """The name of what runs."""
    with suppress(OSError):
        return (PROC / str(pid) / "comm").read_text(errors="replace").strip()
    return ""


def arguments(pid: int) -> list[str]:
    """The command line. Not for showing: it may hold keys."""
    with suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")[:-1]
    return []


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    with suppress(OSError):
        text = (PROC / str(pid) / "task" / str(pid) / "children").read_text()
        return [int(word) for word in text.split()]
    return []


def parent(pid: int) -> int:
    """The process that started it; 0 if that cannot be told."""
    with suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("PPid:"):
                return int(line.split()[1])
    return 0


def links(pid: int) -> dict[int, str]:
    """What the open files of a process are, by their numbers."""
    found: dict[int, str] = {}
    folder = f"{PROC}/{pid}/fd"
    with suppress(OSError):
        for number in os.listdir(folder):  # noqa: PTH208 # many
            with suppress(OSError):
                found[int(number)] = os.readlink(f"{folder}/{number}")  # noqa: PTH115 # many
    return found


def files(pid: int) -> list[str]:
    """The files that a process has open beside its standard ones; `DELETED` follows some names."""
    return [
        link
        for number, link in links(pid).items()
        if number > 2 and link.startswith("/") and not link.startswith("/dev/")
    ]


def listening_sockets() -> dict[str, int]:
    """What `links` calls each listening TCP socket, and its port."""
    return dict(pair for name in ("tcp", "tcp6") for pair in _listening(name))


def _listening(name: str) -> Iterator[tuple[str, int]]:
    with suppress(OSError):  # no IPv6
        for line in (PROC / "net" / name).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == _LISTENING:
                yield f"socket:[{words[9]}]", int(words[1].rpartition(":")[2], 16)


def locker(inode: int) -> int:
    """The process that has locked a file as recorders do; 0 if that cannot be told."""
    with suppress(OSError):
        for line in (PROC / "locks").read_text().splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5].endswith(f":{inode}"):
                return max(int(words[4]), 0)
    return 0
