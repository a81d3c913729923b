"""How time is cut into bars and written, from a fraction of a second to years."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from dashboard.span import Span, bucket_s

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def span(width_s: float, bars: int) -> Span:
    """A span over so many bars from noon on."""
    times = [NOON + timedelta(seconds=place * width_s) for place in range(bars)]
    found = Span.of(pd.DataFrame({"begins_at": times}), width_s)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("whole", "width_s"),
    [
        (timedelta(), 0.05),
        (timedelta(seconds=2), 0.05),
        (timedelta(seconds=20), 0.5),
        (timedelta(minutes=10), 10),
        (timedelta(hours=1), 60),
        (timedelta(days=1), 1800),
        (timedelta(days=30), 43_200),
        (timedelta(days=365), 604_800),
        (timedelta(days=36_500), 28 * 86_400),
    ],
)
def test_width_of_a_bar(whole: timedelta, width_s: float) -> None:
    """A bar is as narrow as it can be with at most 60 of them."""
    assert bucket_s(whole) == width_s


def test_one_exchange_is_one_bar() -> None:
    """A single bar stands in the middle of a time that is much wider than itself."""
    found = span(1, 1)
    assert found.ends_at - found.begins_at == timedelta(seconds=16)
    assert found.begins_at + timedelta(seconds=7.5) == NOON


def test_many_bars_fill_the_width() -> None:
    """Where there are bars enough, the axis begins and ends with them."""
    found = span(60, 30)
    assert (found.begins_at, found.ends_at) == (NOON, NOON + timedelta(minutes=30))


def test_nothing_has_no_span() -> None:
    """Without a single stretch there is no time to show."""
    assert Span.of(pd.DataFrame({"begins_at": []}), 1) is None


@pytest.mark.parametrize(
    ("width_s", "bars", "clock", "words", "title"),
    [
        (
            *(0.05, 40, "%H:%M:%S.%L"),
            *("01 Mar 2026 12:00:00.00 to 12:00:00.05 UTC", "01 Mar 2026, UTC"),
        ),
        (
            *(1, 60, "%H:%M:%S"),
            *("01 Mar 2026 12:00:00 to 12:00:01 UTC", "01 Mar 2026, UTC"),
        ),
        (
            *(1800, 48, "%H:%M"),
            *("01 Mar 2026 12:00 to 12:30 UTC", "01 Mar 2026 to 02 Mar 2026, UTC"),
        ),
        (*(86_400, 30, "%d %b"), *("01 Mar 2026, UTC", "01 Mar 2026 to 31 Mar 2026, UTC")),
        (
            *(604_800, 52, "%b %Y"),
            *("01 Mar 2026 to 07 Mar 2026, UTC", "01 Mar 2026 to 28 Feb 2027, UTC"),
        ),
    ],
)
def test_times_are_written_to_fit(
    width_s: float, bars: int, clock: str, words: str, title: str
) -> None:
    """The axis and the tooltips name seconds, hours or days, as the bars have it, in UTC."""
    found = span(width_s, bars)
    assert (found.clock, found.in_words(NOON), found.title) == (clock, words, title)
