"""How the dashboard looks and writes numbers: one colour for one thing, everywhere the same.

All colours stand on white as on near-black. What is not known is said to be unknown or left blank,
and never becomes a zero.
"""

from datetime import datetime

KINDS = {
    "uncached_tokens": ("uncached input", "#2f6db5"),
    "cached_tokens": ("cached input", "#86b4e3"),
    "answer_tokens": ("answer", "#d9822b"),
    "reasoning_tokens": ("reasoning", "#efbd7d"),
}
"""Kinds of tokens by their column: name and colour, in the order in which they are stacked."""

RESULTS = {
    "succeeded": ("succeeded", "#7f93a8"),
    "failures": ("failed or broken off", "#cf4b3f"),
}
"""How exchanges ended, by column: name and colour."""

DURATIONS = {
    "latency_p95_ms": ("latency p95", "#b39ddb"),
    "latency_p50_ms": ("latency p50", "#7451b8"),
    "first_token_p50_ms": ("first token p50", "#2a9d8f"),
}
"""Durations by column: name and colour."""

MODELS = (
    *("#4c78a8", "#e08a3c", "#54a06b", "#b279a2", "#c4a73b", "#5fb0b7", "#d06a6a", "#8c7564"),
)
"""Colours of models, given in the order of their names; what is beyond them is `OTHER`."""
OTHER = "#9aa0a6"
MARK = "#80868b"
"""What is beside the numbers: marks, and words in place of a chart."""

UNKNOWN = "unknown"


def count(number: float | None) -> str:
    """A whole number in full, or in billions from there on."""
    if number is None:
        return UNKNOWN
    return f"{number / 1e9:,.2f} billion" if number >= 1e9 else f"{number:,.0f}"


def counted(number: float | None, noun: str) -> str:
    """1 exchange, 2 exchanges."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def share(part: float | None, whole: float | None) -> str:
    """How much of the whole the part is, in percent."""
    return UNKNOWN if part is None or whole is None else f"{part / (whole or 1):.0%}"


def usd(amount: float | None) -> str:
    """US dollars, with more digits where it is less than one."""
    if amount is None:
        return UNKNOWN
    return f"${amount:,.4f}" if 0 < amount < 1 else f"${amount:,.2f}"


def duration(ms: float | None) -> str:
    """Milliseconds, or seconds from one second on."""
    if ms is None:
        return UNKNOWN
    if ms >= 1000:
        return f"{ms / 1000:,.2f} s" if ms < 10_000 else f"{ms / 1000:,.1f} s"
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"


def moment(time: datetime) -> str:
    """A time to the second, with its zone, which is UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
