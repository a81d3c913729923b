"""The facts about an exchange that `show` and `tail` tell, read from the cassette.

One reading for the list, the full view, the lines of `tail` and `--json`, so that they agree. What
the traffic did not say is None: a missing number is never a zero.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from cassettes.contents import Contents
from cassettes.exchange import Exchange
from cassettes.result import Result, result_of
from cassettes.retries import Keys, Linker, Retry, attempt_of
from cassettes.summary import Summary, Usage, load_json, summarise
from respool.view.partial_output import unfinished_items
from wire.items import CALLS, item_type
from wire.vocabulary import UNFINISHED

Json = Any  # any JSON value: what clients and servers send is known only after looking

type Grade = Literal["ok", "odd", "bad"]

_BILLED = frozenset({"create", "compact"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an exchange went, in a word, with a remark for the words after it.

    `bad` is what counts as failed.
    """

    grade: Grade
    word: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """An exchange with all that is told about it."""

    exchange: Exchange
    summary: Summary
    output: list[Json]
    """The output items; of a stream that broke off also the unfinished ones."""
    input_items: int | None
    """Items in the request's input; None where it had none."""
    inherited: int
    """How many of them `parent` had sent before."""
    parent: int | None
    cost_usd: float | None
    on_socket: tuple[int, ...] = ()
    """Of a WebSocket's handshake: the exchanges on the connection."""
    retry: Retry | None = None
    """What it retries; None where nothing, or where nobody has looked: see `linked`."""
    retried_by: int | None = None
    """Which exchange retries it."""

    @property
    def number(self) -> int:
        """The exchange's number in its cassette."""
        return self.exchange.number

    @property
    def endpoint(self) -> str | None:
        """`create`, `compact`, ...; None for what is no Responses exchange."""
        return self.exchange.route.endpoint if self.exchange.route else None

    @property
    def usage(self) -> Usage | None:
        """Tokens as the server reported them."""
        return self.summary.usage

    @property
    def added_items(self) -> int | None:
        """How many items of the input are this request's own."""
        return None if self.input_items is None else self.input_items - self.inherited

    @property
    def calls(self) -> list[Json]:
        """The output items in which the model calls a tool, hosted ones included."""
        return [item for item in self.output if item_type(kind_of(item)).what in CALLS]

    @property
    def call_count(self) -> int | None:
        """How many tools were called; None where no answer came that could say so."""
        answered = self.output or isinstance((self.summary.response or {}).get("output"), list)
        return len(self.calls) if answered else None

    @property
    def call_names(self) -> list[str]:
        """The names of the tools that were called; of hosted ones the item's type."""
        names = [call.get("name") for call in self.calls]
        types = map(kind_of, self.calls)
        return [
            name if isinstance(name, str) else kind for name, kind in zip(names, types, strict=True)
        ]

    @property
    def refused(self) -> bool:
        """Whether the model refused to answer."""
        return any(
            isinstance(part, dict) and part.get("type") == "refusal"
            for item in self.output
            if isinstance(item, dict) and isinstance(item.get("content"), list)
            for part in item["content"]
        )

    @property
    def service_tier(self) -> str | None:
        """The tier that served the request, else the one it asked for."""
        return _service_tier(self.summary)

    @property
    def unpriced(self) -> bool:
        """Whether the exchange was probably billed and its price is not known."""
        exchange = self.exchange
        failed = exchange.status is None or exchange.status >= 400
        later = exchange.outcome == "complete" and self.summary.status in UNFINISHED
        return self.endpoint in _BILLED and self.cost_usd is None and not failed and not later

    @property
    def local_time(self) -> datetime | None:
        """When the request had arrived, on this machine's clock."""
        try:
            return self.exchange.began.astimezone() if self.exchange.began else None
        except (OverflowError, OSError, ValueError):
            return None

    @property
    def attempt(self) -> int:
        """Which attempt at its request it is, from 1."""
        return self.retry.attempt if self.retry else attempt_of(self.exchange, self.summary).first

    @property
    def result(self) -> Result:
        """How the exchange went, as failures are counted."""
        return result_of(self.exchange, self.summary)

    @property
    def verdict(self) -> Verdict:
        """How the exchange went."""
        return _verdict(self)


def kind_of(item: Json) -> str:
    """An item's type; a message may leave it out. The empty string for what is no item."""
    if not isinstance(item, dict):
        return ""
    kind = item.get("type")
    if isinstance(kind, str) and kind:
        return kind
    return "message" if "role" in item else ""


def read(cassette: Contents, x: int) -> Reading:
    """Read exchange `x`; raises KeyError for a number that is not in the cassette."""
    exchange = cassette.exchange(x)
    summary = summarise(exchange)
    return Reading(
        exchange=exchange,
        summary=summary,
        output=_output(exchange, summary),
        input_items=items_of_input(cassette, x, summary.request),
        inherited=cassette.inherited(x),
        parent=cassette.exchanges[x].parent,
        cost_usd=_cost(exchange, summary),
        on_socket=tuple(cassette.on_socket(x)),
    )


