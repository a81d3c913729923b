"""From one exchange to rows: pure, and the same rows whenever and wherever it is done.

Items and tools are named by the digest of their canonical JSON, an item's without its `status`;
text and JSON are the sender's own. What the traffic did not say is NULL.
"""

import json
import uuid
from dataclasses import dataclass, field

from analytics.compaction import compaction_row
from analytics.item_row import item_row, load_item
from analytics.prices import cost_usd
from analytics.tables import Row
from analytics.tool_calls import tool_call_rows
from analytics.validate import ExchangeParts, findings
from cassettes.exchange import Exchange, cassette_uuid, exchange_id
from cassettes.reader import Cassette
from cassettes.summary import Summary, load_json, summarise
from wire.canonical import canonical, digest
from wire.slices import items, members

_PARTS = frozenset({"input", "tools", "instructions"})
"""Members of a request that have tables of their own; the rest is kept as `params`."""


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
    """Makes rows of a cassette's exchanges, from each only what it adds to its parent."""

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette

    def rows(self, number: int) -> Rows:
        """The rows of one exchange."""
        exchange = self._cassette.exchange(number)
        rows = Rows(size=len(exchange.request.body) + sum(len(p.data) for p in exchange.pieces))
        summary = summarise(exchange)
        given = self._given(exchange, rows)
        made = _made(exchange, summary, rows)
        toolset = _toolset(self._texts(exchange, "tools"), rows)
        instructions = self._instructions(exchange, rows)
        ident = str(exchange.id)
        rows.add(
            "exchanges",
            {
                **_exchange_row(exchange, summary),
                "parent_id": self._parent(number),
                "inherited_items": self._cassette.inherited(number),
                "input_items": given,
                "output_items": made,
                "toolset_id": toolset,
                "instructions_id": instructions,
            },
        )
        if summary.usage is not None:
            rows.add("usage", _usage_row(exchange, summary))
        compaction = compaction_row(exchange, summary)
        if compaction is not None:
            rows.add("compactions", compaction)
        for finding in findings(self._parts(exchange, summary)):
            key = [finding.where, finding.kind, finding.path, finding.type, finding.shape]
            finding_id = str(uuid.UUID(bytes=digest(*(part.encode() for part in key))))
            names = ("place", "kind", "path", "type", "shape")
            rows.add("findings", {"finding_id": finding_id, **dict(zip(names, key, strict=True))})
            rows.add("exchange_findings", {"exchange_id": ident, "finding_id": finding_id})
        return rows

    def _parent(self, number: int) -> str | None:
        parent = self._cassette.exchanges[number].parent
        return str(exchange_id(self._cassette.header.id, parent)) if parent is not None else None

    def _texts(self, exchange: Exchange, name: str) -> list[bytes]:
        """The items of a list in the request, as raw JSON."""
        if name in exchange.refs:
            return [self._cassette.item(ref) for ref in exchange.refs[name]]
        body = exchange.request.body
        span = (members(body) or {}).get(name)
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

    def _given(self, exchange: Exchange, rows: Rows) -> int:
        """Link what the request adds to its parent; how many items its whole input has."""
        inherited = self._cassette.inherited(exchange.number)
        refs = exchange.refs.get("input")
        texts = self._texts(exchange, "input") if refs is None else None
        count = len(refs if refs is not None else texts or ())
        for position in range(inherited, count):
            if refs is not None:
                row, status = item_row(self._cassette.item(refs[position]))
            else:
                assert texts is not None  # one of the two is there
                row, status = item_row(texts[position])
            _link(rows, exchange, "input", position, row, status)
        return count

    def _instructions(self, exchange: Exchange, rows: Rows) -> str | None:
        """Instructions are kept as an item of their own type; agents resend them every time."""
        body = exchange.request.body
        span = (members(body) or {}).get("instructions")
        text = load_json(span.of(body)) if span else None
        if span is None or not isinstance(text, str):
            return None
        raw = b'{"type":"instructions","content":' + span.of(body) + b"}"
        row, _ = item_row(raw)
        rows.add("items", row)
        return str(row["item_id"])

    def _parts(self, exchange: Exchange, summary: Summary) -> ExchangeParts:
        """What is checked: of the input only what is new, the rest was checked with its parent."""
        request: object | None = summary.request or None
        if request is None and exchange.request.body:
            request = exchange.request.body.decode(errors="replace")
        if isinstance(request, dict) and isinstance(request.get("input"), list):
            inherited = self._cassette.inherited(exchange.number)
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
            events=[
                (event.name, event.data if (data := load_json(event.data)) is None else data)
                for event in summary.events
            ],
            streamed=exchange.streamed,
            outcome=exchange.outcome,
        )


