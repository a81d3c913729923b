"""The numbers of `respool stats` as text and tables; what is not known is said to be unknown."""

from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Rows = list[dict[str, Any]]


def show(found: dict[str, Any]) -> None:
    """Print the answer of `analytics.stats.as_json` on the terminal."""
    console = Console(highlight=False)
    totals = found["totals"]
    console.print(_headline(totals))
    if not totals["exchanges"]:
        return
    _print_table(console, "models", found["by_model"], _MODEL_COLUMNS)
    if len(found["by_upstream"]) > 1:
        _print_table(console, "servers", found["by_upstream"], _UPSTREAM_COLUMNS)
    for title, name, columns in (
        ("tool calls", "by_tool", _TOOL_COLUMNS),
        ("what did not go well", "errors", _ERROR_COLUMNS),
        ("what was retried", "retries", _RETRY_COLUMNS),
        ("compactions", "compactions", _COMPACTION_COLUMNS),
    ):
        if found[name]:
            _print_table(console, title, found[name], columns)
    if found["findings"]:
        many = len(found["findings"])
        ways = "1 finding: a way" if many == 1 else f"{many} findings: ways"
        console.print(
            f"{ways} in which this traffic deviates from the SDK's types (table `findings`)"
        )


def _headline(totals: dict[str, Any]) -> str:
    if not totals["exchanges"]:
        return "no exchanges yet"
    n = {name: _number(value) for name, value in totals.items()}
    ms = {name: _ms(value) for name, value in totals.items() if name.endswith("_ms")}
    return (
        f"{_count(totals, 'exchange')}, {n['failed']} failed{_ended_early(totals)}, "
        f"{_count(totals, 'tool_call')}, {_count(totals, 'compaction')}\n"
        f"{n['input_tokens']} input tokens ({n['cached_tokens']} cached), "
        f"{n['output_tokens']} output ({n['reasoning_tokens']} reasoning), "
        f"{n['total_tokens']} in all\n"
        f"cost {_usd(totals['cost_usd'])}{_unpriced(totals)}; "
        f"latency p50 {ms['latency_p50_ms']}, p95 {ms['latency_p95_ms']}; "
        f"first token p50 {ms['first_token_p50_ms']}, p95 {ms['first_token_p95_ms']}"
    )


def _ended_early(totals: dict[str, Any]) -> str:
    """What has no end of its own, and what was tried again, where there is any."""
    parts = [
        f", {_number(totals[name])} {name}"
        for name in ("interrupted", "unfinished")
        if totals[name]
    ]
    if totals["retries"]:
        again = f"{_number(totals['retries'])} retr{'y' if totals['retries'] == 1 else 'ies'}"
        lost = totals["retries_lost_ms"]
        parts.append(f", {again}" + (f" ({_ms(lost)} lost)" if lost is not None else ""))
    return "".join(parts)


def _count(totals: dict[str, Any], thing: str) -> str:
    number = totals[f"{thing}s"]
    return f"{_number(number)} {thing.replace('_', ' ')}{'s' * (number != 1)}"


def _unpriced(row: dict[str, Any]) -> str:
    number = row["unpriced"]
    return f" and {number} exchange{'s' * (number != 1)} of unknown price" if number else ""


def _number(value: Any) -> str:  # a cell: a number, or None where it is not known
    if value is None:
        return "unknown"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _cell(value: Any) -> str:  # any cell
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else " ".join(str(value).split())


def _cost_cell(value: Any) -> str:  # a cell; where nothing was used, there is no cost
    return "-" if value is None else _usd(value)


def _usd(value: Any) -> str:  # a cell
    return "unknown" if value is None else f"${value:,.4f}"


def _ms(value: Any) -> str:  # a cell
    if value is None:
        return "-"
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.1f} s"


