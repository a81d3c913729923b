"""Options that several subcommands share, so that they read and mean the same everywhere."""

from pathlib import Path

import click

port_option = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Listen here on 127.0.0.1; 0 takes any free port.",
)

db_option = click.option(
    "--db",
    required=True,
    type=click.Path(path_type=Path),
    help="A database made by `respool ingest`.",
)
