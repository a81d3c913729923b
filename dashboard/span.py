"""The stretch of time that the charts of a page share, and how it is cut and written.

Times are UTC and say so. How wide a bar is follows from how long the whole is: a demo of two
seconds and a month of work both fill the page.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import altair as alt
import pandas as pd

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WIDTHS_S = (
    *(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    *(_MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 7 * _DAY, 28 * _DAY),
)
_MOST_BARS = 60
_FEWEST_BARS = 16  # a single exchange is a bar, not a wall


def bucket_s(whole: timedelta) -> float:
    """The width of a bar in seconds: the least with which at most 60 cover the whole."""
    seconds = whole.total_seconds()
    return next((width for width in _WIDTHS_S if seconds / width <= _MOST_BARS), _WIDTHS_S[-1])


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when the charts go, and the width of a bar in seconds."""

    begins_at: datetime
    ends_at: datetime
    bucket_s: float

    @classmethod
    def of(cls, over_time: pd.DataFrame, bucket_s: float) -> "Span | None":
        """From the first to the last stretch in which something happened; None if nothing did."""
        if over_time.empty:
            return None
        width = timedelta(seconds=bucket_s)
        first, last = over_time["begins_at"].min(), over_time["begins_at"].max() + width
        lacking = max(timedelta(), _FEWEST_BARS * width - (last - first))
        return cls(first - lacking / 2, last + lacking / 2, bucket_s)

    @property
    def title(self) -> str:
        """Its day or days."""
        first, last = f"{self.begins_at:%d %b %Y}", f"{self.ends_at:%d %b %Y}"
        return f"{first}, UTC" if first == last else f"{first} to {last}, UTC"

    @property
    def clock(self) -> str:
        """How Vega is to write the times on the axis."""
        seconds = (self.ends_at - self.begins_at).total_seconds()
        if seconds > 4 * _DAY:
            return "%d %b" if seconds < 300 * _DAY else "%b %Y"
        if seconds > 10 * _MINUTE:
            return "%H:%M"
        return "%H:%M:%S" if seconds > 6 else "%H:%M:%S.%L"

    @property
    def domain(self) -> list[alt.DateTime]:
        """Both ends, for a scale."""
        return [
            alt.DateTime(
                year=time.year,
                month=time.month,
                date=time.day,
                hours=time.hour,
                minutes=time.minute,
                seconds=time.second,
                milliseconds=time.microsecond // 1000,
                utc=True,
            )
            for time in (self.begins_at, self.ends_at)
        ]

    def in_words(self, begins_at: datetime) -> str:
        """The time of the bar that begins then: its day or days, or from when to when."""
        ends_at = begins_at + timedelta(seconds=self.bucket_s)
        if self.bucket_s >= _DAY:
            last = ends_at - timedelta(days=1)
            days = f"{begins_at:%d %b %Y}" + (f" to {last:%d %b %Y}" if last > begins_at else "")
            return f"{days}, UTC"
        clock = "%H:%M" if self.bucket_s >= _MINUTE else "%H:%M:%S"
        begins, ends = begins_at.strftime(clock), ends_at.strftime(clock)
        if self.bucket_s < 1:
            begins, ends = (f"{time:%H:%M:%S.%f}"[:-4] for time in (begins_at, ends_at))
        return f"{begins_at:%d %b %Y} {begins} to {ends} UTC"
