"""The cassette and the database that were named: can they be read, who holds them, how they ended.

Quiet where none was named. Both are opened for reading only.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from respool.doctor.finding import Asked, Finding, ok, problem, warning
from respool.doctor.processes import Process, recorder
from respool.view.plain_text import plural
from wire.errors import BadCassette, BadDatabase, BadOption

_LARGEST_READ = 64 << 20
"""Bytes of a cassette that is read whole, in about half a second."""
_READ_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


def cassette(asked: Asked) -> Iterator[Finding]:
    """The file that `--cassette` names, if it is there."""
    path = asked.cassette
    if path is None or not path.parent.is_dir():
        return
    from cassettes.folder import check_name

    try:
        if not path.is_dir():
            check_name(path)
    except BadOption as error:
        yield problem("cassette", *_halves(error, "give --cassette another name"))
        return
    if not path.exists():
        yield ok("cassette", f"{path} is not there yet; `respool record` makes it")
        return
    if path.is_file() and not os.access(path, os.W_OK):
        yield problem(
            "cassette", f"{path} may not be written by you", f"chmod u+w {path}, or name another"
        )
    held_by = _held_by(path)
    try:
        yield from _told(path, held_by)
    except BadCassette as error:
        yield problem("cassette", *_halves(error, "name another file with --cassette"))


def rotation(asked: Asked) -> Iterator[Finding]:
    """The size that `--rotate` gives; quiet where a recorder takes it."""
    from cassettes.capture import check_size

    try:
        check_size(asked.rotate)
    except BadOption as error:
        yield problem("rotate", *_halves(error, "give --rotate another size"))


def _held_by(path: Path) -> Process | str:
    """Who records into the file; empty for nobody.

    The lock is taken, shared and for an instant, only to see whether somebody has it.
    """
    if not path.is_file():
        return ""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return recorder(path) or "some process"
    except OSError:
        return ""  # a disk without locks, of which `disk` tells
    finally:
        os.close(descriptor)
    return ""


def _told(path: Path, held_by: Process | str) -> Iterator[Finding]:
    from cassettes.reader import Cassette

    if path.is_file() and path.stat().st_size > _LARGEST_READ:
        size = path.stat().st_size
        who = f"; {held_by} records into it" if held_by else ""
        yield ok("cassette", f"{path} has {size:,} bytes, too many to look through here{who}")
        return
    with Cassette.open(path) as opened:
        count = len(opened.exchanges)
        open_ended = sum(not entry.ended for entry in opened.exchanges.values())
        last = max(
            (entry.began for entry in opened.exchanges.values() if entry.began), default=None
        )
        torn = path.stat().st_size > opened.size
        where = opened.header.upstream
    found = f"{path}: {plural(count, 'exchange')}" + (f", the last {ago(last)}" if last else "")
    if held_by and not count:
        yield warning(
            "cassette",
            f"{held_by} records into {path}, and nothing came yet",
            f"point a client at the base URL that it printed, not at {where or 'its upstream'}",
        )
    elif held_by:
        yield ok("cassette", f"{found}; {held_by} records into it")
    elif open_ended or torn:
        what = f"{plural(open_ended, 'exchange')} without end" if open_ended else "a torn last line"
        yield warning(
            "cassette",
            f"{found}; {what}: its recorder was killed, or could not write",
            "what is there counts, as incomplete; a new recording goes on with the file",
        )
    else:
        yield ok("cassette", found)


def ago(moment: datetime) -> str:
    """How long ago, for people."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s ago"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago" if seconds < 172_800 else f"on {moment.date()}"


def database(asked: Asked) -> Iterator[Finding]:
    """The database that `--db` names."""
    if asked.db is None:
        return
    from analytics.store import SCHEMA, reading

    try:
        with reading(asked.db, patience_s=0) as connection:
            row = connection.execute("SELECT count(*) FROM exchanges").fetchone()
    except BadDatabase as error:
        make = warning if "is held open by" in str(error) else problem
        yield make("database", *_halves(error, "give another --db"))
    else:
        count = row[0] if row else 0
        yield ok("database", f"{asked.db}: schema {SCHEMA}, {plural(count, 'exchange')}")


def _halves(error: Exception, otherwise: str) -> tuple[str, str]:
    """What an error of ours found, and what it says to do."""
    found, _, advice = str(error).rpartition("; ")
    return (found, advice) if found else (advice, otherwise)
