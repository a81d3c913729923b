"""An answer in a few words, and its items in a few lines: what was called, else what was said.

Short is the point here: the full view is a command away.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from respool.view.facts import Reading
from respool.view.item_lines import View, view

Json = Any  # any JSON value

_ENOUGH = 400
"""Characters of a text that are looked at for one line."""


def gist(reading: Reading) -> str:
    """What the answer was about, on one line."""
    if reading.summary.error_message and reading.usage is None:
        return reading.summary.error_message  # the code stands beside it
    views = [view(item) for item in reading.output]
    remark = reading.verdict.remark if reading.usage else ""  # else it stands beside it
    about = _calls([seen for seen in views if seen.role == "call"])
    if not about:
        last = next((seen for seen in reversed(views) if seen.role in {"text", "refusal"}), None)
        last = last or (views[-1] if views else None)
        about = one_line(last) if last else reading.summary.error_message or ""
    if not about and reading.endpoint != "create":
        about = reading.exchange.request.path
    return ": ".join(filter(None, [remark, about]))


def one_line(seen: View) -> str:
    """An item's text on one line, without its label, except where the text is not speech."""
    text = " ".join(seen.in_short[:_ENOUGH].split())
    return f"{seen.label} {text}" if seen.role in {"other", "thought", "output"} else text


def _calls(calls: Sequence[View]) -> str:
    if len(calls) == 1:
        return " ".join(calls[0].in_short[:_ENOUGH].split())
    counts = Counter(call.name or call.label for call in calls)
    return ", ".join(name if n == 1 else f"{name} x{n}" for name, n in counts.items())


def inventory(items: Sequence[Json]) -> str:
    """What kinds of items these are: `reasoning, 2 calls, text`."""
    views = [view(item) for item in items]
    counts = Counter(
        f"{seen.label} message" if seen.role == "user" else seen.label for seen in views
    )
    return ", ".join(label if n == 1 else f"{n} {label}s" for label, n in counts.items())
