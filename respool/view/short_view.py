"""An exchange in a few lines, to read along: one of facts, then what was sent and said.

`>` goes to the model and `<` comes from it. Only what the request added is shown, and never more
than five lines of it all.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from cassettes.summary import Usage
from respool.view.additions import Additions
from respool.view.facts import Reading
from respool.view.gist import one_line
from respool.view.item_lines import Role, View, view
from respool.view.plain_text import duration, plural, short_number, shorten, usd
from respool.view.row import GRADES, added, message, model_name, standing, tokens
from respool.view.styled import Line, Style, joined

Json = Any  # any JSON value

_MOST_LINES = 5
_MOST_ANSWER_LINES = 3
_NARROW, _WIDE = 96, 112
"""Columns below which tokens are told in short, and from which in words."""
_INDENT = "     "
_STYLES: dict[Role, Style] = {
    "user": "user",
    "call": "call",
    "output": "output",
    "thought": "thought",
    "refusal": "odd",
}


def facts_line(reading: Reading, width: int) -> Line:
    """Number, time, model, status, items, tokens, cost and times; what has no room is left out."""
    verdict, began, calls = reading.verdict, reading.local_time, reading.call_count
    grade, usage = GRADES[verdict.grade], reading.usage
    parts = {
        "number": Line(f"{reading.number:>3}", "strong"),
        "time": Line(f"{began:%H:%M:%S}" if began else "?", "faint"),
        "endpoint": Line(_endpoint(reading)),
        "model": Line(model_name(reading.summary.model or ""), "strong"),
        "status": Line(shorten(f"{standing(reading)} {verdict.remark}", 40), grade),
        "added": Line("" if reading.input_items is None else added(reading)),
        "calls": Line(plural(calls, "call") if calls else "", "call"),
        "in": Line(_given(usage, width) if usage else ""),
        "out": Line(_made(usage, width) if usage else ""),
        "cost": Line(_cost(reading)),
        "ttft": Line(_labelled("ttft", reading.summary.first_token_ms)),
        "took": Line(_labelled("took", reading.exchange.ended_ms)),
    }
    if joined(parts.values()).width > width and usage:
        parts["status"] = Line(standing(reading), grade)
    for name in ("calls", "added", "ttft", "took", "time", "out", "in"):
        if joined(parts.values()).width <= width:
            break
        del parts[name]
    return joined(parts.values())


def _endpoint(reading: Reading) -> str:
    if reading.endpoint is None:
        return shorten(f"{reading.exchange.request.method} {reading.exchange.request.path}", 40)
    return reading.endpoint if reading.endpoint != "create" else ""


def _given(usage: Usage, width: int) -> str:
    if width < _NARROW:
        return f"in {short_number(usage.input_tokens)}"
    what = " cached" if width >= _WIDE else ""
    return "in " + tokens(usage.input_tokens, usage.cached_tokens, what)


def _made(usage: Usage, width: int) -> str:
    if width < _NARROW:
        return f"out {short_number(usage.output_tokens)}"
    what = " reasoning" if width >= _WIDE else ""
    return "out " + tokens(usage.output_tokens, usage.reasoning_tokens, what)


def _cost(reading: Reading) -> str:
    if reading.usage is None:
        return ""
    return "unpriced" if reading.unpriced else usd(reading.cost_usd)


def _labelled(name: str, ms: float | None) -> str:
    return "" if ms is None else f"{name} {duration(ms)}"


def block(reading: Reading, additions: Additions, width: int) -> Iterator[Line]:
    """Two to five lines: the last items that were added, the answer's first, and the error."""
    answer = [view(item) for item in reading.output]
    spoken = [seen for seen in answer if seen.role not in {"thought", "user"}] or answer
    failed = message(reading)
    room = _MOST_ANSWER_LINES - bool(failed)
    answered = list(_some(spoken[:room], len(spoken) - room, "<", width))
    left = _MOST_LINES - len(answered) - bool(failed)
    own = [view(item, additions.names) for item in additions.items]
    yield from _some(own[-left:], len(own) - left, ">", width)
    yield from answered
    if failed:
        line = Line(f"{_INDENT}! ", "bad")
        yield line.add(shorten(failed, width - line.width), "bad")


def _some(views: Sequence[View], hidden: int, sign: str, width: int) -> Iterator[Line]:
    for at, seen in enumerate(views):
        more = f"  (+{hidden:,} more)" if hidden > 0 and at == len(views) - 1 else ""
        style = _STYLES.get(seen.role, "")
        line = Line(f"{_INDENT}{sign} ", "faint")
        name = f" {seen.name}" if seen.name and seen.role == "output" else ""
        label = "" if seen.role in {"other", "thought", "output"} else seen.label
        line.add(f"{label or seen.label}{name}  ", style)
        text = one_line(seen).removeprefix(seen.label).lstrip()
        yield line.add(shorten(text, max(width - line.width - len(more), 8))).add(more, "faint")
