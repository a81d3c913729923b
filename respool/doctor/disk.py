"""Whether a recording can be written: the folder of the cassette, and the one of our authority.

What a recorder does there (create, write, lock, rename) is done with a small file, and that is
removed.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from addons.authority import default_folder
from respool.doctor.finding import Asked, Finding, ok, problem, warning

_LEAST_BYTES, _FEW_BYTES = 100 << 20, 1 << 30
_TRIAL_BYTES = 64 << 10
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MAKE_ROOM = "make room, or raise the limit: `df -h`, `quota` and `ulimit -f` tell which it is"


class _Unfit(Exception):
    """The step that failed, and its cause."""

    def __init__(self, step: str, error: OSError) -> None:
        super().__init__(f"{step}: {error.strerror or error}")
        self.full = error.errno in _FULL


def recordings(asked: Asked) -> Iterator[Finding]:
    """The folder in which the cassette is, or shall be."""
    place = asked.cassette.parent if asked.cassette else Path()
    try:
        shown = place.absolute()
    except FileNotFoundError:
        yield problem("disk", "the current folder was deleted", "cd to one that is there")
        return
    if not place.is_dir():
        yield problem(
            "disk",
            f"{shown} is not a folder" if place.exists() else f"there is no folder {shown}",
            "give another --cassette" if place.exists() else f"mkdir -p {shown}",
        )
        return
    try:
        _try(place)
    except _Unfit as error:
        where = _MAKE_ROOM if error.full else "give a --cassette in a folder of your own"
        if "lock" in str(error):
            where = "give a --cassette on a local disk; some network drives cannot do that"
        yield problem("disk", f"cassettes cannot be written in {shown}: cannot {error}", where)
        return
    yield _room(shown, asked.cassette)


def _room(place: Path, cassette: Path | None) -> Finding:
    free = shutil.disk_usage(place).free
    there = 0
    with suppress(OSError):
        there = cassette.stat().st_size if cassette else 0
    found = f"{_size(free)} free in {place}"
    if free < _LEAST_BYTES:
        return problem("disk", f"only {found}", "make room, or give another --cassette")
    if free < there:
        return warning(
            "disk",
            f"only {found}, less than the cassette's {_size(there)}",
            "make room: when a recording ends, the cassette is rewritten beside itself",
        )
    if free < _FEW_BYTES:
        return warning("disk", f"only {found}", "make room: bodies with images take megabytes")
    return ok("disk", f"{found}; can write, lock and rename there")


def _size(count: int) -> str:
    """Bytes, for people."""
    return f"{count / (1 << 30):,.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):,.0f} MiB"


def own_folder(_: Asked) -> Iterator[Finding]:
    """The folder where every recording keeps its authority; quiet where it can be written."""
    wanted = default_folder()
    place = next(path for path in (wanted, *wanted.parents) if path.exists())
    try:
        if not place.is_dir():
            raise _Unfit("create a folder", NotADirectoryError(errno.ENOTDIR, "it is a file"))
        _try(place)
    except _Unfit as error:
        yield problem(
            "data folder",
            f"respool keeps its authority in {wanted}, and cannot {error}"
            + ("" if place == wanted else f" ({place})"),
            _MAKE_ROOM
            if error.full
            else "make that folder yours, or let XDG_DATA_HOME name another one",
        )


def _try(place: Path) -> None:
    """Do what a recorder does. Raises _Unfit."""
    step = "create a file"
    name = ""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".respool-doctor-", dir=place)
        try:
            step = "write"
            left = _TRIAL_BYTES
            while left:
                left -= os.write(descriptor, bytes(left))
            step = "lock a file"
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        step = "rename a file"
        renamed = Path(name).rename(f"{name}-2")
        name = str(renamed)
    except OSError as error:
        raise _Unfit(step, error) from error
    finally:
        if name:
            with suppress(OSError):
                Path(name).unlink()
