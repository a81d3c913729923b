"""Cassettes for tests, written by the real journal without a proxy in front of it."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cassettes.journal import Journal
from cassettes.notes import Answered, Began, Ended, Got, Note

SSE = "text/event-stream"
JSON = "application/json"


@dataclass
class Told:
    """An exchange to be written: request and answer, as JSON or as exact bytes."""

    request: Any = field(default_factory=lambda: {"model": "gpt-5.1", "input": "hi"})
    answer: Any = None
    """A JSON body, exact bytes, or a list of events; None for no answer at all."""
    status: int = 200
    path: str = "/v1/responses"
    method: str = "POST"
    outcome: str | None = "complete"
    """None leaves the exchange without an end."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    step_ms: float = 10.0


def response(number: int = 1, **members: Any) -> dict[str, Any]:
    """A small finished response."""
    return {
        "id": f"resp_{number}",
        "object": "response",
        "status": "completed",
        "model": "gpt-5.1-2025-11-13",
        "output": [message(f"answer {number}", number)],
        "usage": usage(100 * number, 60, 20, 5),
        **members,
    }


def message(text: str, number: int = 1) -> dict[str, Any]:
    """An output message."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def usage(given: int, cached: int, made: int, reasoning: int) -> dict[str, Any]:
    """A usage object that adds up."""
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": given + made,
    }


def stream(final: dict[str, Any]) -> list[dict[str, Any]]:
    """A short stream that ends with `final`."""
    return [
        {"type": "response.created", "response": {**final, "output": [], "usage": None}},
        {"type": "response.output_text.delta", "delta": "answer"},
        {"type": f"response.{final['status']}", "response": final},
    ]


def sse(event: dict[str, Any]) -> bytes:
    """An event as servers frame it."""
    data = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def notes(number: int, told: Told, at_ns: int) -> Iterable[Note]:
    """What a recorder hands to the journal for one exchange."""
    step = int(told.step_ms * 1e6)
    body = told.request if isinstance(told.request, bytes) else json.dumps(told.request).encode()
    headers = [
        ("Authorization", "Bearer sk-tapes-0123456789"),
        ("User-Agent", "tests/1"),
        *told.headers,
    ]
    yield Began(number, at_ns, time.time_ns(), told.method, told.path, headers, body)
    if told.answer is not None:
        streamed = isinstance(told.answer, list)
        kind = SSE if streamed else JSON
        at_ns += step
        yield Answered(number, at_ns, told.status, [("Content-Type", kind)])
        if streamed:
            chunks = [event if isinstance(event, bytes) else sse(event) for event in told.answer]
        elif isinstance(told.answer, bytes):
            chunks = [told.answer]
        else:
            chunks = [json.dumps(told.answer, indent=2).encode()]
        for chunk in chunks:
            at_ns += step
            yield Got(number, at_ns, chunk)
    if told.outcome is not None:
        yield Ended(number, at_ns + step, told.outcome)


def write_tape(path: Path, exchanges: Iterable[Told], *, calm: bool = True) -> Path:
    """Write exchanges to a cassette, which is continued if it is there.

    Without `calm` the file stays the journal that a killed recorder leaves.
    """
    journal = Journal(path, base="/v1", upstream="http://127.0.0.1:1/v1")
    at_ns = time.monotonic_ns()
    for number, told in enumerate(exchanges, journal.next_number):
        for note in notes(number, told, at_ns):
            journal.put(note)
    journal.close(calm=calm)
    assert journal.failure is None
    return path
