"""Reading cassettes into a database: incremental, idempotent, and nothing held open meanwhile.

What is to be read is found by `analytics.ingest_run`, and waits to be written in
`analytics.waiting_rows`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics.ingest_run import Run
from analytics.waiting_rows import Counts
from cassettes.folder import OnDamage, expanded, open_part, still
from cassettes.reader import Cassette
from wire.errors import BadCassette, BadDatabase


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one run read: exchanges that are new or went on, and those still without an end."""

    exchanges: int
    incomplete: int
    left: int = 0
    """Exchanges that were not read, because it was to stop."""
    is_left: bool = False
    """Whether nothing was looked at, because it was to stop."""


class Ingest:
    """Follows one cassette into one database; `catch_up` may be called again and again."""

    def __init__(
        self, cassette: Cassette, db: Path, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """`stop` is asked before each exchange; once it says so, only what was read is written."""
        self._cassette = cassette
        self._db = db
        self._stop = stop

    def catch_up(self) -> Ingested:
        """Read what the tables lack. Raises BadCassette and BadDatabase."""
        self._cassette.poll()
        run = Run(self._db, self._stop)
        try:
            run.read(self._cassette)
        finally:
            told = list(run.written())
        for _, error in run.failures():
            raise error
        ((_, counts),) = told
        return _ingested(counts)


def ingest(
    paths: Sequence[Path],
    db: Path,
    stop: Callable[[], bool] = lambda: False,
    on_damage: OnDamage = lambda _: None,
) -> Iterator[tuple[Path, Ingested]]:
    """Read cassettes one after the other, of a folder those in it, of a rotated one all its files.

    Once `stop` says so, what is left is not read, nor said of it more than how much there is.
    A file that cannot be read, or has rows that cannot be written, is left out, with a line by
    `on_damage`; one of a folder that was deleted since is left out without. Raises BadDatabase, and
    when all others are read BadCassette for the first of those that were named, without a line; and
    what is no error of a file (a bug of ours) as it is.
    """
    files = expanded(paths, on_damage)
    run = Run(db, stop)
    failure: Exception | None = None
    failed: set[Path] = set()

    def tell() -> Iterator[tuple[Path, Ingested]]:
        nonlocal failure
        for path, counts in run.written():
            yield path, _ingested(counts)
        for path, error in run.failures():
            if path in failed:  # it was read a second time
                continue
            failed.add(path)
            is_ours = not isinstance(error, BadCassette | OSError)
            if is_ours:
                error.add_note(f"while it was reading {path}")
            if failure is None and (path in paths or is_ours):
                failure = error
            elif path in paths or is_ours or path.exists():
                on_damage(_line(path, error))

    def read(path: Path, *, is_second: bool = False) -> None:
        try:
            if stop():
                run.skip(path, is_left=True)
            elif not is_second and run.was_read(path):
                run.skip(path)
            else:
                with open_part(path) as cassette:
                    run.read(cassette, is_second=is_second)
        except BadDatabase:
            raise
        except Exception as error:
            run.fail(path, error)

    for path in map(still, files):
        read(path)
        if run.is_due:
            yield from tell()
    for path in run.to_link():
        read(path, is_second=True)
        if run.is_due:
            yield from tell()
    yield from tell()
    if failure is not None:
        raise failure


def _ingested(counts: Counts) -> Ingested:
    return Ingested(counts.new, counts.incomplete, counts.left, counts.is_left)


def _line(path: Path, error: Exception) -> str:
    if isinstance(error, BadCassette):
        return str(error)
    return f"cannot read {path}: {type(error).__name__}: {error}".partition("\n")[0]
