"""What stands in one line about an exchange, as text, in longer and in shorter forms.

A row keeps nothing of the exchange, so that a list of many thousand costs little. A number that is
not known is a dash or, beside one that is known, a question mark.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import urlsplit

from cassettes.format import OUTCOMES
from cassettes.summary import Usage
from respool.view.facts import Reading, Verdict
from respool.view.gist import gist
from respool.view.plain_text import UNKNOWN, duration, short_number, shorten, usd
from respool.view.styled import Style

type Column = Literal[
    "#",
    "time",
    "server",
    "endpoint",
    "model",
    "added",
    "calls",
    "status",
    "in",
    "out",
    "cost",
    "ttft",
    "took",
]

EXPLAINED: dict[str, str] = {
    "#": "number of the exchange in the cassette",
    "time": "when the request had arrived, local",
    "server": "that it went to, where there are several",
    "endpoint": "create, compact, retrieve, ..., where there is room",
    "model": "that answered, else the one asked for",
    "added": "+2/25: of 25 items in the request's input, 2 had not been sent before",
    "calls": "how many tools the answer calls",
    "status": "ok, or what became of it",
    "in": "tokens of the input, and how many of them were cached",
    "out": "tokens of the output, and how many of them were reasoning",
    "cost": "in USD, at list price",
    "ttft": "time to first token",
    "took": "time to the end of the answer",
    "what": "what was called or said, in a few words, where there is room",
}
"""The columns, for those who read the list; a dash stands where one is not known."""

GRADES: dict[str, Style] = {"ok": "good", "odd": "odd", "bad": "bad"}
_WIDEST_MODEL = 28


@dataclass(frozen=True, slots=True)
class Row:
    """What the list shows of an exchange, as text; it keeps nothing of the exchange itself."""

    full: dict[Column, str]
    short: dict[Column, str]
    folded: str
    """Model and endpoint in one, where there is no column for the endpoint."""
    verdict: Verdict
    message: str
    gist: str
    has_usage: bool
    day: date | None


def row(reading: Reading) -> Row:
    """The row of an exchange."""
    usage = reading.usage or Usage(None, None, None, None, None)
    verdict, began = reading.verdict, reading.local_time
    model = reading.summary.model or UNKNOWN
    endpoint = reading.endpoint or reading.exchange.request.method
    calls = reading.call_count
    full: dict[Column, str] = {
        "#": str(reading.number),
        "time": f"{began:%H:%M:%S}" if began else "?",
        "server": urlsplit(reading.exchange.upstream).netloc or UNKNOWN,
        "endpoint": endpoint,
        "model": shorten(model, _WIDEST_MODEL),
        "added": added(reading),
        "calls": UNKNOWN if calls is None else str(calls),
        "status": standing(reading),
        "in": tokens(usage.input_tokens, usage.cached_tokens),
        "out": tokens(usage.output_tokens, usage.reasoning_tokens),
        "cost": usd(reading.cost_usd),
        "ttft": duration(reading.summary.first_token_ms),
        "took": duration(reading.exchange.ended_ms),
    }
    short: dict[Column, str] = {
        "status": verdict.word,
        "model": shorten(model_name(model), _WIDEST_MODEL),
        "in": short_number(usage.input_tokens),
        "out": short_number(usage.output_tokens),
    }
    return Row(
        full=full,
        short=short,
        folded=_folded(reading, short["model"]),
        verdict=verdict,
        message=message(reading),
        gist=gist(reading),
        has_usage=reading.usage is not None,
        day=began.date() if began else None,
    )


def standing(reading: Reading) -> str:
    """`ok`, `500, retry of 3`: how it went, and what it retries."""
    retry = f", retry of {reading.retry.of}" if reading.retry else ""
    return reading.verdict.word + retry


def _folded(reading: Reading, model: str) -> str:
    if reading.endpoint is None:
        request = reading.exchange.request
        return shorten(f"{request.method} {request.path}", _WIDEST_MODEL)
    if reading.endpoint == "create":
        return model
    return reading.endpoint + ("" if model == UNKNOWN else f" {model}")


def message(reading: Reading) -> str:
    """What went wrong, in words: the error's, the recorder's, or the outcome's meaning."""
    exchange = reading.exchange
    meaning = OUTCOMES.get(exchange.outcome, "") if exchange.outcome != "complete" else ""
    return reading.summary.error_message or exchange.error or meaning


def added(reading: Reading) -> str:
    """`+2/25`: two of the 25 items of the input are this request's own."""
    whole = reading.input_items
    return UNKNOWN if whole is None else f"+{reading.added_items}/{whole}"


def tokens(count: int | None, part: int | None, what: str = "") -> str:
    """`12.3k (11.8k)`: a count, and how much of it was cached or reasoning."""
    if count is None and part is None:
        return UNKNOWN
    return f"{short_number(count, '?')} ({short_number(part, '?')}{what})"


def model_name(model: str) -> str:
    """A model's name without the date of its snapshot."""
    head, dash, day = model[:-11], model[-11:-10], model[-10:]
    dated = dash == "-" and len(day) == 10 and day[4] == day[7] == "-"
    return head if head and dated and day.replace("-", "").isdigit() else model