def linked(reading: Reading, retries: Mapping[int, Retry]) -> Reading:
    """The reading with its place among the retries of its request, which are known by number."""
    number = reading.number
    by = next((x for x, retry in retries.items() if retry.of == number), None)
    return replace(reading, retry=retries.get(number), retried_by=by)


def readings(cassette: Contents) -> Iterator[Reading]:
    """All exchanges, each with what it retries."""
    linker = Linker(Keys(cassette))
    for x in sorted(cassette.exchanges):
        reading = read(cassette, x)
        yield replace(reading, retry=linker.take(attempt_of(reading.exchange, reading.summary)))


def items_of_input(cassette: Contents, x: int, request: dict[str, Json]) -> int | None:
    """How many items the input has; a plain string is one."""
    refs = cassette.exchanges[x].parts.get("input")
    if refs is not None:
        return len(refs)
    given = request.get("input")
    if given is None:
        return None
    return len(given) if isinstance(given, list) else 1


def _output(exchange: Exchange, summary: Summary) -> list[Json]:
    response = summary.response or {}
    page = exchange.route is not None and exchange.route.endpoint == "input_items"
    listed = response.get("data" if page else "output")
    if summary.output:
        output = [load_json(raw) for raw in summary.output]
    else:
        output = list(listed) if isinstance(listed, list) else []
    if exchange.streamed and not listed:
        output += unfinished_items(summary.events)
    return output


def _service_tier(summary: Summary) -> str | None:
    for holder in (summary.response or {}, summary.request):
        if isinstance(tier := holder.get("service_tier"), str) and tier:
            return tier
    return None


def _cost(exchange: Exchange, summary: Summary) -> float | None:
    if summary.usage is None:
        return None
    from analytics.prices import cost_usd

    return cost_usd(summary.model, summary.usage, exchange.began, _service_tier(summary))


def _verdict(reading: Reading) -> Verdict:
    grade, word, remark = _words(reading)
    return Verdict("bad" if reading.result == "failed" else grade, word, remark)


def _words(reading: Reading) -> tuple[Literal["ok", "odd"], str, str]:
    """How it went where it did not fail, and what to say of it."""
    exchange, summary = reading.exchange, reading.summary
    error = summary.error_code or " ".join((summary.error_message or "").split())
    if exchange.outcome == "incomplete":
        return "odd", "unfinished", error
    refused = (exchange.status or 0) >= 400  # a client need not read on to know
    if exchange.outcome != "complete" and not (refused and exchange.outcome == "client_gone"):
        return "odd", exchange.outcome, error
    if exchange.status is None:
        return "odd", "no answer", error
    if exchange.status >= 400:
        return "odd", str(exchange.status), error
    if reading.result == "failed":
        return "odd", "failed" if summary.status == "failed" else "error", error
    if exchange.status >= 300:
        return "odd", str(exchange.status), ""
    if reading.endpoint in _BILLED and summary.response is None:
        return "odd", "unreadable", "there is no response in the answer"
    if summary.status not in {None, "completed"}:
        return "odd", summary.status or "", summary.incomplete_reason or ""
    return ("odd", "refused", "") if reading.refused else ("ok", "ok", "")


@dataclass(slots=True)
class Totals:
    """What a list of exchanges comes to. Sums are of what is known, None where nothing is."""

    exchanges: int = 0
    failed: int = 0
    interrupted: int = 0
    unfinished: int = 0
    retries: int = 0
    unpriced: int = 0
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    _answers: set[str] = field(default_factory=set)

    def add(self, reading: Reading) -> None:
        """Add an exchange; an answer that is fetched again (`GET /responses/{id}`) counts once."""
        result = reading.result
        self.exchanges += 1
        self.failed += result == "failed"
        self.interrupted += result == "interrupted"
        self.unfinished += result == "unfinished"
        self.retries += reading.retry is not None
        usage, route = reading.usage, reading.exchange.route
        ids = {reading.summary.response_id, route.response_id if route else None} - {None}
        again = reading.endpoint not in _BILLED and ids & self._answers
        counted = usage is not None and not again
        self.unpriced += reading.unpriced or (counted and reading.cost_usd is None)
        if usage is None or again:
            return
        self._answers |= {ident for ident in ids if ident}
        self.input_tokens = _plus(self.input_tokens, usage.input_tokens)
        self.cached_tokens = _plus(self.cached_tokens, usage.cached_tokens)
        self.output_tokens = _plus(self.output_tokens, usage.output_tokens)
        self.reasoning_tokens = _plus(self.reasoning_tokens, usage.reasoning_tokens)
        self.cost_usd = _plus(self.cost_usd, reading.cost_usd)


def _plus[T: (int, float)](total: T | None, value: T | None) -> T | None:
    return total if value is None else value if total is None else total + value
