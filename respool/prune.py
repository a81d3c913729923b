"""`respool prune`: cassettes deleted by age and total size, the oldest first.

Nothing is deleted without a limit, that is no cassette, that somebody records into, or through a
symbolic link; but for what a killed recorder has left under a hidden name. What was ingested of a
deleted cassette stays in the database.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from respool.quantities import AGE, SIZE
from respool.say import say
from wire.errors import BadCassette, BadOption, RespoolError


class CannotDelete(RespoolError):
    """Files that should be deleted, and are still there."""


@click.command("prune", short_help="Delete old cassettes, by age and total size.")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH..."
)
@click.option(
    "--older-than",
    type=AGE,
    metavar="AGE",
    help="Delete what was last written to longer ago than this, such as 30d.",
)
@click.option(
    "--keep-size",
    type=SIZE,
    metavar="SIZE",
    help="Delete the oldest until all together are no larger than this, such as 10G.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
def command(
    paths: tuple[Path, ...], older_than: timedelta | None, keep_size: int | None, dry_run: bool
) -> None:
    """Delete cassettes, the oldest first.

    PATH is a cassette, or a folder for the cassettes in it (not those of folders in it). A cassette
    that is being recorded stays, whatever its age. What was ingested stays in the database: the
    numbers stay, the bytes go. Hidden files that a killed recorder left of cassettes that are gone
    go, too.
    """
    if older_than is None and keep_size is None:
        raise BadOption("say what may go: --older-than AGE, --keep-size SIZE, or both")
    found = sorted(_found(paths), key=lambda each: (each.written_s, each.path))
    whole = left = sum(each.size for each in found)
    gone, failed, now = 0, 0, time.time()
    for each in found:
        old = older_than is not None and now - each.written_s > older_than.total_seconds()
        if not old and (keep_size is None or left <= keep_size):
            continue
        try:
            deleted = _delete(each, dry_run=dry_run)
        except FileNotFoundError:  # compressed since, which the next run will see, or deleted
            left -= each.size
            continue
        except OSError as error:
            failed += 1
            say(f"cannot delete {each.path}: {error.strerror}")
            continue
        if deleted:
            gone += 1
            left -= each.size
            click.echo(
                f"{'would delete' if dry_run else 'deleted'} {each.path} ({_size(each.size)})"
            )
        else:
            say(f"{each.path} is being recorded, and stays")
    for path in _left_over(paths):
        if not dry_run:
            path.unlink(missing_ok=True)
        what = "would delete" if dry_run else "deleted"
        click.echo(f"{what} {path}, which a recorder that was killed has left")
    done, there = ("would delete", "would be") if dry_run else ("deleted", "are")
    of = f"{gone} of {_cassettes(len(found))}, {_size(whole - left)}"
    click.echo(f"{done} {of}; {_size(left)} {there} left")
    if failed:
        raise CannotDelete(f"{_cassettes(failed)} could not be deleted")


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    size: int
    written_s: float
    inode: int


def _found(paths: Iterable[Path]) -> Iterator[_Found]:
    """The cassettes that are meant, each once. Raises BadCassette for a file that is none."""
    from cassettes.folder import cassettes_in
    from cassettes.header import header_of

    seen = set()
    for path in paths:
        if path.is_symlink():  # also one to a folder
            files = [path]
        elif path.is_dir():
            files = cassettes_in(path, say)
        else:
            try:
                header_of(path)
            except OSError as error:
                raise BadCassette(f"cannot read {path}: {error.strerror}") from error
            files = [path]
        for file in files:
            try:
                there = file.lstat()
            except FileNotFoundError:  # it was compressed, or deleted, since
                continue
            if file.is_symlink():
                say(f"{file} is a symbolic link, and stays; name what it leads to")
            elif (there.st_dev, there.st_ino) not in seen:
                seen.add((there.st_dev, there.st_ino))
                yield _Found(file, there.st_size, there.st_mtime, there.st_ino)


def _left_over(paths: Iterable[Path]) -> Iterator[Path]:
    """What a kill left of the making of cassettes in these places that are gone."""
    from cassettes.folder import left_over

    for path in paths:
        is_folder = path.is_dir()
        if not path.is_symlink() and (is_folder or path.parent.is_dir()):
            for left, of in left_over(path if is_folder else path.parent):
                if is_folder or of == path:
                    yield left


def _delete(each: _Found, *, dry_run: bool) -> bool:
    """Delete a file if nobody records into it or rewrites it, and nobody can begin to meanwhile."""
    fd = os.open(each.path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if os.fstat(fd).st_ino != each.inode:  # a recorder has just put its calm form there
            return False
        if not dry_run:
            each.path.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _cassettes(count: int) -> str:
    return f"{count} cassette{'s' * (count != 1)}"


def _size(count: int) -> str:
    """Bytes as people read them, in powers of 1,024 as in what they type."""
    size = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
