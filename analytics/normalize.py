"""From one exchange to rows: pure, and the same rows whenever and wherever it is done.

Items and tools are named by the digest of their canonical JSON, an item's without its `status`;
text and JSON are the sender's own. What the traffic did not say is NULL. Traffic that is no
Responses exchange is a row of `exchanges` and nothing else, whatever its members are called.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from analytics.compaction import compaction_asked, compaction_row
from analytics.exchange_row import http_row, response_row, usage_row
from analytics.item_row import item_row
from analytics.tables import Row
from analytics.tool_calls import tool_call_rows
from analytics.toolset import toolset_rows
from analytics.validate import ExchangeParts, Where, findings
from cassettes.exchange import Exchange, exchange_id
from cassettes.reader import Cassette
from cassettes.retries import Keys
from cassettes.summary import StreamEvent, Summary, load_json, strict_members, summarise
from wire.canonical import digest
from wire.slices import Span, items
from wire.vocabulary import is_beta


@dataclass(slots=True)
class Rows:
    """Rows by table."""

    tables: dict[str, list[Row]] = field(default_factory=dict)

    size: int = 0
    """Bytes of traffic of which they were made."""

    def add(self, table: str, row: Row) -> None:
        """Put a row into a table."""
        self.tables.setdefault(table, []).append(row)


class Normalizer:
    """Makes rows of a cassette's exchanges, from each only what it adds to its parent.

    A parent in an earlier file of the capture counts where it is among `earlier`.
    """

    def __init__(self, cassette: Cassette, earlier: Collection[int] = ()) -> None:
        self._cassette = cassette
        self._earlier = earlier
        self._keys = Keys(cassette)
        self._first: dict[int, int] = {}
        """What was found for exchanges with a repeated input, which may be thousands in a row."""

    def rows(self, number: int) -> Rows:
        """The rows of one exchange."""
        exchange = self._cassette.exchange(number)
        rows = Rows(size=len(exchange.request.body) + sum(len(p.data) for p in exchange.pieces))
        summary = summarise(exchange)
        endpoint = exchange.route.endpoint if exchange.route else None
        if endpoint is None:
            nothing = {"inherited_items": 0, "input_items": 0, "output_items": 0}
            rows.add("exchanges", {**self._any_row(exchange, summary), **nothing})
            return rows
        body, found = strict_members(exchange.request.body)
        spans = found or {}
        given = self._given(exchange, rows, body, spans)
        made = _made(exchange, summary, rows)
        toolset, tools = toolset_rows(self._texts(exchange, "tools", body, spans))
        for row in tools:
            rows.add("tools", row)
        instructions = _instructions(rows, body, spans)
        ident = str(exchange.id)
        rows.add(
            "exchanges",
            {
                **self._any_row(exchange, summary),
                **response_row(exchange, summary, body, spans),
                "parent_id": self._id(self._parent(number)),
                "repeats_id": self._id(self._repeated(number)),
                "inherited_items": self._inherited(number),
                "input_items": given,
                "output_items": len(made),
                "toolset_id": toolset,
                "instructions_id": instructions,
                "compaction_asked": compaction_asked(summary, endpoint),
            },
        )
        if summary.usage is not None:
            rows.add("usage", usage_row(exchange, summary))
        for row in tool_call_rows(exchange, summary, made, endpoint):
            rows.add("tool_calls", row)
        compaction = compaction_row(exchange, summary, made, endpoint)
        if compaction is not None:
            rows.add("compactions", compaction)
        lenient: set[Where] = {*summary.lenient}
        if body is not exchange.request.body:
            lenient.add("request")
        for finding in findings(self._parts(exchange, summary, lenient)):
            key = [finding.where, finding.kind, finding.path, finding.type, finding.shape]
            finding_id = str(uuid.UUID(bytes=digest(*(part.encode() for part in key))))
            names = ("place", "kind", "path", "type", "shape")
            rows.add("findings", {"finding_id": finding_id, **dict(zip(names, key, strict=True))})
            rows.add("exchange_findings", {"exchange_id": ident, "finding_id": finding_id})
        return rows

    def _any_row(self, exchange: Exchange, summary: Summary) -> Row:
        key = uuid.UUID(bytes=self._keys(exchange.number))
        return {**http_row(exchange, summary), "request_key": str(key)}

    def _id(self, number: int | None) -> str | None:
        return None if number is None else str(exchange_id(self._cassette.header.id, number))

    def _parent(self, number: int) -> int | None:
        entry = self._cassette.exchanges[number]
        if entry.follows is None:
            return entry.parent
        return entry.follows[0] if entry.follows[0] in self._earlier else None

    def _inherited(self, number: int) -> int:
        return 0 if self._parent(number) is None else self._cassette.inherited(number)

    def _repeated(self, number: int) -> int | None:
        """The first exchange with this whole input: a retry, or a conversation held again."""
        exchanges, repeated, at = self._cassette.exchanges, None, number
        while (parent := exchanges[at].parent) is not None:
            if len(exchanges[parent].parts["input"]) != len(exchanges[at].parts["input"]):
                break
            repeated = at = self._first.get(parent, parent)
            if at not in exchanges:  # it stands in another file
                break
        follows = exchanges[at].follows if at in exchanges else None
        if follows and follows[1] == len(exchanges[at].parts["input"]) and self._parent(at):
            repeated = follows[0]  # what that one repeats is found in the tables
        if repeated is not None:
            self._first[number] = repeated
        return repeated

    def _texts(
        self, exchange: Exchange, name: str, body: bytes, spans: Mapping[str, Span]
    ) -> list[bytes]:
        """The items of a list in the request, as raw JSON."""
        if name in exchange.refs:
            return [self._cassette.item(ref) for ref in exchange.refs[name]]
        span = spans.get(name)
        if span is None:
            return []
        found = items(body, span)
        if found is not None:
            return [item.of(body) for item in found]
        text = load_json(span.of(body))
        # A plain string is short for one user message (API reference: create, `input`).
        if name == "input" and isinstance(text, str):
            return [b'{"role":"user","content":' + span.of(body) + b"}"]
        return []

    def _given(self, exchange: Exchange, rows: Rows, body: bytes, spans: Mapping[str, Span]) -> int:
        """Link what the request adds to its parent; how many items its whole input has."""
        inherited = self._inherited(exchange.number)
        refs = exchange.refs.get("input")
        texts = self._texts(exchange, "input", body, spans) if refs is None else None
        count = len(refs if refs is not None else texts or ())
        for position in range(inherited, count):
            if refs is not None:
                row, status = item_row(self._cassette.item(refs[position]))
            else:
                assert texts is not None  # one of the two is there
                row, status = item_row(texts[position])
            _link(rows, exchange, "input", position, row, status)
        return count

    def _parts(
        self, exchange: Exchange, summary: Summary, lenient: Collection[Where]
    ) -> ExchangeParts:
        """What is checked: of the input only what is new, the rest was checked with its parent."""
        sent, request = exchange.request, None
        if sent.body:
            request = summary.request or (
                sent.body if sent.binary else sent.body.decode(errors="replace")
            )
        if isinstance(request, dict) and isinstance(request.get("input"), list):
            inherited = self._inherited(exchange.number)
            request = {**request, "input": request["input"][inherited:]}
        body = exchange.body
        response: object | None = summary.response
        if response is None and body and not exchange.streamed:
            found = load_json(body)
            response = found if found is not None else body.decode(errors="replace")
        return ExchangeParts(
            endpoint=exchange.route.endpoint if exchange.route else "",
            request=request,
            status=exchange.status,
            response=response,
            events=[(event.name, _data(event)) for event in summary.events],
            streamed=exchange.streamed,
            websocket=exchange.transport == "websocket",
            beta=is_beta(sent.path, sent.headers),
            outcome=exchange.outcome,
            lenient=lenient,
        )


def _instructions(rows: Rows, body: bytes, spans: Mapping[str, Span]) -> str | None:
    """Instructions are kept as an item of their own type; agents resend them every time."""
    span = spans.get("instructions")
    text = load_json(span.of(body)) if span else None
    if span is None or not isinstance(text, str):
        return None
    raw = b'{"type":"instructions","content":' + span.of(body) + b"}"
    row, _ = item_row(raw)
    rows.add("items", row)
    return str(row["item_id"])


def _data(event: StreamEvent) -> object:
    """An event's data as JSON, as text if it is none, as bytes if it is not even meant as text."""
    data = load_json(event.data)
    if data is not None:
        return data
    return event.data.encode() if event.binary else event.data


def _made(exchange: Exchange, summary: Summary, rows: Rows) -> list[Row]:
    """Add the items of the answer; their rows, in order."""
    made = []
    for position, text in enumerate(summary.output):
        row, status = item_row(text)
        _link(rows, exchange, "output", position, row, status)
        made.append(row)
    return made


def _link(
    rows: Rows, exchange: Exchange, direction: str, position: int, row: Row, status: str | None
) -> None:
    rows.add("items", row)
    rows.add(
        "exchange_items",
        {
            "exchange_id": str(exchange.id),
            "direction": direction,
            "position": position,
            "item_id": row["item_id"],
            "status": status,
        },
    )
