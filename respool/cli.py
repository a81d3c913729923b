"""The `respool` command: find the subcommand, run it, print errors on one line, exit.

Help is instant: a subcommand's module is imported only when that subcommand runs.
"""

import importlib
import signal
import sys
from typing import Any, NoReturn

import click

from respool.say import say
from respool.usage import complaint
from wire.errors import RespoolError

COMMANDS = {
    "record": ("respool.record", "Record Responses traffic through a proxy into a cassette."),
    "replay": ("respool.replay", "Serve a cassette back, offline."),
    "show": ("respool.show", "Print a cassette's exchanges."),
    "tail": ("respool.tail", "Print exchanges as they are recorded."),
    "ingest": ("respool.ingest", "Read cassettes into a DuckDB database."),
    "stats": ("respool.stats", "Print models, tokens, cost, errors and latency."),
    "prune": ("respool.prune", "Delete old cassettes, by age and total size."),
    "dashboard": ("respool.dashboard", "Open the Streamlit dashboard on a database."),
    "doctor": ("respool.doctor.command", "Find out why nothing is recorded, and what to do."),
    "demo": ("respool.demo.command", "Record, replay and analyse a scripted agent run."),
}
"""Each subcommand's module, whose `command` is it, and its help in one line."""

_STOPPED = {
    "record": "nothing is being recorded",
    "ingest": "what was ingested stays; run it again to go on",
    "prune": "what was deleted is listed, the rest stays",
    "demo": "run it again to begin anew",
}
"""How ctrl-C leaves things, where it may change any and the subcommand does not say so itself."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def invoke(self, ctx: click.Context) -> Any:  # what click's own gives
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.Abort from None  # which makes click print nothing of its own

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="respool", prog_name="respool")
def respool() -> None:
    """Record, replay and explain OpenAI Responses API traffic."""


def fail(message: object, code: int = 2) -> NoReturn:
    """Say on one line what is wrong, and exit."""
    text = " ".join(str(message).split())
    click.echo(f"respool: error: {text}", err=True)
    sys.exit(code)


def _stop(command: str) -> NoReturn:
    """Say how ctrl-C has left things, and exit as shells expect it."""
    say(f"stopped; {_STOPPED.get(command, 'nothing was changed')}")
    sys.exit(128 + signal.SIGINT)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; never lets an expected error become a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    command = next((word for word in words if not word.startswith("-")), "")
    command = command if command in COMMANDS else ""
    try:
        sys.exit(respool.main(words, prog_name="respool", standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        fail(complaint(error, command, COMMANDS), error.exit_code)
    except click.ClickException as error:
        fail(error.format_message(), error.exit_code)
    except click.Abort:
        _stop(command)
    except RespoolError as error:
        fail(error, error.exit_code)
    except OSError as error:  # a full disk under stdout, a folder that went away
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
