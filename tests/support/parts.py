"""Exchanges as validation gets them: one that is clean, to be spoilt by a test."""

from typing import Any

from analytics.validate import ExchangeParts, findings

USAGE: dict[str, Any] = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 25,
}
CALL: dict[str, Any] = {
    "type": "function_call",
    "id": "fc_a",
    "call_id": "call_a",
    "name": "weather",
    "arguments": '{"town": "Delft"}',
    "status": "completed",
}
TOOL: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object"},
    "strict": False,
}
REQUEST: dict[str, Any] = {
    "model": "a-model",
    "stream": True,
    "tools": [TOOL],
    "input": [{"role": "user", "content": "Does it rain in Delft?"}],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_a",
    "object": "response",
    "created_at": 1790000000,
    "status": "completed",
    "model": "a-model",
    "output": [CALL],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [TOOL],
    "usage": USAGE,
}
STARTED: dict[str, Any] = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}

type Events = list[tuple[str | None, Any]]


def stream(*data: dict[str, Any], numbered: bool = True, named: bool = True) -> Events:
    """Events of an SSE stream, with sequence numbers and event names unless told otherwise."""
    counted = (
        {**each, "sequence_number": number} if numbered else each
        for number, each in enumerate(data)
    )
    return [(each["type"] if named else None, each) for each in counted]


def call_events() -> list[dict[str, Any]]:
    """The data of a whole stream that answers with one function call."""
    started = {**CALL, "arguments": "", "status": "in_progress"}
    place = {"item_id": "fc_a", "output_index": 0}
    arguments = CALL["arguments"]
    return [
        {"type": "response.created", "response": STARTED},
        {"type": "response.output_item.added", "output_index": 0, "item": started},
        {"type": "response.function_call_arguments.delta", **place, "delta": arguments},
        {"type": "response.function_call_arguments.done", **place, "arguments": arguments},
        {"type": "response.output_item.done", "output_index": 0, "item": CALL},
        {"type": "response.completed", "response": RESPONSE},
    ]


def streamed(events: Events, **changes: Any) -> ExchangeParts:
    """A streamed exchange of these events; its response is the last event's."""
    parts: dict[str, Any] = {"request": REQUEST, "status": 200, "events": events} | changes
    return ExchangeParts("create", streamed=True, **parts)


def answered(response: object, status: int = 200, **changes: Any) -> ExchangeParts:
    """An exchange whose answer is one body."""
    return ExchangeParts(
        "create", **{"request": REQUEST, **changes}, status=status, response=response
    )


def rows(parts: ExchangeParts) -> set[tuple[str, ...]]:
    """The findings of an exchange as plain rows."""
    return {(f.where, f.kind, f.path, f.type, f.shape) for f in findings(parts)}
