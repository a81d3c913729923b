"""The file of a recording: made or opened to append to it, and locked against other recorders.

A file that is there is continued if it is a cassette, and never written over. A last line that a
crash cut off is ended first, and said to be torn.
"""

import fcntl
import os
import secrets
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Buffer
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from cassettes import format as lines
from cassettes.compressed import SUFFIX, is_compressed
from cassettes.folder import check_name
from cassettes.header import header_of
from cassettes.reader import Cassette
from wire.errors import BadCassette

GENERATOR = "respool 0.1.0"
_PIECES = 512
"""How many pieces one call is given to write; systems take 1,024 at most."""
_PATIENCE_S = 2.0
"""How long another recorder, which may be about to close the file, is waited for."""

type Begun = tuple[int, lines.Header]


def open_or_create(path: Path, base: str, upstream: str, part: int = 0) -> tuple[int, Cassette]:
    """A descriptor at the end of the cassette, locked against other recorders, and its index.

    `part` stands in the header of a new file, where it is one of several. Raises BadCassette.
    """
    if path.name.endswith(SUFFIX):
        raise _not_appended(path)
    fd = open_locked(path)
    try:
        if os.fstat(fd).st_size == 0:
            write_all(fd, lines.encode(header(base, upstream, part)))
            return fd, Cassette.open(path)
        if is_compressed(os.pread(fd, 4, 0)):
            raise _not_appended(path)
        cassette = Cassette.open(path)
        try:
            close_torn_line(fd, cassette.size)
            write_all(fd, lines.encode(lines.Session(generator=GENERATOR, at=now())))
            cassette.poll()
        except BaseException:
            cassette.close()
            raise
    except OSError as error:
        os.close(fd)
        raise BadCassette(f"cannot write the cassette {path}: {error.strerror}") from error
    except BaseException:
        os.close(fd)
        raise
    return fd, cassette


def check_place(path: Path) -> None:
    """Raise BadCassette or BadOption where nothing can be recorded; nothing is changed there.

    What is damaged after the first line of a cassette only shows when it is opened.
    """
    check_name(path)
    if path.name.endswith(SUFFIX):
        raise _not_appended(path)
    if path.exists():
        fd = open_locked(path)
        try:
            if is_compressed(os.pread(fd, 4, 0)):
                raise _not_appended(path)
            if os.fstat(fd).st_size:
                header_of(path)
        finally:
            os.close(fd)
        return
    folder = path.resolve().parent
    if not folder.exists():
        raise BadCassette(
            f"cannot write the cassette {path}: there is no folder {folder}; make it first, or "
            "give another --cassette"
        )
    try:
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise BadCassette(f"cannot write the cassette {path}: {error.strerror}") from error


def _not_appended(path: Path) -> BadCassette:
    return BadCassette(
        f"{path} is compressed, and a compressed cassette is not recorded into; give another "
        "--cassette, or unpack it first with `zstd -d`"
    )


def next_name(path: Path) -> Path:
    """What the next file of a capture at `path` is called until it is at `path` itself."""
    path = path.resolve()
    return path.with_name(f".{path.name}.next")


def open_next(path: Path, after: lines.Header, part: int, first: int, closed: Path) -> Begun:
    """Begin the next file of a capture at `path`, whose last one is at `closed` then.

    There is a cassette at `path` at any moment. Answers with its locked descriptor and its header.
    Raises OSError.
    """
    new = next_name(path)
    new.unlink(missing_ok=True)
    fd = os.open(new, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        named = {"created": now(), "generator": GENERATOR, "revision": 0}
        begun = msgspec.structs.replace(after, part=part, first=first, last=0, **named)
        write_all(fd, lines.encode(begun))
        os.fchmod(fd, path.stat().st_mode & 0o777)
        _move_over(new, path, closed)
    except BaseException:
        os.close(fd)
        new.unlink(missing_ok=True)
        raise
    return fd, begun


def _move_over(new: Path, path: Path, closed: Path) -> None:
    try:
        closed.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:  # not every file system has a second name for a file
        path.rename(closed)
    try:
        new.replace(path)
    except OSError:
        closed.replace(path)  # which does nothing where both are names of one file
        raise


def open_locked(path: Path) -> int:
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        if path.exists() and not path.is_file():
            raise BadCassette(f"cannot write the cassette {path}: it is not a regular file")
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise BadCassette(f"cannot write the cassette {path}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(path, fd):
                return fd
        except OSError as error:
            os.close(fd)
            if time.monotonic() < give_up:  # one that was killed is written to its end
                time.sleep(0.02)
                continue
            raise BadCassette(
                f"{path} is being recorded by another process; "
                "stop that one, or give another file with --cassette"
            ) from error
        os.close(fd)  # another recorder has just put the calm form in its place


def is_at(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def header(base: str, upstream: str, part: int) -> lines.Header:
    return lines.Header(
        version=lines.VERSION,
        id=str(uuid.uuid4()),
        salt=secrets.token_hex(16),
        base=base,
        upstream=upstream,
        generator=GENERATOR,
        created=now(),
        part=part,
    )


def close_torn_line(fd: int, whole: int) -> None:
    """End a last line that a crash cut off, and say so; one that lacks only its newline counts."""
    size = os.fstat(fd).st_size
    fragment = os.pread(fd, size - whole, whole)
    if not fragment:
        return
    try:
        lines.decode(fragment)
        ending = b"\n"
    except ValueError:
        ending = b"\n" + lines.encode(lines.Torn())
    try:
        write_all(fd, ending)
    except OSError:  # a full disk may take a part of it, after which the fragment would be damage
        os.ftruncate(fd, size)
        raise


def write_all(fd: int, *pieces: Buffer) -> int:
    """Write the pieces one after another; answers with the number of bytes."""
    written = 0
    left = deque(pieces)
    while left:
        count = os.writev(fd, list(islice(left, _PIECES)))
        written += count
        while left and count >= (length := memoryview(left[0]).nbytes):
            left.popleft()
            count -= length
        if count:
            left[0] = memoryview(left[0])[count:]
    return written


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
