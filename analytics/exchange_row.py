"""An exchange as a row of `exchanges`, and what it reported as a row of `usage`."""

import json
from collections.abc import Mapping

from analytics.prices import cost_usd
from analytics.tables import Row
from cassettes.exchange import Exchange, cassette_uuid
from cassettes.result import result_of
from cassettes.retries import counter
from cassettes.summary import Summary
from wire.slices import Span

_PARTS: Mapping[str, tuple[bytes, ...]] = {
    "input": (b"[", b'"'),
    "tools": (b"[",),
    "instructions": (b'"',),
}
"""Members of a request that have tables of their own, and how those begin that can be read into
them; the rest is kept as `params`."""


def http_row(exchange: Exchange, summary: Summary) -> Row:
    """What any traffic has, whatever it is about."""
    request = exchange.request
    retry_count = counter(request)
    failed = exchange.route is not None or (exchange.status or 0) >= 400
    return {
        "exchange_id": str(exchange.id),
        "cassette_id": str(cassette_uuid(exchange.cassette_id)),
        "number": exchange.number,
        "started_at": exchange.began,
        "method": request.method,
        "path": request.path,
        "upstream": exchange.upstream,
        "client": next((value for name, value in request.headers if name == "user-agent"), None),
        "requested_model": summary.requested_model,
        "model": summary.model,
        "streamed": exchange.streamed,
        "transport": exchange.transport,
        "connection_id": str(exchange.connection_id) if exchange.connection_id else None,
        "http_status": exchange.status,
        "outcome": exchange.outcome,
        "error_code": summary.error_code if failed else None,
        "error_message": summary.error_message if failed else None,
        "request_bytes": len(request.body),
        "response_bytes": sum(len(piece.data) for piece in exchange.pieces),
        "duration_ms": exchange.ended_ms,
        "first_event_ms": summary.first_event_ms,
        "event_ms": [event.t_ms for event in summary.events] or None,
        "event_types": [event.type for event in summary.events] or None,
        "event_bytes": [event.size for event in summary.events] or None,
        "result": result_of(exchange, summary),
        "retry_count": retry_count,
        "attempt": 1 + (retry_count or 0),
    }


def response_row(
    exchange: Exchange, summary: Summary, body: bytes, spans: Mapping[str, Span]
) -> Row:
    """What only an exchange of the Responses API has; `spans` are of the members of `body`."""
    route = exchange.route
    params = b",".join(
        json.dumps(name).encode() + b":" + span.of(body)
        for name, span in spans.items()
        if not span.of(body).startswith(_PARTS.get(name, ()))
    )
    return {
        "endpoint": route.endpoint if route else None,
        "response_id": summary.response_id,
        "previous_response_id": _text(summary.request.get("previous_response_id")),
        "params": f"{{{params.decode(errors='replace')}}}" if spans else None,
        "status": summary.status,
        "incomplete_reason": summary.incomplete_reason,
        "service_tier": _service_tier(summary),
        "first_token_ms": summary.first_token_ms,
    }


def usage_row(exchange: Exchange, summary: Summary) -> Row:
    """The tokens that an answer reported, and their list price."""
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
