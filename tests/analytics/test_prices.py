"""Costs: right, or absent."""

from datetime import UTC, datetime

import pytest

from analytics.prices import cost_usd
from cassettes.summary import Usage

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_cached_tokens_cost_less() -> None:
    """Input, cached input and output are priced each at their own rate."""
    million = Usage(1_000_000, 400_000, 1_000_000, 0, 2_000_000)
    assert cost_usd("gpt-5.1", million, AT) == pytest.approx(0.6 * 1.25 + 0.4 * 0.125 + 10)


@pytest.mark.parametrize(
    ("model", "usage", "tier"),
    [
        ("a-model-of-nobody", Usage(1, 0, 1, 0, 2), None),
        (None, Usage(1, 0, 1, 0, 2), None),
        ("gpt-5.1", Usage(None, None, 1, 0, 1), None),
        ("gpt-5.1", Usage(1, 0, None, 0, 1), None),
        ("gpt-5.1", Usage(1, 2, 1, 0, 2), None),
        ("gpt-5.1", Usage(1, 0, 1, 0, 2), "flex"),
        ("gpt-5.1", Usage(1, 0, 1, 0, 2), "priority"),
    ],
)
def test_unknown_cost_is_absent(model: str | None, usage: Usage, tier: str | None) -> None:
    """No price for an unknown model, unreported or impossible tokens, or a tier of its own."""
    assert cost_usd(model, usage, AT, tier) is None
