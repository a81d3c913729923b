"""The list of exchanges: one line each, and their totals.

A list fits the width it is given: what matters least gives way first, and where there is room to
spare, the line ends in a few words of what was called or said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from respool.view.facts import Totals
from respool.view.plain_text import UNKNOWN, number, plural, shorten, usd
from respool.view.plain_text import cells as width_of
from respool.view.row import GRADES, Column, Row
from respool.view.styled import Line, Style, joined

_COLUMNS: tuple[Column, ...] = (
    "#", "time", "server", "endpoint", "model", "added", "calls", "status",
    "in", "out", "cost", "ttft", "took",
)  # fmt: skip
_LEFT: frozenset[Column] = frozenset({"time", "server", "endpoint", "model", "status"})
_SPANNED: tuple[Column, ...] = ("status", "in", "out", "cost")
"""Where a failure without usage has room to say what it was."""
_HEADINGS: dict[Column, str] = {"in": "in (cached)", "out": "out (reas.)"}


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns there are, in which form, and how wide."""

    columns: tuple[Column, ...]
    shortened: frozenset[Column]
    widths: dict[Column, int] = field(default_factory=dict)
    tight: bool = False
    gist: int = 0

    @property
    def width(self) -> int:
        return self.room(self.columns)

    def room(self, columns: Sequence[Column]) -> int:
        """What these columns take together with the gaps between them."""
        return sum(self.widths[name] + self.gap(name) for name in columns) - self.gap(columns[0])

    def gap(self, column: Column) -> int:
        """Blanks before a column."""
        if column == self.columns[0]:
            return 0
        return 1 if self.tight and column not in _LEFT else 2

    def cell(self, row: Row, column: Column) -> str:
        if column == "model" and "endpoint" not in self.columns:
            return row.folded
        return row.short[column] if column in self.shortened else row.full[column]

    def heading(self, column: Column) -> str:
        return column if column in self.shortened else _HEADINGS.get(column, column)


_LEAST_GIST = 24
_NICETIES = 2
_ECONOMIES: tuple[tuple[str, Column], ...] = (
    ("shorten", "model"),
    ("drop", "endpoint"),
    ("tighten", "out"),
    ("shorten", "out"),
    ("shorten", "in"),
    ("drop", "calls"),
    ("drop", "took"),
    ("drop", "added"),
    ("drop", "server"),
    ("drop", "time"),
    ("shorten", "status"),
    ("drop", "ttft"),
    ("drop", "cost"),
)
"""What gives way where room is short, in this order; the first two already for the gist."""


def _layout(rows: Sequence[Row], width: int) -> _Layout:
    alone = len({row.full["server"] for row in rows}) < 2
    columns = tuple(name for name in _COLUMNS if not (alone and name == "server"))
    layout = _measured(rows, _Layout(columns, frozenset()))
    for at, (what, column) in enumerate(_ECONOMIES):
        wanted = layout.width + 2 + _LEAST_GIST if at < _NICETIES else layout.width
        if wanted <= width:
            break
        if what == "drop":
            columns = tuple(name for name in layout.columns if name != column)
            layout = replace(layout, columns=columns)
        elif what == "shorten":
            layout = replace(layout, shortened=layout.shortened | {column})
        else:
            layout = replace(layout, tight=True)
        layout = _measured(rows, layout)
    spare = width - layout.width - 2
    return replace(layout, gist=spare) if spare >= _LEAST_GIST else layout


def _measured(rows: Sequence[Row], layout: _Layout) -> _Layout:
    widths = {}
    for column in layout.columns:
        seen = [row for row in rows if column != "status" or not _spans(row)]
        widest = max((width_of(layout.cell(row, column)) for row in seen), default=0)
        widths[column] = max(widest, len(layout.heading(column)))
    return replace(layout, widths=widths)


def _spans(row: Row) -> bool:
    return row.verdict.grade != "ok" and not row.has_usage


def listed(rows: Sequence[Row], width: int) -> Iterator[Line]:
    """The rows as a table that fits into `width` columns, a line for each new day."""
    layout = _layout(rows, width)
    yield _heading(layout)
    day = rows[0].day if rows else None
    for entry in rows:
        if entry.day != day and entry.day is not None:
            day = entry.day
            yield Line(f"{day:%A, %Y-%m-%d}", "faint")
        yield _line(layout, entry)


def _heading(layout: _Layout) -> Line:
    line = Line()
    for column in layout.columns:
        line.add(" " * layout.gap(column))
        line.extend(_aligned(column, layout.heading(column), layout.widths[column], "faint"))
    return line.add("  what" if layout.gist else "", "faint")


def _line(layout: _Layout, entry: Row) -> Line:
    line = Line()
    spanned = [column for column in layout.columns if column in _SPANNED] if _spans(entry) else []
    for column in layout.columns:
        if column in spanned[1:]:
            continue
        line.add(" " * layout.gap(column))
        if column in spanned:
            line.extend(_failure(entry, layout.room(spanned)))
        else:
            text = layout.cell(entry, column)
            style = _style(column, text, entry)
            line.extend(_aligned(column, text, layout.widths[column], style))
    if layout.gist:
        line.add("  ").add(shorten(entry.gist, layout.gist), "faint")
    return line


def _failure(entry: Row, room: int) -> Line:
    style = GRADES[entry.verdict.grade]
    line = Line(shorten(entry.full["status"], room), style)
    about = entry.verdict.remark or entry.message
    if about and room - line.width > 5:
        line.add("  ").add(shorten(about, room - line.width - 2), style)
    return line.pad_to(room)


def _style(column: Column, text: str, entry: Row) -> Style:
    if column == "status":
        return GRADES[entry.verdict.grade]
    if column == "#":
        return "strong"
    return "faint" if text in {UNKNOWN, "0"} or column == "time" else ""


def _aligned(column: Column, text: str, width: int, style: Style) -> Line:
    blank = " " * (width - width_of(text))
    if column in _LEFT:
        return Line(text, style).add(blank)
    return Line(blank).add(text, style)


def totals_line(totals: Totals, width: int) -> Line:
    """Exchanges, tokens and cost on one line; how many tokens were cached gives way first."""
    line = Line(plural(totals.exchanges, "exchange"), "strong")
    noted = []
    counts: tuple[tuple[int, str, Style], ...] = (
        (totals.failed, "failed", "bad"),
        (totals.interrupted, "interrupted", "odd"),
        (totals.unfinished, "unfinished", "odd"),
        (totals.retries, "retries" if totals.retries > 1 else "retry", ""),
    )
    for count, what, style in counts:
        if count:
            noted.append(Line(f"{count:,} {what}", style))
    if noted:
        line.add(" (").extend(joined(noted, ", ")).add(")")
    cost = Line(f"  cost {usd(totals.cost_usd)}")
    cost.add(f"  {totals.unpriced:,} unpriced" if totals.unpriced else "", "odd")
    given, made = f"  in {number(totals.input_tokens)}", f"  out {number(totals.output_tokens)}"
    cached = _part(totals.input_tokens, totals.cached_tokens, "cached")
    reasoning = _part(totals.output_tokens, totals.reasoning_tokens, "reasoning")
    parts = len(given + cached + made + reasoning) + line.width + cost.width <= width
    line.add(given).add(cached if parts else "").add(made).add(reasoning if parts else "")
    return line.extend(cost)


def _part(count: int | None, part: int | None, what: str) -> str:
    return "" if count is None else f" ({'?' if part is None else f'{part:,}'} {what})"
