"""What tokens cost at list price, from `genai-prices`; what it does not know has no cost.

Prices carry effective dates, so an exchange is priced as of when it happened. Tiers that the table
does not tell apart (flex, priority, batch) and tools that are billed by the call are not guessed.
"""

from datetime import UTC, datetime
from functools import lru_cache

from cassettes.summary import Usage

LISTED_TIERS = frozenset({"", "auto", "default", "standard"})
"""Service tiers that are billed at list price (API reference: `service_tier`)."""


def cost_usd(
    model: str | None, usage: Usage, at: datetime | None, service_tier: str | None = None
) -> float | None:
    """USD for `usage` of `model` at the time `at`; None where the price is not known."""
    if model is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    if (service_tier or "") not in LISTED_TIERS:
        return None
    cached = usage.cached_tokens or 0
    if cached > usage.input_tokens:
        return None
    try:
        hour = (at or datetime.now(UTC)).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    except OverflowError:  # a date beyond the calendar, in a cassette that a person has edited
        return None
    return _price(model, usage.input_tokens, cached, usage.output_tokens, hour)


@lru_cache(maxsize=10_000)
def _price(model: str, given: int, cached: int, made: int, at: datetime) -> float | None:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(input_tokens=given, cache_read_tokens=cached, output_tokens=made)
    try:
        price = calc_price(tokens, model_ref=model, genai_request_timestamp=at)
    except (LookupError, ValueError):
        return None
    return float(price.total_price)
