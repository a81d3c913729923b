"""The tables under the charts: which columns, under which names, in which units.

Cells stay numbers, so that a column sorts as such; one whose value is not known shows a dash.
"""

from collections.abc import Mapping

import pandas as pd
import streamlit as st
from streamlit.column_config import Column, DatetimeColumn, NumberColumn
from streamlit.elements.lib.column_types import ColumnConfig

Columns = Mapping[str, ColumnConfig]

_NOT_KNOWN = "\N{EN DASH}"


def _count(label: str, note: str | None = None) -> ColumnConfig:
    return NumberColumn(label, help=note, format="%,d")


def _usd(label: str, note: str | None = None) -> ColumnConfig:
    return NumberColumn(label, help=note, format="$%,.4f")


def _ms(label: str, note: str | None = None) -> ColumnConfig:
    return NumberColumn(f"{label}, ms", help=note, format="%,.0f")


def _time(label: str) -> ColumnConfig:
    return DatetimeColumn(f"{label}, UTC", format="YYYY-MM-DD HH:mm:ss", timezone="UTC")


_TOKENS: Columns = {
    "input_tokens": _count("Input"),
    "cached_tokens": _count("Cached", "Of the input"),
    "output_tokens": _count("Output"),
    "reasoning_tokens": _count("Reasoning", "Of the output"),
}
MODELS: Columns = {
    "model": Column("Model", width="medium"),
    "exchanges": _count("Exchanges"),
    **_TOKENS,
    "cost_usd": _usd("Cost"),
    "unpriced": _count("Unpriced", "Exchanges that used tokens of unknown price"),
    "failed": _count("Failed", "Answers that were an error or broke off"),
    "latency_p50_ms": _ms("Latency p50"),
    "latency_p95_ms": _ms("Latency p95"),
    "first_token_p50_ms": _ms("First token p50"),
}
TOOLS: Columns = {
    "name": Column("Tool"),
    "type": Column("Type"),
    "calls": _count("Calls"),
    "errors": _count("Errors"),
    "without_output": _count("No output", "Calls whose output no later request brought"),
    "latency_p50_ms": _ms("Latency p50", "From the end of the answer to the next request"),
    "latency_p95_ms": _ms("Latency p95", "From the end of the answer to the next request"),
}
ERRORS: Columns = {
    "exchanges": _count("Exchanges"),
    "http_status": NumberColumn("HTTP", format="%d", width="small"),
    "error_code": Column("Code"),
    "outcome": Column("Outcome"),
    "last_at": _time("Last"),
    "last_message": Column("Last message", width="large"),
}
COMPACTIONS: Columns = {
    "started_at": _time("Began"),
    "number": _count("Exchange"),
    "model": Column("Model"),
    "trigger": Column("Trigger"),
    "input_items": _count("Items in"),
    "output_items": _count("Items out"),
    "input_tokens": _count("Input tokens"),
    "output_tokens": _count("Output tokens"),
    "cost_usd": _usd("Cost"),
    "duration_ms": _ms("Latency"),
}
LATEST: Columns = {
    "started_at": _time("Began"),
    "number": _count("Exchange"),
    "endpoint": Column("Endpoint"),
    "model": Column("Model"),
    "result": Column("Result"),
    "input_items": _count("Items in"),
    "added_items": _count("Added", "Items that the exchange before it did not have"),
    **_TOKENS,
    "cost_usd": _usd("Cost"),
    "duration_ms": _ms("Latency"),
    "first_token_ms": _ms("First token"),
}
FINDINGS: Columns = {
    "exchanges": _count("Exchanges"),
    "kind": Column("Finding"),
    "place": Column("In"),
    "type": Column("Type"),
    "path": Column("Path"),
    "shape": Column("Found"),
}


def table(frame: pd.DataFrame, columns: Columns) -> None:
    """Show these columns of a frame, in their order."""
    st.dataframe(
        frame,
        column_order=list(columns),
        column_config=dict(columns),
        hide_index=True,
        placeholder=_NOT_KNOWN,
    )


def with_result(exchanges: pd.DataFrame) -> pd.DataFrame:
    """The newest exchanges with how each ended: what went wrong, or the status of the response."""
    http = "HTTP " + exchanges["http_status"].astype("string")
    broken = exchanges["outcome"].where(exchanges["outcome"] != "complete")
    error = exchanges["error_code"].fillna(http).where(exchanges["result"] == "failed")
    return exchanges.assign(result=error.fillna(broken).fillna(exchanges["status"]).fillna(http))