def _made(exchange: Exchange, summary: Summary, rows: Rows) -> int:
    """Add the items of the answer and the calls among them; how many items there are."""
    ids = []
    for position, text in enumerate(summary.output):
        row, status = item_row(text)
        _link(rows, exchange, "output", position, row, status)
        ids.append(str(row["item_id"]))
    for row in tool_call_rows(exchange, summary, ids):
        rows.add("tool_calls", row)
    return len(ids)


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


def _toolset(texts: list[bytes], rows: Rows) -> str | None:
    """Add the definitions offered, if this set of them is new; the set's id."""
    if not texts:
        return None
    ids = [digest(b"tool", canonical(text)) for text in texts]
    toolset = str(uuid.UUID(bytes=digest(b"toolset", *ids)))
    for position, (text, tool_id) in enumerate(zip(texts, ids, strict=True)):
        tool = load_item(text)
        rows.add(
            "tools",
            {
                "toolset_id": toolset,
                "position": position,
                "tool_id": str(uuid.UUID(bytes=tool_id)),
                "type": tool.text("type"),
                "name": tool.text("name") or tool.text("server_label"),
                "namespace": tool.text("namespace"),
                "description": tool.text("description"),
                "bytes": len(text),
                "json": text.decode(errors="replace"),
            },
        )
    return toolset


def _exchange_row(exchange: Exchange, summary: Summary) -> Row:
    request = exchange.request
    route = exchange.route
    spans = members(request.body) or {}
    params = b",".join(
        json.dumps(name).encode() + b":" + span.of(request.body)
        for name, span in spans.items()
        if name not in _PARTS
    )
    client = next((value for name, value in request.headers if name == "user-agent"), None)
    return {
        "exchange_id": str(exchange.id),
        "cassette_id": str(cassette_uuid(exchange.cassette_id)),
        "number": exchange.number,
        "started_at": exchange.began,
        "endpoint": route.endpoint if route else None,
        "method": request.method,
        "path": request.path,
        "upstream": exchange.upstream,
        "client": client,
        "requested_model": summary.requested_model,
        "model": summary.model,
        "response_id": summary.response_id,
        "previous_response_id": _text(summary.request.get("previous_response_id")),
        "params": f"{{{params.decode(errors='replace')}}}" if spans else None,
        "streamed": exchange.streamed,
        "http_status": exchange.status,
        "status": summary.status,
        "incomplete_reason": summary.incomplete_reason,
        "outcome": exchange.outcome,
        "error_code": summary.error_code,
        "error_message": summary.error_message,
        "service_tier": _service_tier(summary),
        "request_bytes": len(request.body),
        "response_bytes": sum(len(piece.data) for piece in exchange.pieces),
        "duration_ms": exchange.ended_ms,
        "first_event_ms": summary.first_event_ms,
        "first_token_ms": summary.first_token_ms,
        "event_ms": [event.t_ms for event in summary.events] or None,
        "event_types": [event.type for event in summary.events] or None,
        "event_bytes": [event.size for event in summary.events] or None,
    }


def _usage_row(exchange: Exchange, summary: Summary) -> Row:
    usage = summary.usage
    assert usage is not None  # the caller has looked
    return {
        "exchange_id": str(exchange.id),
        "model": summary.model,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "total_tokens": usage.total_tokens,
        "cost_usd": cost_usd(summary.model, usage, exchange.began, _service_tier(summary)),
    }


def _service_tier(summary: Summary) -> str | None:
    return _text((summary.response or {}).get("service_tier"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
