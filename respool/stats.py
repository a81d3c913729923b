"""`respool stats`: the numbers of a database, as tables or as JSON."""

import json
from pathlib import Path

import click

from respool.options import db_option


@click.command("stats", short_help="Print models, tokens, cost, errors and latency.")
@db_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON; unknown numbers are null.")
def command(db: Path, as_json: bool) -> None:
    """Print models, requests, tokens, cost, errors, tool calls, compactions and latency."""
    from analytics.stats import as_json as plain
    from analytics.stats import load_stats

    found = plain(load_stats(db))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        from respool.stats_tables import show

        show(found)
