"""`respool ingest`: cassettes into a DuckDB database."""

from pathlib import Path

import click


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

    Only what is new is read, so it may run again and again, also while a recording grows. A folder
    stands for the cassettes in it, and the current file of a rotated capture for all its files.
    """
    from analytics.ingest import ingest

    for path, found in ingest(cassettes, db):
        click.echo(f"{path}: {_counts(found.exchanges, found.incomplete)} -> {db}")


def _counts(new: int, incomplete: int) -> str:
    text = f"{new} new exchange{'s' * (new != 1)}"
    return f"{text}, {incomplete} without an end" if incomplete else text
