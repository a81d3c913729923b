"""`respool doctor`: look at everything that a recording needs, and say what to do.

It takes the options of `respool record`, so that a line which records nothing can be asked about by
putting `doctor` in the place of `record`; those that it has no use for are taken and not looked at.
"""

import copy
import sys
from pathlib import Path

import click

from respool import record
from respool.doctor.finding import Asked
from wire.hosts import DEFAULT_BASE_URL


@click.command(
    "doctor",
    context_settings={"allow_interspersed_args": False},
    short_help="Find out why nothing is recorded, and what to do.",
)
@click.option(
    "--upstream",
    "upstreams",
    metavar="URL",
    multiple=True,
    help="Connect to this base URL, and hang up: no request and no key is sent.  "
    f"[default: $OPENAI_BASE_URL, else {DEFAULT_BASE_URL}]",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Connect to no other machine, neither to the upstream nor to a proxy.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Can respool listen on this port?"
)
@click.option(
    "--cassette",
    type=click.Path(path_type=Path),
    help="What is in this file, and can it be recorded to?  [default: looks at the current folder]",
)
@click.option("--db", type=click.Path(path_type=Path), help="Can this database be read?")
@click.option(
    "--proxy",
    is_flag=True,
    help="Clients come by HTTPS_PROXY: is there a certificate authority, and who trusts it?",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: the worst `state`, and `findings` with `name`, `state` (ok, warning or "
    "problem), `found` and `advice` (null if none).",
)
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
def command(
    upstreams: tuple[str, ...],
    offline: bool,
    port: int,
    cassette: Path | None,
    db: Path | None,
    proxy: bool,
    as_json: bool,
    cmd: tuple[str, ...],
    rotate: int,
    **_of_record: object,
) -> None:
    """Find out why nothing is recorded, and what to do about it.

    Looks at the interpreter and its packages, ports, the upstream, the variables and files that
    steer clients, the certificate authority, and the disk. Put `doctor` in the place of `record` in
    your own command line to have that one looked at; CMD is not run. Exits with 1 if there is a
    problem, and prints no secret.
    """
    from respool.doctor.checks import CHECKS
    from respool.doctor.examination import examine
    from respool.doctor.page import as_json as to_json
    from respool.doctor.page import as_lines
    from respool.view.screen import Screen

    findings = examine(CHECKS, Asked(upstreams, port, cassette, db, proxy, offline, cmd, rotate))
    if as_json:
        click.echo(to_json(findings))
    else:
        screen = Screen()
        screen.print(as_lines(findings, screen.wrap_at))
    sys.exit(any(finding.state == "problem" for finding in findings))


def _take_options_of_record() -> None:
    known = {option for parameter in command.params for option in parameter.opts}
    for parameter in record.command.params:
        if isinstance(parameter, click.Option) and not known & set(parameter.opts):
            taken = copy.copy(parameter)
            taken.hidden, taken.required = True, False
            command.params.append(taken)


_take_options_of_record()
