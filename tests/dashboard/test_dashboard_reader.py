"""Reading for the page: the numbers of `respool stats`, narrowed, and kept while locked."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from databases import TRAFFIC, held, make_db
from tapes import Told, response

from analytics.stats import Stats, load_stats
from dashboard import reader
from dashboard.reader import RANGES, Choice, Reader, load


def begin_earlier(db: Path, number: int, by: timedelta) -> None:
    """Move an exchange back in time."""
    with duckdb.connect(db) as connection:
        connection.execute(
            "UPDATE exchanges SET started_at = started_at - ? WHERE number = ?", [by, number]
        )


def test_it_has_the_numbers_of_stats(traffic: Path) -> None:
    """With nothing chosen, every frame equals what `respool stats` prints."""
    shown, printed = load(traffic, Choice()).stats, load_stats(traffic)
    for name in Stats.__dataclass_fields__:
        pd.testing.assert_frame_equal(getattr(shown, name), getattr(printed, name))


def test_charts_add_up_to_the_totals(traffic: Path) -> None:
    """What is drawn over time is, added up, what the headline says."""
    shown = load(traffic, Choice())
    totals, over_time = shown.stats.totals.iloc[0], shown.over_time
    assert over_time["exchanges"].sum() == totals["exchanges"] == 6
    given = over_time["uncached_tokens"].sum() + over_time["cached_tokens"].sum()
    made = over_time["answer_tokens"].sum() + over_time["reasoning_tokens"].sum()
    assert (given, made) == (totals["input_tokens"], totals["output_tokens"])
    assert over_time["cost_usd"].sum() == pytest.approx(totals["cost_usd"])
    assert over_time["compactions"].sum() == totals["compactions"] == 1
    assert over_time["failures"].sum() == totals["failed"] == 1


def test_a_model_narrows_everything(traffic: Path) -> None:
    """With a model chosen, all numbers are those of its exchanges, and all models stay in reach."""
    shown = load(traffic, Choice(model="gpt-5.1"))
    totals = shown.stats.totals.iloc[0]
    assert set(shown.stats.by_model["model"]) == set(shown.latest["model"]) == {"gpt-5.1"}
    assert (totals["exchanges"], totals["failed"], totals["compactions"]) == (2, 1, 1)
    assert (totals["tool_calls"], len(shown.stats.by_tool)) == (0, 0)
    assert (len(shown.stats.errors), len(shown.stats.compactions)) == (1, 1)
    assert shown.over_time["exchanges"].sum() == 2
    everything = load(traffic, Choice())
    assert 0 < totals["findings"] < len(everything.stats.findings)
    assert shown.models == everything.models == ["gpt-5.1", "gpt-5.1-2025-11-13", "llama"]


def test_narrowing_keeps_every_number(traffic: Path) -> None:
    """A range that holds all exchanges gives the same numbers as no range."""
    narrowed, everything = load(traffic, Choice("Last hour")), load(traffic, Choice())
    for name in Stats.__dataclass_fields__:
        pd.testing.assert_frame_equal(
            getattr(narrowed.stats, name), getattr(everything.stats, name)
        )
    pd.testing.assert_frame_equal(narrowed.latest, everything.latest)
    pd.testing.assert_frame_equal(narrowed.over_time, everything.over_time)


@pytest.mark.parametrize(
    ("chosen", "exchanges"),
    [("Last hour", 4), ("Last 24 hours", 5), ("Last 7 days", 5), ("All time", 6)],
)
def test_a_range_narrows_everything(traffic: Path, chosen: str, exchanges: int) -> None:
    """With a range chosen, what began before it counts nowhere."""
    begin_earlier(traffic, 1, timedelta(days=8))
    begin_earlier(traffic, 4, timedelta(hours=2))
    shown = load(traffic, Choice(chosen))
    assert shown.stats.totals["exchanges"][0] == exchanges
    assert len(shown.latest) == shown.over_time["exchanges"].sum() == exchanges
    assert len(shown.stats.by_tool) == (1 if chosen == "All time" else 0)
    assert shown.recorded == 6


def test_usage_that_is_fetched_again_counts_once(tmp_path: Path) -> None:
    """Neither the whole nor a range adds up an answer's tokens again when it is fetched later."""
    made = Told(answer=response(1))
    fetched = Told(method="GET", path="/v1/responses/resp_1", request=b"", answer=response(1))
    db = make_db(tmp_path, made, fetched)
    begin_earlier(db, 1, timedelta(hours=2))
    assert load(db, Choice()).stats.totals["input_tokens"][0] == 100
    assert load(db, Choice()).over_time["cached_tokens"].sum() == 60
    last_hour = load(db, Choice("Last hour"))
    assert last_hour.stats.totals["exchanges"][0] == 1
    assert pd.isna(last_hour.stats.totals["input_tokens"][0])


