"""Lines of output with the roles of their parts; what colour a role has is the screen's affair.

By construction no line holds a control character: every text passes `printable` on its way in.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, Self

from respool.view.plain_text import cells, printable

type Style = Literal[
    "", "faint", "strong", "heading", "good", "odd", "bad", "user", "call", "output", "thought"
]


class Line:
    """One line of output, built from left to right."""

    __slots__ = ("spans", "width")

    def __init__(self, text: str = "", style: Style = "") -> None:
        self.spans: list[tuple[str, Style]] = []
        self.width = 0
        self.add(text, style)

    def add(self, text: str, style: Style = "") -> Self:
        """Append a text; returns the line."""
        if text:
            text = printable(text)
            self.spans.append((text, style))
            self.width += cells(text)
        return self

    def pad_to(self, column: int) -> Self:
        """Append blanks up to `column`."""
        return self.add(" " * (column - self.width))

    def extend(self, other: "Line") -> Self:
        """Append another line's spans."""
        self.spans += other.spans
        self.width += other.width
        return self

    def __str__(self) -> str:
        return "".join(text for text, _ in self.spans).rstrip()


_WORDS = re.compile(r"\s*\S+|\s+")


def folded(line: Line, width: int | None, indent: int) -> Iterator[Line]:
    """The line broken at blanks to fit into `width` columns; what follows is indented."""
    if width is None or line.width <= width:
        yield line
        return
    part = Line()
    for text, style in line.spans:
        for word in _WORDS.findall(text):
            if part.width + cells(word) > width and part.width > indent:
                yield part
                part = Line(" " * indent)
                word = word.lstrip()
            part.add(word, style)
    yield part


def joined(parts: Iterable[Line], gap: str = "  ") -> Line:
    """The parts on one line, `gap` between them; empty ones are left out."""
    line = Line()
    for part in parts:
        if part.spans:
            line.add(gap if line.spans else "").extend(part)
    return line
