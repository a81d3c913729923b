"""What is wrong with a command line, on one line: what was found, what is expected, where to look.

click says the same on four.
"""

from collections.abc import Iterable

import click


def complaint(error: click.UsageError, command: str, commands: Iterable[str]) -> str:
    """The line for an error of `command`, which is empty where none of `commands` was named."""
    found = error.format_message().strip().rstrip(".").replace(". (", " (")
    said = [found[:1].lower() + found[1:], *_expected(error, commands)]
    return f"{'; '.join(said)}; see `{' '.join(filter(None, ('respool', command)))} --help`"


def _expected(error: click.UsageError, commands: Iterable[str]) -> Iterable[str]:
    """What should have stood there, where what was found does not say it."""
    if isinstance(error, click.exceptions.NoSuchCommand):
        yield f"there are {', '.join(commands)}"
    elif error.ctx is None:
        return
    elif isinstance(error, click.MissingParameter) and isinstance(error.param, click.Option):
        before = any(param.name == "cmd" for param in error.ctx.command.params)
        where = ", before a CMD" * before  # whose options are its own
        yield f"give {error.param.opts[0]} {error.param.make_metavar(error.ctx)}{where}"
    elif isinstance(error, click.NoSuchOption) and (error.possibilities or not error.ctx.parent):
        return  # it names them, or the help does
    elif (
        isinstance(error, (click.MissingParameter, click.NoSuchOption))
        or type(error) is click.UsageError
    ):
        yield f"expected `{error.ctx.get_usage().partition(': ')[2]}`"