def test_an_empty_database_is_read(empty: Path) -> None:
    """Without a single exchange every frame is there, and empty."""
    shown = load(empty, Choice("Last hour", "gpt-5.1"))
    assert (shown.recorded, shown.recorded_until, shown.models, shown.span) == (0, None, [], None)
    assert shown.over_time.empty
    assert shown.latency.empty
    assert shown.latest.empty


def test_only_news_is_read(traffic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is opened again only when it or what was asked for has changed."""
    opened = []
    monkeypatch.setattr(
        reader, "load", lambda db, choice: opened.append(choice) or load(db, choice)
    )
    page = Reader(traffic)
    assert [page.refresh(Choice()) for _ in range(3)] == [True, False, False]
    assert page.refresh(Choice(model="llama"))
    os.utime(traffic)
    assert page.refresh(Choice(model="llama"))
    assert len(opened) == 3


def test_it_sees_what_an_ingest_adds(tmp_path: Path, empty: Path) -> None:
    """The numbers grow with the database."""
    page = Reader(empty)
    page.refresh(Choice())
    assert page.snapshot is not None
    assert page.snapshot.recorded == 0
    make_db(tmp_path, *TRAFFIC)
    assert page.refresh(Choice())
    assert page.snapshot.recorded == 6


@pytest.mark.usefixtures("impatient")
def test_a_lock_keeps_the_last_numbers(traffic: Path) -> None:
    """While another process holds the file the last numbers stay, and that is told once."""
    page = Reader(traffic)
    page.refresh(Choice())
    before = page.snapshot
    with held(traffic) as pid:
        assert page.refresh(Choice())
        assert page.trouble is not None
        assert f"held open by process {pid}" in page.trouble
        assert page.snapshot is before
        assert not page.refresh(Choice())
    assert page.refresh(Choice())
    assert page.trouble is None


@pytest.mark.usefixtures("impatient")
def test_a_file_that_goes_away_keeps_the_last_numbers(traffic: Path) -> None:
    """A database that is deleted is told of, and read again when it is back."""
    page = Reader(traffic)
    page.refresh(Choice())
    moved = traffic.rename(traffic.with_suffix(".away"))
    assert page.refresh(Choice())
    assert "there is no database" in str(page.trouble)
    assert page.snapshot is not None
    moved.rename(traffic)
    assert page.refresh(Choice())
    assert page.trouble is None


def test_a_failure_is_not_repeated_at_once(tmp_path: Path) -> None:
    """After a failure the file is left alone for a moment, however often the page is drawn."""
    page = Reader(tmp_path / "none.duckdb")
    assert page.refresh(Choice())
    (tmp_path / "none.duckdb").write_bytes(b"x")
    assert not page.refresh(Choice())
    assert "there is no database" in str(page.trouble)


def test_ranges_end_now(traffic: Path) -> None:
    """A range reaches back from the moment of reading, not from the newest exchange."""
    begin_earlier(traffic, 6, timedelta(days=1))
    shown = load(traffic, Choice("Last hour"))
    assert RANGES["Last hour"] == timedelta(hours=1)
    assert datetime.now(UTC) - shown.read_at < timedelta(minutes=1)
    assert shown.stats.totals["exchanges"][0] == 5
