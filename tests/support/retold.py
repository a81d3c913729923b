"""Responses that are told of more than once: in the background, broken off, fetched, cancelled."""

from collections.abc import Iterable
from typing import Any

from tapes import Told, response, sse, stream, usage

QUEUED: dict[str, Any] = {"status": "queued", "output": [], "usage": None}
"""What a response in the background has before a model has seen it."""


def call(number: int, **members: Any) -> dict[str, Any]:
    """A call of a function."""
    return {
        "type": "function_call",
        "id": f"fc_{number}",
        "call_id": f"call_{number}",
        "name": "tide",
        "arguments": "{}",
        "status": "completed",
        **members,
    }


def result(number: int, output: Any = "six") -> dict[str, Any]:
    """What the client answers it."""
    return {"type": "function_call_output", "call_id": f"call_{number}", "output": output}


def ask(*items: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"model": "gpt-5.1", "input": list(items) or "hi", **members}


def fetch(number: int, answer: Any, **members: Any) -> Told:
    return Told(b"", answer, path=f"/v1/responses/resp_{number}", method="GET", **members)


def cancel(number: int, answer: Any) -> Told:
    return Told(b"", answer, path=f"/v1/responses/resp_{number}/cancel")


def broken(answer: dict[str, Any], done: Iterable[dict[str, Any]]) -> list[Any]:
    """A stream that broke off after some items."""
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    items = [{"type": "response.output_item.done", "item": item} for item in done]
    return [sse({"type": "response.created", "response": begun}), *map(sse, items)]


def background(finished: bool) -> list[Told]:
    """Two responses: one fetched while its stream still ran, one compacted in the background."""
    whole = response(1, output=[call(1), call(2)])
    kept = {"type": "compaction", "encrypted_content": "x" * 9}
    compacted = response(2, output=[kept])
    managed = {"background": True, "context_management": [{"type": "compaction"}]}
    return [
        Told(ask(), stream(whole) if finished else broken(whole, [call(1)]), outcome=None),
        Told(ask(**managed), response(2, **QUEUED)),
        fetch(1, {**whole, "status": "in_progress", "output": [call(1, status="in_progress")]}),
        fetch(2, {**compacted, "usage": usage(90, 0, 9, 0)}),
        fetch(1, whole),
        fetch(2, compacted),
        Told(ask(result(1)), response(3)),
    ]
