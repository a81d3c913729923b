"""Frames into charts over time; nothing here knows Streamlit, so a test can read every chart.

Every chart of a page covers the same `Span`, in UTC, with bars as wide as the stretches that the
queries counted; a tooltip tells all that a stretch has. Where there is nothing to draw the chart
says so, and a value that is not known has no bar and no point.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.span import Span

HEIGHT = 290
OTHER_MODELS = "other models"

Looks = Mapping[str, tuple[str, str]]  # the name and the colour of each kind
Form = Callable[[float | None], str]

_MOST_MARKS = 20  # a mark on every bar says nothing
_TICKS = 5
# The layer that has the axis has the domain too: said twice, it is a conflict to Vega.
_SAME_X = alt.X("at:T", scale=alt.Scale(type="utc"))


def tokens(over_time: pd.DataFrame, span: Span | None) -> alt.LayerChart:
    """Tokens by kind, stacked, and a mark wherever conversations were compacted."""
    long = _long(over_time, theme.KINDS)
    if span is None or long.empty:
        return _nothing("No answer here reports its tokens")
    axis = alt.Axis(format="~s", tickCount=_TICKS)
    layers = [_bars(long, span, theme.KINDS, "tokens", axis, theme.count)]
    compacted = over_time.groupby("begins_at")["compactions"].sum().reset_index()
    compacted = compacted[compacted["compactions"] > 0]
    if 0 < len(compacted) <= _MOST_MARKS:
        layers.append(_compactions(compacted, span))
    return _chart(layers)


def cost(over_time: pd.DataFrame, span: Span | None, models: Iterable[str]) -> alt.LayerChart:
    """Cost by model, stacked, without what has no known price.

    `models` are all that may ever occur, so that each keeps its colour whatever is chosen.
    """
    known = over_time.dropna(subset=["cost_usd"])
    if span is None or known.empty:
        return _nothing("No exchange here has a known price")
    looks = _models(known, models)
    kind = known["model"].where(known["model"].isin(list(looks)), OTHER_MODELS)
    long = known.assign(kind=kind, value=known["cost_usd"])
    long = long.groupby(["begins_at", "kind"])["value"].sum().reset_index()
    axis = alt.Axis(format="$,f", tickCount=_TICKS)
    return _chart([_bars(long, span, looks, "US dollars", axis, theme.usd)])


def exchanges(over_time: pd.DataFrame, span: Span | None) -> alt.LayerChart:
    """Exchanges by how they ended, stacked."""
    succeeded = over_time["exchanges"] - over_time["failures"]
    long = _long(over_time.assign(succeeded=succeeded), theme.RESULTS)
    if span is None or long.empty:
        return _nothing("No exchange here has a time")
    axis = alt.Axis(format="~s", tickCount=_TICKS, tickMinStep=1)
    return _chart([_bars(long, span, theme.RESULTS, "exchanges", axis, theme.count)])


def latency(latency_over_time: pd.DataFrame, span: Span | None) -> alt.LayerChart:
    """Median and 95th percentile of latency, and median time to the first token, as lines."""
    long = latency_over_time.melt("begins_at", list(theme.DURATIONS), "kind", "value").dropna()
    if span is None or long.empty:
        return _nothing("No exchange here was complete")
    told, tooltip = _told(long, span, theme.DURATIONS, theme.duration)
    unit, in_ms = ("seconds", 1000) if told["value"].max() >= 2000 else ("milliseconds", 1)
    points = alt.Chart(told.assign(value=told["value"] / in_ms, at=_middles(told, span)))
    y = alt.Y("value:Q", title=unit, axis=alt.Axis(format="~s", tickCount=_TICKS))
    colour = _colour(theme.DURATIONS)
    return _chart(
        [
            points.mark_line(strokeWidth=1.5).encode(x=_x("at", span), y=y, color=colour),
            points.mark_circle(size=24, opacity=1).encode(
                x=_SAME_X, y=y, color=colour, tooltip=tooltip
            ),
        ]
    )


def _long(wide: pd.DataFrame, kinds: Looks) -> pd.DataFrame:
    """One row for each stretch and kind that has any, over all models."""
    long = wide.melt("begins_at", list(kinds), "kind", "value").dropna()
    long = long.groupby(["begins_at", "kind"])["value"].sum().astype(float).reset_index()
    return long[long["value"] > 0]


def _models(known: pd.DataFrame, models: Iterable[str]) -> Looks:
    """The models to draw: all, or those of the highest cost and one for the others."""
    costs = known.groupby("model")["cost_usd"].sum()
    palette = len(theme.MODELS)
    drawn = costs if len(costs) <= palette else costs.nlargest(palette - 1)
    colours = {name: theme.MODELS[place % palette] for place, name in enumerate(sorted(models))}
    looks = {str(name): (str(name), colours.get(str(name), theme.OTHER)) for name in drawn.index}
    looks = dict(sorted(looks.items()))
    return (
        looks if len(drawn) == len(costs) else looks | {OTHER_MODELS: (OTHER_MODELS, theme.OTHER)}
    )


def _bars(
    long: pd.DataFrame, span: Span, looks: Looks, unit: str, axis: alt.Axis, form: Form
) -> alt.Chart:
    """Stacked bars, the first of `looks` on the axis."""
    place = long["kind"].map({kind: place for place, kind in enumerate(looks)})
    told, tooltip = _told(long.iloc[place.argsort(kind="stable")], span, looks, form)
    told["top"] = told.groupby("begins_at")["value"].cumsum()
    told["bottom"] = told["top"] - told["value"]
    told["ends_at"] = told["begins_at"] + timedelta(seconds=span.bucket_s)
    bars: alt.Chart = (
        alt.Chart(told)
        .mark_rect(x2Offset=-1)
        .encode(
            x=_x("begins_at", span),
            x2="ends_at:T",
            y=alt.Y("top:Q", title=unit, axis=axis, scale=alt.Scale(nice=True, zero=True)),
            y2="bottom:Q",
            color=_colour(looks),
            tooltip=tooltip,
        )
    )
    return bars


def _compactions(compacted: pd.DataFrame, span: Span) -> alt.Chart:
    told = compacted.assign(
        at=_middles(compacted, span),
        time=[span.in_words(time) for time in compacted["begins_at"]],
        compactions=compacted["compactions"].map(theme.count),
        mark="compacted",
    )
    marks: alt.Chart = (
        alt.Chart(told)
        .mark_point(size=40, filled=True, color=theme.MARK, opacity=1)
        .encode(
            x=_SAME_X,
            y=alt.value(3),
            shape=alt.Shape(
                "mark:N",
                title=None,
                scale=alt.Scale(domain=["compacted"], range=["triangle-down"]),
                legend=alt.Legend(
                    orient="top", offset=12, padding=0, labelPadding=3, symbolFillColor=theme.MARK
                ),
            ),
            tooltip=[alt.Tooltip("time:N", title="time"), alt.Tooltip("compactions:N")],
        )
    )
    return marks


def _told(
    long: pd.DataFrame, span: Span, looks: Looks, form: Form
) -> tuple[pd.DataFrame, list[alt.Tooltip]]:
    """The rows with their kinds by name and, as text, all that their stretch has; the tooltip."""
    wide = long.pivot_table("value", "begins_at", "kind")
    text = pd.DataFrame({"time": [span.in_words(time) for time in wide.index]}, index=wide.index)
    tooltip = [alt.Tooltip("time:N", title="time")]
    # A model's name may hold what Vega reads as a path, so the columns are numbered.
    for place, kind in enumerate(kind for kind in looks if kind in wide):
        text[f"text{place}"] = ["-" if pd.isna(value) else form(value) for value in wide[kind]]
        tooltip.append(alt.Tooltip(f"text{place}:N", title=looks[kind][0]))
    names = long["kind"].map({kind: name for kind, (name, _) in looks.items()})
    return long.assign(kind=names).join(text, on="begins_at"), tooltip


def _middles(frame: pd.DataFrame, span: Span) -> "pd.Series[pd.Timestamp]":
    return frame["begins_at"] + timedelta(seconds=span.bucket_s / 2)


def _x(field: str, span: Span) -> alt.X:
    """The time axis, which names its day or days."""
    return alt.X(
        f"{field}:T",
        title=span.title,
        scale=alt.Scale(type="utc", domain=span.domain),
        axis=alt.Axis(
            format=span.clock,
            tickCount=4,
            grid=False,
            labelPadding=6,
            titlePadding=6,
        ),
    )


def _colour(looks: Looks) -> alt.Color:
    names, colours = zip(*looks.values(), strict=True)
    return alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=list(names), range=list(colours)),
        legend=alt.Legend(
            orient="top",
            columns=2,
            offset=12,
            padding=0,
            symbolType="square",
            symbolSize=80,
            symbolStrokeWidth=0,
            labelPadding=3,
            labelLimit=220,
        ),
    )


def _nothing(message: str) -> alt.LayerChart:
    words = alt.Chart(pd.DataFrame({"message": [message]}))
    return _chart([words.mark_text(color=theme.MARK, fontSize=14).encode(text="message:N")])


def _chart(layers: Sequence[alt.Chart]) -> alt.LayerChart:
    """Layers, even if it is one: a chart without has more room above its legend."""
    return alt.LayerChart(layer=list(layers), height=HEIGHT)
