"""The overview: the numbers of `respool stats`, and how they came about over time.

The page arranges what a `Reader` holds. A fragment looks every two seconds whether there is news,
and only then is anything drawn again.
"""

import re
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from analytics.stats import records
from dashboard import charts, tables, theme
from dashboard.reader import ALL_TIME, RANGES, Choice, Reader, Snapshot

Totals = dict[str, Any]  # the row of `totals`: numbers, times in ISO 8601, None where not known

_EVERY_S = 2.0
_ALL_MODELS = "All models"
_MOST_ROWS = 100


def overview(db: Path) -> None:
    """Draw the page for a database."""
    state = st.session_state
    reader: Reader = state.setdefault("reader", Reader(db))
    model = state.get("model", _ALL_MODELS)
    choice = Choice(state.get("range", ALL_TIME), None if model == _ALL_MODELS else model)
    reader.refresh(choice)
    _controls(reader, choice)
    _watch(reader, choice)
    if reader.snapshot is not None:
        _show(reader.snapshot)


def _controls(reader: Reader, choice: Choice) -> None:
    known = reader.snapshot.models if reader.snapshot else []
    models = sorted({*known, *filter(None, [choice.model])})
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {_plain(reader.db.name)}", width="stretch")
        st.segmented_control(
            "Time",
            list(RANGES),
            default=ALL_TIME,
            required=True,
            key="range",
            label_visibility="collapsed",
        )
        st.selectbox(
            "Model", [_ALL_MODELS, *models], key="model", label_visibility="collapsed", width=240
        )


@st.fragment(run_every=_EVERY_S)
def _watch(reader: Reader, choice: Choice) -> None:
    """Look for news, and say quietly why there can be none."""
    if reader.refresh(choice):
        st.rerun()
    if reader.trouble is None:
        return
    shown = reader.snapshot
    kept = (
        f"These are the numbers of {theme.moment(shown.read_at)} ({shown.choice})."
        if shown
        else "The numbers will be here as soon as it can be read."
    )
    st.info(f"{_plain(reader.trouble)}.  \n{_plain(kept)}")


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing to format but code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_\[\]<>$:~#])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _show(snapshot: Snapshot) -> None:
    totals = records(snapshot.stats.totals)[0]
    if not totals["exchanges"]:
        _nothing(snapshot)
        return
    _period(snapshot, totals)
    _headline(totals)
    _charts(snapshot)
    _details(snapshot)


def _nothing(snapshot: Snapshot) -> None:
    if not snapshot.recorded:
        st.markdown("**No exchanges yet.** The numbers come by themselves after an ingest:")
        st.code(
            "respool record --cassette session.jsonl -- python agent.py\n"
            f"respool ingest session.jsonl --db {shlex.quote(str(snapshot.db))}",
            language="shell",
        )
        return
    last = snapshot.recorded_until
    newest = f"; the newest began at {theme.moment(last)}" if last else ""
    recorded = theme.counted(snapshot.recorded, "exchange")
    st.markdown(f"**No exchanges here.** The database has {recorded}{newest}.")


def _period(snapshot: Snapshot, totals: Totals) -> None:
    """Say which stretch of time this is, and what the charts cannot show of it."""
    times = [
        theme.moment(datetime.fromisoformat(totals[name]))
        for name in ("first_at", "last_at")
        if totals[name]
    ]
    text = " to ".join(dict.fromkeys(times))
    if untimed := totals["exchanges"] - int(snapshot.over_time["exchanges"].sum()):
        text += f" {theme.counted(untimed, 'exchange')} without a time: not in the charts."
    st.caption(text)


def _headline(totals: Totals) -> None:
    """The figures, each with what qualifies it."""
    with st.container(horizontal=True, gap="small"):
        _figure(
            "Exchanges",
            theme.count(totals["exchanges"]),
            theme.counted(totals["tool_calls"], "tool call"),
        )
        for label, whole, part, name in (
            ("Input tokens", "input_tokens", "cached_tokens", "cached"),
            ("Output tokens", "output_tokens", "reasoning_tokens", "reasoning"),
        ):
            note = f"{theme.share(totals[part], totals[whole])} {name}"
            _figure(label, theme.count(totals[whole]), note)
        _figure(
            "Cost",
            theme.usd(totals["cost_usd"]),
            _priced(totals),
            "Exchanges that used tokens of unknown price are not in the sum.",
        )
        _figure(
            "Failed",
            theme.count(totals["failed"]),
            f"{theme.count(totals['interrupted'] + totals['unfinished'])} without an end",
            "Answers that were an error or broke off; exchanges that the client or respool ended "
            "early, or that are under way.",
        )
        for label, name in (("Latency, p50", "latency"), ("First token, p50", "first_token")):
            p50, p95 = (theme.duration(totals[f"{name}_{part}_ms"]) for part in ("p50", "p95"))
            _figure(label, p50, f"p95 {p95}")


def _priced(totals: Totals) -> str:
    if totals["unpriced"]:
        return f"{theme.count(totals['unpriced'])} unpriced"
    return "no tokens reported" if totals["cost_usd"] is None else "all priced"


def _figure(label: str, value: str, note: str, explained: str | None = None) -> None:
    st.metric(label, value, note, "off", help=explained, border=True, delta_arrow="off")


def _charts(snapshot: Snapshot) -> None:
    over_time, span = snapshot.over_time, snapshot.span
    drawn = (
        ("Tokens", charts.tokens(over_time, span)),
        ("Cost by model", charts.cost(over_time, span, snapshot.models)),
        ("Exchanges", charts.exchanges(over_time, span)),
        ("Latency", charts.latency(snapshot.latency, span)),
    )
    for row in (drawn[:2], drawn[2:]):
        for column, (title, chart) in zip(st.columns(2, gap="medium"), row, strict=True):
            column.markdown(f"**{title}**")
            column.altair_chart(chart)


def _details(snapshot: Snapshot) -> None:
    stats = snapshot.stats
    _section("Models", stats.by_model, tables.MODELS)
    _section("Tools", stats.by_tool, tables.TOOLS, "No tool was called.")
    _section("Errors", stats.errors, tables.ERRORS, "No exchange failed or was left.")
    _section("Compactions", stats.compactions, tables.COMPACTIONS, "Nothing was compacted.")
    _section("Latest exchanges", tables.with_result(snapshot.latest), tables.LATEST)
    _section("Findings", stats.findings, tables.FINDINGS, "All traffic has the SDK's types.")


def _section(title: str, frame: pd.DataFrame, columns: tables.Columns, none: str = "") -> None:
    more = len(frame) > _MOST_ROWS
    shown = f", {_MOST_ROWS} of {theme.count(len(frame))}" if more else ""
    st.markdown(f"**{title}**{shown}")
    if frame.empty:
        st.caption(none)
    else:
        tables.table(frame.head(_MOST_ROWS), columns)
