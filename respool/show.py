"""`respool show`: the exchanges of a cassette as a list, or one of them in full."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from respool.say import say
from wire.errors import BadOption

if TYPE_CHECKING:
    from cassettes.contents import Contents
    from cassettes.exchange import Exchange


def _describe() -> str:
    from respool.view.facts_json import KEYS, MORE_KEYS
    from respool.view.row import EXPLAINED

    def described(title: str, keys: dict[str, str]) -> str:
        return "\n".join(["\b", title, *(f"  {name:<21} {text}" for name, text in keys.items())])

    return "\n\n".join(
        [
            described("Columns of the list (- where not known):", EXPLAINED),
            described("Keys of --json (null where not known; times UTC, durations ms):", {**KEYS}),
            described("With an ID also:", {**MORE_KEYS}),
        ]
    )


class _Show(click.Command):
    """Its help ends with what the columns and keys mean, read from where they are made."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.epilog = _describe()
        super().format_epilog(ctx, formatter)


@click.command("show", cls=_Show, short_help="Print a cassette's exchanges.")
@click.argument("cassette", type=click.Path(path_type=Path))
@click.argument("ident", metavar="[ID|last]", required=False)
@click.option("--full", is_flag=True, help="Cut nothing, and show tools and headers as well.")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object for each exchange.")
@click.option(
    "--raw", "raw", flag_value="answer", help="The exact bytes of an answer, nothing else."
)
@click.option("--raw-request", "raw", flag_value="request", help="The same of a request.")
def command(cassette: Path, ident: str | None, full: bool, as_lines: bool, raw: str | None) -> None:
    """Print the exchanges of CASSETTE, a line for each.

    With an ID, print that exchange in full: its number in the list, `last`, or the id of its
    response. A folder stands for the cassette in it, all files of a rotated capture; of a file its
    own exchanges are listed, though a number may be that of one in a closed file. Times are local.
    Raw are bodies as they are replayed: content encoding undone, secrets replaced; of a WebSocket
    each message on a line.
    """
    if raw and (ident is None or full or as_lines):
        option = "--raw" if raw == "answer" else "--raw-request"
        raise BadOption(
            f"{option} is about one exchange, alone: `respool show {cassette} ID {option}`"
        )
    with _opened(cassette, ident) as opened:
        if raw and ident is not None:
            _print_raw(opened.exchange(_number(opened, ident)), raw)
        elif ident is not None:
            _print_one(opened, _number(opened, ident), full=full, as_lines=as_lines)
        elif as_lines:
            _print_json(opened)
        else:
            _print_list(opened)


def _opened(path: Path, ident: str | None) -> "Contents":
    """The file that is to be read, or all of a folder's. Raises BadCassette."""
    from cassettes.folder import open_with
    from cassettes.joined import open_whole
    from cassettes.reader import Cassette

    if path.is_dir():
        return open_whole(path, say)
    if ident is not None and ident.isascii() and ident.isdigit():
        return open_with(path, int(ident[:19]))
    return Cassette.open(path)


def _print_one(cassette: "Contents", x: int, *, full: bool, as_lines: bool) -> None:
    from cassettes.retries import Retries
    from respool.view.additions import additions
    from respool.view.facts import linked, read
    from respool.view.facts_json import as_json, more_facts
    from respool.view.printing import Paper, in_full
    from respool.view.screen import Screen

    reading = linked(read(cassette, x), Retries(cassette).around(x))
    added = additions(cassette, reading)
    if as_lines:
        click.echo(as_json(more_facts(reading, added)))
        return
    screen = Screen()
    screen.print(in_full(reading, added, Paper(screen.wrap_at, full)))


def _print_raw(exchange: "Exchange", part: str) -> None:
    message = exchange.transport == "websocket"
    if part == "request":
        pieces = [exchange.request.body] if exchange.request.body else []
        message = exchange.socket is not None
    else:
        pieces = [piece.data for piece in exchange.pieces]
    if not pieces:
        say(f"exchange {exchange.number} has no {part}{'' if message else ' body'}")
    for piece in pieces:
        sys.stdout.buffer.write(piece + b"\n" if message else piece)
    sys.stdout.buffer.flush()


def _print_json(cassette: "Contents") -> None:
    from respool.view.facts import readings
    from respool.view.facts_json import as_json, facts

    for reading in readings(cassette):
        click.echo(as_json(facts(reading)))


def _print_list(cassette: "Contents") -> None:
    from cassettes.folder import closed_parts
    from respool.view.facts import Totals, readings
    from respool.view.row import row
    from respool.view.screen import Screen
    from respool.view.styled import Line
    from respool.view.table import listed, totals_line

    screen, rows, totals = Screen(), [], Totals()
    for reading in readings(cassette):
        totals.add(reading)
        rows.append(row(reading))
    if rows:
        screen.print([*listed(rows, screen.width), Line(), totals_line(totals, screen.width)])
    else:
        screen.print([Line(f"{cassette.path}: nothing was recorded yet")])
    is_file = cassette.header.part and not cassette.path.is_dir()
    if others := len(closed_parts(cassette.path)) if is_file else 0:
        folder = shlex.quote(str(cassette.path.parent))
        say(
            f"{others} earlier file{'s' * (others != 1)} of this capture stand beside it; "
            f"`respool show {folder}` lists all, if no other cassette is there"
        )


def _number(cassette: "Contents", ident: str) -> int:
    """The number of the exchange that `ident` names; raises BadOption."""
    numbers = list(cassette.exchanges)
    if not numbers:
        raise BadOption(f"{cassette.path} has no exchange {ident}; nothing was recorded yet")
    if ident == "last":
        return numbers[-1]
    if ident.isascii() and ident.isdigit():
        if len(ident) < 19 and int(ident) in cassette.exchanges:
            return int(ident)
        raise BadOption(f"{cassette.path} has no exchange {ident}; it has {_range(numbers)}")
    found = next(_with_id(cassette, ident), None)
    if found is None:
        raise BadOption(
            f"{cassette.path} has no exchange {ident!r}; give a number ({_range(numbers)}), "
            "`last`, or the id of a response"
        )
    return found


def _with_id(cassette: "Contents", ident: str) -> Iterator[int]:
    from respool.view.facts import read

    for x in reversed(cassette.exchanges):
        reading = read(cassette, x)
        if ident in {reading.summary.response_id, reading.exchange.header("x-request-id")}:
            yield x


def _range(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"only {numbers[0]}"
    first, last = min(numbers), max(numbers)
    gaps = "" if len(numbers) == last - first + 1 else f", {len(numbers)} of them"
    return f"{first} to {last}{gaps}"