_MODEL_COLUMNS = {
    "model": _cell,
    "exchanges": _cell,
    "input_tokens": _cell,
    "cached_tokens": _cell,
    "output_tokens": _cell,
    "reasoning_tokens": _cell,
    "cost_usd": _cost_cell,
    "unpriced": _cell,
    "failed": _cell,
    "latency_p50_ms": _ms,
    "latency_p95_ms": _ms,
    "first_token_p50_ms": _ms,
}
_UPSTREAM_COLUMNS = {
    "upstream": _cell,
    "exchanges": _cell,
    "input_tokens": _cell,
    "cached_tokens": _cell,
    "output_tokens": _cell,
    "cost_usd": _cost_cell,
    "unpriced": _cell,
    "failed": _cell,
    "latency_p50_ms": _ms,
    "latency_p95_ms": _ms,
}
_TOOL_COLUMNS = {
    "name": _cell,
    "type": _cell,
    "calls": _cell,
    "without_output": _cell,
    "errors": _cell,
    "latency_p50_ms": _ms,
}
_ERROR_COLUMNS = {
    "result": _cell,
    "exchanges": _cell,
    "http_status": _cell,
    "error_code": _cell,
    "outcome": _cell,
    "last_message": _cell,
}
_RETRY_COLUMNS = {
    "http_status": _cell,
    "error_code": _cell,
    "outcome": _cell,
    "retries": _cell,
    "succeeded": _cell,
    "lost_ms": _ms,
    "lost_tokens": _cell,
    "lost_usd": _cost_cell,
}
_COMPACTION_COLUMNS = {
    "number": _cell,
    "trigger": _cell,
    "input_items": _cell,
    "output_items": _cell,
    "input_tokens": _cell,
    "output_tokens": _cell,
}
_SHORT = {
    "upstream": "server",
    "exchanges": "calls",
    "input_tokens": "input",
    "cached_tokens": "cached",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
    "cost_usd": "cost",
    "latency_p50_ms": "p50",
    "latency_p95_ms": "p95",
    "first_token_p50_ms": "first token",
    "http_status": "http",
    "error_code": "code",
    "last_message": "last message",
    "without_output": "no output",
    "input_items": "items in",
    "output_items": "items out",
    "number": "exchange",
    "lost_ms": "time lost",
    "lost_tokens": "tokens",
    "lost_usd": "cost",
}
_WRAPPED = frozenset({"last_message", "upstream"})
_LEFT = frozenset(
    {
        *("model", "upstream", "name", "type", "error_code", "outcome"),
        *("last_message", "trigger", "result"),
    }
)


_DROPPED_FIRST = (
    "unpriced",
    "latency_p95_ms",
    "without_output",
    "reasoning_tokens",
    "outcome",
    "errors",
    "failed",
    "result",
    "first_token_p50_ms",
)
"""Columns that go where the terminal is too narrow for all, in this order."""
_SHORTEST_MESSAGE = 24


def _print_table(console: Console, title: str, rows: Rows, columns: dict[str, Any]) -> None:
    columns = dict(columns)
    for name in _DROPPED_FIRST:
        if _width(rows, columns) <= console.width:
            break
        columns.pop(name, None)
    console.print(_table(title, rows, columns))


def _width(rows: Rows, columns: dict[str, Any]) -> int:
    """What the table needs; only messages may be shortened. Between columns stand three blanks."""
    widths = []
    for name, form in columns.items():
        cells = [cell_len(_SHORT.get(name, name)), *(cell_len(form(row[name])) for row in rows)]
        widths.append(min(max(cells), _SHORTEST_MESSAGE) if name in _WRAPPED else max(cells))
    return sum(widths) + 3 * len(widths)


def _table(title: str, rows: Rows, columns: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(
            _SHORT.get(name, name),
            justify="left" if name in _LEFT else "right",
            overflow="fold",
            no_wrap=name not in _WRAPPED,
        )
    for row in rows:
        table.add_row(*(Text(form(row[name])) for name, form in columns.items()))
    return table
