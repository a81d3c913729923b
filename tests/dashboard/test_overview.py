"""The page as Streamlit runs it: what it shows, empty, narrowed, and beside another process."""

import sys
from pathlib import Path

import duckdb
import pytest
from databases import TRAFFIC, held, make_db
from streamlit.testing.v1 import AppTest

import dashboard

APP = Path(dashboard.__file__).with_name("app.py")
CHART = "vega_lite_chart"


def page(db: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app on a database, run once without an exception."""
    monkeypatch.setattr(sys, "argv", [str(APP), str(db)])
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not app.exception
    return app


def figures(app: AppTest) -> dict[str, tuple[str, str]]:
    """The headline: each figure with its note."""
    return {metric.label: (metric.value, metric.delta) for metric in app.metric}


def titles(app: AppTest) -> list[str]:
    """What stands above the charts and tables."""
    return [text.value.strip("*") for text in app.markdown if text.value.startswith("**")]


def test_it_shows_the_numbers_of_stats(traffic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The headline has the totals, and says what is not in them."""
    app = page(traffic, monkeypatch)
    assert figures(app) == {
        "Exchanges": ("6", "1 tool call"),
        "Input tokens": ("1,200", "15% cached"),
        "Output tokens": ("110", "14% reasoning"),
        "Cost": ("$0.0018", "2 unpriced"),
        "Failed": ("1", "1 without an end"),
        "Latency, p50": ("30 ms", "p95 50 ms"),
        "First token, p50": ("30 ms", "p95 30 ms"),
    }
    assert len(app.get(CHART)) == 4
    assert titles(app) == [
        *("Tokens", "Cost by model", "Exchanges", "Latency"),
        *("Models", "Tools", "Errors", "Compactions", "Latest exchanges", "Findings"),
    ]


def test_tables_hold_what_they_name(traffic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table has its rows, and the newest exchanges say how they ended."""
    models, tools, errors, compactions, latest, _ = [
        table.value for table in page(traffic, monkeypatch).dataframe
    ]
    assert list(models["model"]) == ["gpt-5.1-2025-11-13", "gpt-5.1", "llama"]
    assert list(tools["name"]) == ["get_weather"]
    assert list(errors["error_code"].dropna()) == ["too_fast"]
    assert list(compactions["number"]) == [5]
    assert list(latest["result"]) == [
        *("client_gone", "HTTP 200", "completed", "too_fast", "completed", "completed"),
    ]


def test_an_empty_database_says_what_to_do(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first exchange the page says how one gets there, and draws no empty charts."""
    app = page(empty, monkeypatch)
    assert any("No exchanges yet" in text.value for text in app.markdown)
    assert f"respool ingest session.jsonl --db {empty}" in app.code[0].value
    assert not app.metric
    assert not app.get(CHART)


def test_it_fills_by_itself(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an ingest adds is there when the page looks next."""
    app = page(empty, monkeypatch)
    make_db(tmp_path, *TRAFFIC)
    assert figures(app.run())["Exchanges"] == ("6", "1 tool call")
    assert not app.code


def test_a_model_can_be_chosen(traffic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choosing a model narrows the page; where no price is known the cost is called unknown."""
    app = page(traffic, monkeypatch)
    app.selectbox(key="model").select("llama").run()
    assert not app.exception
    assert figures(app)["Exchanges"] == ("1", "0 tool calls")
    assert figures(app)["Cost"] == ("unknown", "1 unpriced")
    assert "No tool was called." in [text.value for text in app.caption]
    app.selectbox(key="model").select("All models").run()
    assert figures(app)["Exchanges"] == ("6", "1 tool call")


@pytest.mark.usefixtures("impatient")
def test_a_range_without_exchanges_says_so(traffic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A range that nothing falls into tells what there is beyond it."""
    with duckdb.connect(traffic) as connection:
        connection.execute("UPDATE exchanges SET started_at = '2026-01-02 03:04:05Z'")
    app = page(traffic, monkeypatch)
    app.segmented_control(key="range").select("Last hour").run()
    assert not app.exception
    (said,) = [text.value for text in app.markdown if "No exchanges here" in text.value]
    assert "has 6 exchanges; the newest began at 2026-01-02 03:04:05 UTC" in said


def test_exchanges_without_a_time_are_mentioned(
    traffic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exchanges that no chart can place are counted, and said to be missing from the charts."""
    with duckdb.connect(traffic) as connection:
        connection.execute("UPDATE exchanges SET started_at = NULL")
    app = page(traffic, monkeypatch)
    assert figures(app)["Exchanges"] == ("6", "1 tool call")
    assert "6 exchanges without a time: not in the charts." in app.caption[0].value


@pytest.mark.usefixtures("impatient")
def test_beside_a_writer_the_numbers_stay(traffic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds the file a quiet note names it, and the last numbers stay."""
    app = page(traffic, monkeypatch)
    before = figures(app)
    with held(traffic) as pid:
        app.run()
        assert not app.exception
        assert f"held open by process {pid}" in app.info[0].value
        assert "These are the numbers of" in app.info[0].value
        assert figures(app) == before
    app.run()
    assert not app.info
    assert figures(app) == before


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_was_there_first(traffic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is opened while the file is held has a note and no numbers, until it is free."""
    with held(traffic):
        app = page(traffic, monkeypatch)
        assert "as soon as it can be read" in app.info[0].value
        assert not app.metric
    assert figures(app.run())["Exchanges"] == ("6", "1 tool call")


@pytest.mark.usefixtures("impatient")
def test_a_missing_file_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is deleted under the page is told of as the command would."""
    db = tmp_path / "not_*there*.duckdb"
    said = page(db, monkeypatch).info[0].value
    assert r"not\_\*there\*.duckdb; make it with" in said
    assert f"`respool ingest CASSETTE --db {db}`" in said


def test_errors_alone_have_no_known_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no exchange reports tokens, tokens and cost are unknown and not zero."""
    app = page(make_db(tmp_path, *TRAFFIC[2:3]), monkeypatch)
    shown = figures(app)
    assert shown["Input tokens"] == ("unknown", "unknown cached")
    assert shown["Cost"] == ("unknown", "no tokens reported")
    assert shown["Failed"] == ("1", "0 without an end")
    assert len(app.get(CHART)) == 4
