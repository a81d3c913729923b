"""Charts, read as the data that they are: what is drawn, in which colours, and what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import pytest

from dashboard import charts, theme
from dashboard.span import Span

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = ("uncached_tokens", "cached_tokens", "answer_tokens", "reasoning_tokens")


def over_time(*rows: tuple[int, str, int, int, int, list[int | None], float | None]):
    """An answer of `over_time`: minute, model, exchanges, failures, compactions, tokens, cost."""
    table = [
        {
            "begins_at": NOON + timedelta(minutes=minute),
            "model": model,
            "exchanges": exchanges,
            "failures": failures,
            "compactions": compactions,
            **dict(zip(COLUMNS, tokens, strict=True)),
            "cost_usd": cost,
        }
        for minute, model, exchanges, failures, compactions, tokens, cost in rows
    ]
    counts = dict.fromkeys(["exchanges", "failures", "compactions", *COLUMNS], "Int64")
    types = {"begins_at": "datetime64[us, UTC]", "model": "str", "cost_usd": "float64"}
    names = ["begins_at", "model", *counts, "cost_usd"]
    return pd.DataFrame(table, columns=names).astype({**types, **counts})


def latency_over_time(*rows: tuple[int, float | None, float | None, float | None]):
    """An answer of `latency_over_time`: minute, p50, p95, first token."""
    names = ["begins_at", "latency_p50_ms", "latency_p95_ms", "first_token_p50_ms"]
    table = [(NOON + timedelta(minutes=minute), *values) for minute, *values in rows]
    frame = pd.DataFrame(table, columns=names)
    return frame.astype({"begins_at": "datetime64[us, UTC]", **dict.fromkeys(names[1:], "float64")})


def span(frame: pd.DataFrame) -> Span | None:
    return Span.of(frame, 60)


def drawn(chart: alt.LayerChart, layer: int = 0) -> list[dict[str, Any]]:
    """The rows of a layer, after the chart has been checked against Vega-Lite's schema."""
    spec = chart.to_dict()
    data = spec["layer"][layer].get("data") or spec["data"]
    rows: list[dict[str, Any]] = spec["datasets"][data["name"]]
    return rows


def words(chart: alt.LayerChart) -> list[str]:
    """What a chart without data says."""
    return [row["message"] for row in drawn(chart)]


def colours(chart: alt.LayerChart) -> dict[str, str]:
    """The legend."""
    scale = chart.to_dict()["layer"][0]["encoding"]["color"]["scale"]
    return dict(zip(scale["domain"], scale["range"], strict=True))


def tooltip(chart: alt.LayerChart, row: dict[str, Any], layer: int = 0) -> dict[str, str]:
    """What a bar says of itself."""
    parts = chart.to_dict()["layer"][layer]["encoding"]["tooltip"]
    return {part.get("title", part["field"]): row[part["field"]] for part in parts}


TRAFFIC = over_time(
    (0, "a", 3, 1, 0, [100, 50, 20, 10], 0.5),
    (0, "b", 1, 0, 0, [1000, 0, 0, 0], None),
    (2, "a", 1, 0, 2, [10, None, None, None], 0.25),
)


def test_tokens_are_stacked_by_kind() -> None:
    """Kinds stand on each other in their order, added up over models; zeros and unknowns do not."""
    rows = drawn(charts.tokens(TRAFFIC, span(TRAFFIC)))
    assert [(row["kind"], row["bottom"], row["top"]) for row in rows] == [
        ("uncached input", 0, 1100),
        ("uncached input", 0, 10),
        ("cached input", 1100, 1150),
        ("answer", 1150, 1170),
        ("reasoning", 1170, 1180),
    ]
    assert colours(charts.tokens(TRAFFIC, span(TRAFFIC))) == dict(theme.KINDS.values())


def test_tooltip_tells_the_whole_stretch() -> None:
    """Any part of a bar tells its time in UTC and all of its kinds, with thousands separated."""
    chart = charts.tokens(TRAFFIC, span(TRAFFIC))
    assert tooltip(chart, drawn(chart)[0]) == {
        "time": "01 Mar 2026 12:00 to 12:01 UTC",
        "uncached input": "1,100",
        "cached input": "50",
        "answer": "20",
        "reasoning": "10",
    }


def test_compactions_are_marked() -> None:
    """A mark stands in the middle of a stretch in which a conversation was compacted."""
    chart = charts.tokens(TRAFFIC, span(TRAFFIC))
    (mark,) = drawn(chart, 1)
    assert mark["at"].startswith("2026-03-01T12:02:30")
    assert tooltip(chart, mark, 1)["compactions"] == "2"


def test_marks_on_every_bar_are_left_out() -> None:
    """Where compactions are everywhere, marks would say nothing, and there are none."""
    busy = over_time(*[(minute, "a", 1, 0, 1, [10, 0, 0, 0], 0.1) for minute in range(30)])
    assert len(charts.tokens(busy, span(busy)).layer) == 1


