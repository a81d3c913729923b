"""How numbers are written."""

from datetime import UTC, datetime

import pytest

from dashboard import theme


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (theme.count(1234567), "1,234,567"),
        (theme.count(4_828_936_551), "4.83 billion"),
        (theme.count(0), "0"),
        (theme.counted(1, "exchange"), "1 exchange"),
        (theme.counted(2000, "exchange"), "2,000 exchanges"),
        (theme.share(1, 3), "33%"),
        (theme.share(0, 0), "0%"),
        (theme.usd(0), "$0.00"),
        (theme.usd(0.0416), "$0.0416"),
        (theme.usd(1234.5), "$1,234.50"),
        (theme.duration(2.345), "2.3 ms"),
        (theme.duration(68.2), "68 ms"),
        (theme.duration(1234), "1.23 s"),
        (theme.duration(123_456), "123.5 s"),
        (theme.moment(datetime(2026, 3, 1, 12, tzinfo=UTC)), "2026-03-01 12:00:00 UTC"),
    ],
)
def test_numbers_are_written_with_their_unit(written: str, expected: str) -> None:
    """Thousands are separated, units stand beside, and small amounts keep their digits."""
    assert written == expected


def test_unknown_is_never_zero() -> None:
    """What is not known is called unknown, whatever it is."""
    written = [
        theme.count(None),
        theme.share(None, 3),
        theme.share(1, None),
        theme.usd(None),
        theme.duration(None),
    ]
    assert set(written) == {"unknown"}
