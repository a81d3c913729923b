"""Text from traffic made fit for a terminal, and numbers made fit for people.

Whatever a model, a tool or a server wrote, what leaves `printable` moves no cursor, changes no
colour and hides nothing: control, bidirectional and invisible characters become visible escapes.
A number that is not known is never shown as 0.
"""

import math
import re
import unicodedata
from dataclasses import dataclass

UNKNOWN = "-"

_SHOWN_AS_THEY_ARE = frozenset("\u200c\u200d\u00ad")  # joiners (emoji, Persian) and soft hyphen
_WORDS = re.compile(r"\s*\S+")


def printable(text: str) -> str:
    """`text` on one line; what a terminal would obey or hide is escaped, as in `\\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character == " " or character in _SHOWN_AS_THEY_ARE:
        return character
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character.encode("unicode_escape", "surrogatepass").decode()
    return character


def text_lines(text: str) -> list[str]:
    """The lines of a text, printable, tabs as blanks, without blank lines around it."""
    even = text.replace("\r\n", "\n").strip("\n")
    return [printable(line.expandtabs(4).rstrip(" ")) for line in even.split("\n")]


def cells(text: str) -> int:
    """How many columns of a terminal printable `text` takes."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if character in _SHOWN_AS_THEY_ARE or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shorten(text: str, room: int) -> str:
    """`text` on one line of at most `room` columns: white space evened out, `…` where cut."""
    even = " ".join(text.split())
    near = printable(even[: 8 * room + 80])  # more cannot fit, but for accents without end
    if len(near) >= len(even) and cells(near) <= room:
        return near
    taken, used = [], 0
    for character in near:
        used += _width(character)
        if used > room - 1:
            break
        taken.append(character)
    return "".join(taken).rstrip() + "…" if room > 0 else ""


def wrap(line: str, room: int | None) -> list[str]:
    """A printable line broken at blanks into lines of `room` columns; None leaves it whole.

    Lines after the first keep the indentation of the first; a long word is broken.
    """
    if room is None or cells(line) <= room:
        return [line]
    room = max(room, 16)
    margin = line[: len(line) - len(line.lstrip(" "))]
    margin = margin if len(margin) <= room // 2 else ""
    wrapped, current, used = [], "", 0
    for word in _WORDS.findall(line):
        size = cells(word)
        if used + size > room and current.strip():
            wrapped.append(current)
            word = word.lstrip(" ")
            current, used = margin, len(margin)
            size = cells(word)
        while used + size > room:
            piece = _fitting(word, room - used)
            wrapped.append(current + piece)
            word = word[len(piece) :]
            current, used, size = margin, len(margin), cells(word)
        current, used = current + word, used + size
    return [*wrapped, current] if current.strip() else wrapped


def _fitting(word: str, room: int) -> str:
    used = 0
    for at, character in enumerate(word):
        used += _width(character)
        if used > room and at:
            return word[:at]
    return word


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning and the end of a text, and how many characters stand between them."""

    head: list[str]
    hidden: int = 0
    tail: tuple[str, ...] = ()


_TAIL_LINES = 4


def excerpt(text: str, characters: int, lines: int) -> Excerpt:
    """`text` cut to about so many characters and lines; its last lines are kept, if short.

    The end matters: that is where a traceback names its error, and a prompt asks its question.
    """
    whole = text_lines(text)
    if len(text) <= characters * 5 // 4 and len(whole) <= lines + _TAIL_LINES:
        return Excerpt(whole)
    head: list[str] = []
    left = characters
    for line in whole[:lines]:
        if left <= 0:
            break
        head.append(line[:left])
        left -= len(line) + 1
    tail = whole[max(len(head), len(whole) - _TAIL_LINES) :]
    if sum(map(len, tail)) > characters // 4:
        tail = []
    hidden = sum(len(line) + 1 for line in whole) - 1
    hidden -= sum(len(line) + 1 for line in head) - 1 + sum(len(line) + 1 for line in tail)
    return Excerpt(head, max(hidden, 0), tuple(tail))


def number(value: int | None) -> str:
    """12,345; a dash if not known."""
    return UNKNOWN if value is None else f"{value:,}"


def short_number(value: int | None, unknown: str = UNKNOWN) -> str:
    """A count in at most five characters where it can be: 9876, 12.3k, 118k, 1.23M."""
    if value is None:
        return unknown
    if value < 10_000:
        return str(value)
    for unit, size in (("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)):
        if value < size * 999.5 or unit == "G":
            scaled = value / size
            break
    digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
    return f"{scaled:,.{digits}f}{unit}"


def usd(value: float | None) -> str:
    """US dollars with the digits that matter; a dash if not known."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value >= 10:
        return f"${value:,.2f}"
    return f"${value:.4f}" if value == 0 or value >= 0.000_1 else f"${value:.6f}"


def duration(ms: float | None, gap: str = "") -> str:
    """144ms, 1.24s, 12.4s, 2m05s, 1h02m; `gap` stands before the unit; a dash if not known."""
    if ms is None or not math.isfinite(ms) or not 0 <= ms < 1e12:
        return UNKNOWN
    if ms < 0.95:
        return f"<1{gap}ms"
    if ms < 999.5:
        return f"{ms:.0f}{gap}ms"
    if ms < 59_950:
        return f"{ms / 1000:.{2 if ms < 9_995 else 1}f}{gap}s"
    seconds = round(ms / 1000)
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    return f"{seconds // 3600}h{seconds % 3600 // 60:02}m"


def plural(count: int, noun: str) -> str:
    """`1 item`, `2 items`, `1,234 items`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
