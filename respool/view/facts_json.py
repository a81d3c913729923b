"""The facts as JSON, for scripts: one object for an exchange, its keys listed in `KEYS`.

What is not known is null. Times are UTC, durations ms, costs USD. Items stand as they travelled,
but for encrypted contents, of which only the size is reading.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from respool.view.readable import weight

if TYPE_CHECKING:
    from respool.view.additions import Additions
    from respool.view.facts import Reading

Json = Any  # any JSON value

_DEEPEST = 200
_OWN_KEYS = frozenset({"input", "instructions", "tools", "model", "previous_response_id"})

KEYS: Mapping[str, str] = {
    "exchange": "number in the cassette",
    "id": "id of the exchange in every database",
    "began": "when the request had arrived, UTC",
    "method": "of the request; WEBSOCKET for a client's message",
    "path": "of the request, with its query",
    "upstream": "base URL of the server",
    "endpoint": "create, compact, retrieve, ...",
    "result": "ok, failed, interrupted or unfinished",
    "verdict": "the same in a word of its own, as in the list",
    "status": "HTTP status",
    "outcome": "complete, or who broke it off",
    "outcome_detail": "the recorder's words on it",
    "response_status": "completed, incomplete, failed, ...",
    "incomplete_reason": "why a response is incomplete",
    "error_code": "of the error, if there was one",
    "error_message": "of the error, if there was one",
    "model": "that answered, else the one asked for",
    "requested_model": "that was asked for",
    "service_tier": "that served the request, else the one asked for",
    "response_id": "of the answer",
    "previous_response_id": "that the request named",
    "request_id": "the x-request-id header of the answer",
    "transport": "json, sse or websocket",
    "connection": "the exchange of the WebSocket's handshake",
    "streamed": "whether the answer came as events or messages",
    "events": "how many events came",
    "retry_of": "the exchange that this one retries",
    "attempt": "which attempt at the same request it is, from 1",
    "parent": "the exchange that had sent the first items of the input",
    "input_items": "items in the request's input",
    "added_items": "how many of them the parent had not sent",
    "calls": "names or types of the tools that were called",
    "input_tokens": "as the server reported them",
    "cached_tokens": "of the input",
    "output_tokens": "as the server reported them",
    "reasoning_tokens": "of the output",
    "total_tokens": "as the server reported them",
    "cost_usd": "at list price",
    "unpriced": "whether it was probably billed and the price is not known",
    "first_event_ms": "from the request to the first event",
    "first_token_ms": "from the request to the first event with output",
    "duration_ms": "from the request to the end",
}
"""What is told of every exchange."""

MORE_KEYS: Mapping[str, str] = {
    "retried_by": "the exchange that retries this one",
    "continues": "the exchange whose conversation this one continues",
    "added": "the items that neither it nor its answer held",
    "echoed": "the items of its answer that were sent back",
    "instructions": "of the request",
    "tools": "that the request offered",
    "settings": "the other members of the request",
    "output": "the items of the answer, unfinished ones included",
}
"""What is told besides of an exchange that was asked for by its number."""


def facts(reading: "Reading") -> dict[str, Json]:
    """The object for a list."""
    exchange, summary, usage = reading.exchange, reading.summary, reading.usage
    return {
        "exchange": reading.number,
        "id": str(exchange.id),
        "began": _utc(exchange.began),
        "method": exchange.request.method,
        "path": exchange.request.path,
        "upstream": exchange.upstream or None,
        "endpoint": reading.endpoint,
        "result": reading.result,
        "verdict": reading.verdict.word,
        "status": exchange.status,
        "outcome": exchange.outcome,
        "outcome_detail": exchange.error,
        "response_status": summary.status,
        "incomplete_reason": summary.incomplete_reason,
        "error_code": summary.error_code,
        "error_message": summary.error_message,
        "model": summary.model,
        "requested_model": summary.requested_model,
        "service_tier": reading.service_tier,
        "response_id": summary.response_id,
        "previous_response_id": _string(summary.request.get("previous_response_id")),
        "request_id": exchange.header("x-request-id") or None,
        "transport": exchange.transport,
        "connection": exchange.socket,
        "streamed": exchange.streamed if exchange.status is not None else None,
        "events": len(summary.events) if exchange.streamed else None,
        "retry_of": reading.retry.of if reading.retry else None,
        "attempt": reading.attempt,
        "parent": reading.parent,
        "input_items": reading.input_items,
        "added_items": reading.added_items,
        "calls": None if reading.call_count is None else reading.call_names,
        "input_tokens": usage.input_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "total_tokens": usage.total_tokens if usage else None,
        "cost_usd": reading.cost_usd,
        "unpriced": reading.unpriced,
        "first_event_ms": summary.first_event_ms,
        "first_token_ms": summary.first_token_ms,
        "duration_ms": exchange.ended_ms,
    }


def more_facts(reading: "Reading", additions: "Additions") -> dict[str, Json]:
    """The object for one exchange."""
    request = reading.summary.request
    return facts(reading) | {
        "retried_by": reading.retried_by,
        "continues": additions.kin.number if additions.kin else None,
        "added": additions.items,
        "echoed": additions.echoed,
        "instructions": request.get("instructions"),
        "tools": request.get("tools"),
        "settings": {name: request[name] for name in request if name not in _OWN_KEYS},
        "output": reading.output,
    }


def as_json(value: Mapping[str, Json]) -> str:
    """`value` on one line of ASCII that every JSON parser and every terminal takes."""
    return json.dumps(_sayable(value), allow_nan=False)


def _sayable(value: Json, depth: int = 0) -> Json:
    """`value` without encrypted contents, numbers beyond a double, and nesting without end."""
    if isinstance(value, (list, Mapping)) and depth > _DEEPEST:
        return "(nested too deeply)"
    if isinstance(value, list):
        return [_sayable(entry, depth + 1) for entry in value]
    if isinstance(value, Mapping):
        return {
            name: f"[encrypted, {weight(entry)}]"
            if name == "encrypted_content" and isinstance(entry, str)
            else _sayable(entry, depth + 1)
            for name, entry in value.items()
        }
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _utc(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None


def _string(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
