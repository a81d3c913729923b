"""The DuckDB file: who may hold it open, for how long, and which schema it has.

A DuckDB file admits one writing process and then no reader, so nobody holds a connection between
statements: `reading` and `writing` open, serve and close. A lock that another process holds is
waited for a while and then named with its process id. A file of another schema or program is an
error and is never touched.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

import duckdb
from duckdb.func import FunctionNullHandling
from duckdb.sqltypes import VARCHAR

from analytics.item_text import told_output
from wire.errors import BadDatabase

SCHEMA = 4
"""The number of the last migration."""
PATIENCE_S = 10.0
"""How long a lock of another process is waited for."""

# Files stay readable by DuckDB 1.5.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "storage_compatibility_version": "v1.5.0",
    "autoinstall_known_extensions": False,  # nothing is fetched from anywhere
    "autoload_known_extensions": False,
}
_LOCKED = re.compile(r"lock is held in (.+?) \(PID (\d+)\)")
_FIRST_RETRY_S, _LAST_RETRY_S = 0.01, 0.25


@contextmanager
def writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that may write, in one transaction; the file is made and migrated if needed."""
    _check_kind(path)
    made = not path.exists()
    if made:
        _make(path)
    connection = _connect(path, read_only=False)
    try:
        if made:
            path.chmod(0o600)
        _migrate(connection, path)
        connection.begin()
        yield connection
        connection.commit()
    except duckdb.Error as error:
        raise BadDatabase(f"cannot write the database {path}: {_first_line(error)}") from error
    finally:
        connection.close()


@contextmanager
def reading(path: Path, *, patience_s: float = PATIENCE_S) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for reading. Raises BadDatabase where there is no database of ours."""
    if not path.exists():
        raise BadDatabase(
            f"there is no database {path}; make it with `respool ingest CASSETTE --db {path}`"
        )
    connection = _connect(path, read_only=True, patience_s=patience_s)
    try:
        version = _version(connection, path)
        if version != SCHEMA:
            raise BadDatabase(
                f"{path} has schema {version}, and this respool reads schema {SCHEMA}; "
                f"run `respool ingest` on it to bring it up to date"
            )
        yield connection
    except duckdb.Error as error:
        raise BadDatabase(
            f"{path} cannot be read ({_first_line(error)}); delete it, and ingest the cassettes "
            "again"
        ) from error
    finally:
        connection.close()


def _make(path: Path) -> None:
    """Put an empty database at `path` in one step.

    Of two processes that make one at the same moment both would find it half made. Where this
    cannot be done, DuckDB does it, or says why not.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    with suppress(OSError, duckdb.Error):
        try:
            duckdb.connect(new, config=_CONFIG).close()
            path.hardlink_to(new)
        finally:
            new.unlink(missing_ok=True)


def statement(name: str) -> str:
    """The text of `queries/<name>.sql`."""
    return (files("analytics") / "queries" / f"{name}.sql").read_text()


def _connect(
    path: Path, *, read_only: bool, patience_s: float = PATIENCE_S
) -> duckdb.DuckDBPyConnection:
    _check_kind(path)
    deadline = time.monotonic() + patience_s
    wait = _FIRST_RETRY_S
    while True:
        try:
            connection = duckdb.connect(path, read_only=read_only, config=_CONFIG)
            connection.execute("SET TimeZone = 'UTC'")
        except duckdb.IOException as error:
            held = _LOCKED.search(str(error))
            if held is None:
                raise _unusable(path, error) from error
            if time.monotonic() > deadline:
                raise BadDatabase(
                    f"{path} is held open by process {held[2]} ({Path(held[1]).name}); "
                    "end that process, or try again when it is done"
                ) from error
        except duckdb.Error as error:
            raise _unusable(path, error) from error
        else:
            return connection
        time.sleep(wait)
        wait = min(wait * 2, _LAST_RETRY_S)


@cache
def _check_kind(path: Path) -> None:
    """Raise BadDatabase for a file that is no DuckDB database.

    Looked at once in a process, before its first connection: to close the file later would drop
    the lock of a connection that is open.
    """
    if str(path) == ":memory:":
        raise BadDatabase("a database in memory would be gone at once; give --db a file")
    if not path.exists():
        return
    if not path.is_file():
        raise BadDatabase(f"{path} is not a regular file; give another --db")
    with path.open("rb") as file:
        start = file.read(18)
    if start.startswith(b'{"kind":"cassette"'):
        raise BadDatabase(
            f"{path} is a cassette and not a database; read it into one with "
            f"`respool ingest {path} --db traffic.duckdb`"
        )
    if start[8:12] != b"DUCK":
        raise BadDatabase(
            f"{path} is not a DuckDB database; give another --db, or move that file away"
        )


def _unusable(path: Path, error: duckdb.Error) -> BadDatabase:
    return BadDatabase(f"cannot open the database {path}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _version(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """The file's schema number, 0 for an empty file. Raises BadDatabase for one not ours."""
    tables = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    if not tables:
        return 0
    try:
        rows = connection.execute("SELECT value FROM meta WHERE key = 'respool_schema'").fetchall()
        version = int(rows[0][0])
    except (duckdb.Error, IndexError, ValueError) as error:
        raise BadDatabase(
            f"{path} is a database of another program: it has tables, but no respool schema; "
            "give another --db"
        ) from error
    if version > SCHEMA:
        raise BadDatabase(
            f"{path} has schema {version}, and this respool knows schemas up to {SCHEMA}; "
            "install a newer respool, or ingest into another --db"
        )
    return version


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    version = _version(connection, path)
    if version == SCHEMA:
        return
    connection.create_function(
        "told_output",
        told_output,
        [VARCHAR],
        VARCHAR,
        null_handling=FunctionNullHandling.SPECIAL,  # it may answer with NULL
    )
    connection.begin()
    for number, text in _migrations():
        if number > version:
            connection.execute(text)
    connection.execute("DELETE FROM meta WHERE key = 'respool_schema'")
    connection.execute("INSERT INTO meta VALUES ('respool_schema', ?)", [str(SCHEMA)])
    connection.commit()
    connection.remove_function("told_output")


def _migrations() -> list[tuple[int, str]]:
    """Number and text of every migration, in order."""
    folder = files("analytics") / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name.partition("_")[0]), entry.read_text()) for entry in found)
