"""Where output goes: its width, its colours, and the line that says what is in flight.

Colour is for terminals only, and never where NO_COLOR is set. Text in any encoding can be printed:
what it lacks is escaped, so that no answer in any language ends in a traceback.
"""

import io
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

import click

from respool.view.plain_text import shorten
from respool.view.styled import Line, Style

if TYPE_CHECKING:
    from rich.style import Style as RichStyle

_RICH: Mapping[Style, str] = {
    "faint": "dim",
    "strong": "bold",
    "heading": "bold",
    "good": "green",
    "odd": "yellow",
    "bad": "bold red",
    "user": "bold cyan",
    "call": "bold magenta",
    "output": "bold blue",
    "thought": "dim italic",
}

_DEFAULT_WIDTH = 100


class Screen:
    """Standard output."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.coloured = terminal and not os.environ.get("NO_COLOR")
        self._movable = terminal
        self._status = ""
        self.wrap_at = _columns()

    @property
    def width(self) -> int:
        """Columns for tables, 100 where no terminal says otherwise."""
        return self.wrap_at or _DEFAULT_WIDTH

    def print(self, lines: Iterable[Line]) -> None:
        """Write lines."""
        self.status("")
        text = "".join(self._text(line) + "\n" for line in lines)
        if text:
            click.echo(text, nl=False, color=True)

    def status(self, text: str) -> None:
        """On a terminal, show `text` below what was printed, in place of the last one."""
        if not self._movable or text == self._status:
            return
        self._status = text
        click.echo(f"\r\x1b[2K{shorten(text, self.width - 1)}", nl=False, color=True)

    def _text(self, line: Line) -> str:
        if not self.coloured:
            return str(line)
        return "".join(
            _rich_style(style).render(text) if style and not text.isspace() else text
            for text, style in line.spans
        ).rstrip(" ")


def _columns() -> int | None:
    """The width of the terminal, or of $COLUMNS; None where there is neither."""
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and 0 < int(given) < 10_000:
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


@cache
def _rich_style(style: Style) -> "RichStyle":
    from rich.style import Style as RichStyle

    return RichStyle.parse(_RICH[style])
