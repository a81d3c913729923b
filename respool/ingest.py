"""`respool ingest`: cassettes into a DuckDB database."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from respool.say import say
from respool.view.plain_text import plural
from wire.errors import BadCassette

if TYPE_CHECKING:
    from analytics.ingest import Ingested


@click.command("ingest", short_help="Read cassettes into a DuckDB database.")
@click.argument(
    "cassettes", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CASSETTE..."
)
@click.option(
    "--db",
    required=True,
    type=click.Path(path_type=Path),
    help="The database file; made if it is not there.",
)
def command(cassettes: tuple[Path, ...], db: Path) -> None:
    """Read cassettes into a DuckDB database.

    Only what is new is read, so it may run again and again, also while a recording grows; and go on
    after ctrl-C, which leaves whole exchanges in the database. A folder stands for the cassettes in
    it, and the current file of a rotated capture for all its files. Where several have nothing new,
    they are counted in one line.
    """
    with _interruption() as interrupted:
        from analytics.ingest import ingest

        unread = left = told = 0
        quiet: list[tuple[Path, Ingested]] = []
        damaged: list[str] = []

        def on_damage(why: str) -> None:
            damaged.append(why)
            say(why)

        try:
            for path, found in ingest(cassettes, db, interrupted.is_set, on_damage):
                unread, left = unread + found.is_left, left + found.left
                if not found.is_left and not found.exchanges and not found.left:
                    quiet.append((path, found))
                elif not found.is_left:
                    told += 1
                    click.echo(f"{path}: {_counts(found)} -> {db}")
        finally:  # also where one that was named is damaged
            if quiet:
                click.echo(f"{_together(quiet, told)} -> {db}")
    if unread or left:
        more = f", with {unread} more cassette{'s' * (unread != 1)} to read" if unread else ""
        say(f"stopped{more}; run it again to go on")
        sys.exit(128 + signal.SIGINT)
    if damaged:
        raise BadCassette(f"{plural(len(damaged), 'file')} could not be read; the others were")


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """What is set by ctrl-C while the block runs; a second one ends the process at once."""
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(*_: object) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _together(quiet: "list[tuple[Path, Ingested]]", told: int) -> str:
    """What is to be said of those that have nothing new, beside so many others."""
    (path, found), *more = quiet
    if not more:
        return f"{path}: {_counts(found)}"
    found = replace(found, incomplete=sum(each.incomplete for _, each in quiet))
    return f"{len(quiet)} {'other ' * bool(told)}cassettes: {_counts(found)}"


def _counts(found: "Ingested") -> str:
    text = f"{found.exchanges} new exchange{'s' * (found.exchanges != 1)}"
    text += f", {found.incomplete} without an end" if found.incomplete else ""
    return text + (f", {found.left} still to read" if found.left else "")