def test_cost_leaves_out_what_is_not_known() -> None:
    """An exchange without a known price has no bar, and its model no place in the legend."""
    chart = charts.cost(TRAFFIC, span(TRAFFIC), ["a", "b"])
    assert [(row["kind"], row["top"]) for row in drawn(chart)] == [("a", 0.5), ("a", 0.25)]
    assert list(colours(chart)) == ["a"]
    assert tooltip(chart, drawn(chart)[0])["a"] == "$0.5000"


def test_a_model_keeps_its_colour() -> None:
    """A model has the same colour whichever others are there."""
    both = over_time((0, "a", 1, 0, 0, [1, 0, 0, 0], 1.0), (0, "b.1", 1, 0, 0, [1, 0, 0, 0], 2.0))
    alone = both[both["model"] == "b.1"]
    together = colours(charts.cost(both, span(both), ["a", "b.1"]))
    assert colours(charts.cost(alone, span(alone), ["a", "b.1"]))["b.1"] == together["b.1"]
    assert together["a"] != together["b.1"]


def test_many_models_become_one() -> None:
    """Beyond as many models as there are colours, those that cost least are drawn together."""
    rows = [(0, f"m{place:02}", 1, 0, 0, [1, 0, 0, 0], place + 1.0) for place in range(12)]
    frame = over_time(*rows)
    chart = charts.cost(frame, span(frame), frame["model"])
    assert list(colours(chart))[-1] == charts.OTHER_MODELS
    assert len(colours(chart)) == len(theme.MODELS)
    others = [row["value"] for row in drawn(chart) if row["kind"] == charts.OTHER_MODELS]
    assert others == [1 + 2 + 3 + 4 + 5]


def test_exchanges_by_result() -> None:
    """Failures stand in their own colour on what succeeded."""
    chart = charts.exchanges(TRAFFIC, span(TRAFFIC))
    assert [(row["kind"], row["bottom"], row["top"]) for row in drawn(chart)] == [
        ("succeeded", 0, 3),
        ("succeeded", 0, 1),
        ("failed or broken off", 3, 4),
    ]


@pytest.mark.parametrize(
    ("factor", "unit", "value"), [(1, "milliseconds", 90.0), (100, "seconds", 9.0)]
)
def test_latency_has_a_fitting_unit(factor: int, unit: str, value: float) -> None:
    """Durations are drawn in ms, or in seconds where they are long; tooltips say which."""
    frame = latency_over_time((0, 50.0 * factor, 90.0 * factor, None), (1, 40.0 * factor, None, 5))
    chart = charts.latency(frame, span(frame))
    assert chart.to_dict()["layer"][0]["encoding"]["y"]["title"] == unit
    rows = drawn(chart)
    assert len(rows) == 4
    assert {row["value"] for row in rows if row["kind"] == "latency p95"} == {value}
    told = tooltip(chart, rows[0], 1)
    assert told["latency p50"] == ("50 ms" if factor == 1 else "5.00 s")
    assert told["first token p50"] == "-"


def test_all_charts_share_the_time_axis() -> None:
    """Charts of one page begin and end at the same time, in UTC, and say so."""
    shared = span(TRAFFIC)
    axes = [
        chart.to_dict()["layer"][0]["encoding"]["x"]
        for chart in (
            charts.tokens(TRAFFIC, shared),
            charts.cost(TRAFFIC, shared, ["a"]),
            charts.exchanges(TRAFFIC, shared),
            charts.latency(latency_over_time((0, 1.0, 1.0, 1.0)), shared),
        )
    ]
    assert all(axis["scale"] == axes[0]["scale"] for axis in axes)
    assert axes[0]["scale"]["type"] == "utc"
    assert axes[0]["title"] == "01 Mar 2026, UTC"


def test_nothing_recorded_is_said() -> None:
    """Without data a chart says what is missing, in place of empty axes."""
    nothing = over_time()
    said = [
        *words(charts.tokens(nothing, None)),
        *words(charts.cost(nothing, None, [])),
        *words(charts.exchanges(nothing, None)),
        *words(charts.latency(latency_over_time(), None)),
    ]
    assert said == [
        "No answer here reports its tokens",
        "No exchange here has a known price",
        "No exchange here has a time",
        "No exchange here was complete",
    ]


def test_unknown_is_not_drawn_as_nothing() -> None:
    """Exchanges whose tokens and price are not known say so, and are exchanges all the same."""
    frame = over_time((0, "a", 2, 2, 0, [None] * 4, None))
    assert words(charts.tokens(frame, span(frame))) == ["No answer here reports its tokens"]
    assert words(charts.cost(frame, span(frame), ["a"])) == ["No exchange here has a known price"]
    assert [row["top"] for row in drawn(charts.exchanges(frame, span(frame)))] == [2]
