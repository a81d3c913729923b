"""WebSocket traffic as the recorder notes it, for tests of what becomes of it."""

import json
from collections.abc import Iterator
from typing import Any

from traffic import BEGAN_S, answering, compact

from cassettes.format import Close, Headers
from cassettes.notes import SWITCHED, Answered, Began, Ended, Heard, Note, Sent

UPGRADED: Headers = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
BYE = Close(code=1000, reason="", by="client")


def creating(text: str, **members: Any) -> bytes:
    """A client's message that asks for a response."""
    message = {"type": "response.create", "model": "gpt-5.1", "input": text, **members}
    return json.dumps(message).encode()  # as the SDK writes it


def steering(text: str, response_id: str) -> bytes:
    """A client's message that steers a response."""
    message = {"type": "response.steer", "input": text, "previous_response_id": response_id}
    return json.dumps(message).encode()


def messages(
    text: str, ident: str = "resp_1", lane: str | None = None, **members: Any
) -> list[bytes]:
    """What a server says for a response: it begins, a word with each delta, it ends."""
    whole = answering(text, ident, **members)
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    at = {"item_id": f"msg_{ident}", "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        *(
            {"type": "response.output_text.delta", **at, "delta": word, "logprobs": []}
            for word in text.split()
        ),
        {"type": f"response.{whole['status']}", "response": whole},
    ]
    lanes = {} if lane is None else {"stream_id": lane}
    return [compact({**event, "sequence_number": n, **lanes}) for n, event in enumerate(events)]


def connection(
    x: int,
    *said: bytes | tuple[str, bytes],
    outcome: str | None = "complete",
    close: Close | None = BYE,
    error: str = "",
    step_ms: int = 10,
    path: str = "/v1/responses",
) -> list[Note]:
    """What a recorder notes of a connection whose handshake is exchange `x`.

    `said` is what went over it: bytes of the server, and pairs of "client" or "server" and bytes,
    with "-binary" after the side for messages that are not text. Each message of the client begins
    the next exchange.
    """
    return list(_notes(x, said, outcome, close, error, step_ms, path))


def _notes(
    x: int,
    said: tuple[bytes | tuple[str, bytes], ...],
    outcome: str | None,
    close: Close | None,
    error: str,
    step_ms: int,
    path: str,
) -> Iterator[Note]:
    times = iter(range((BEGAN_S + x) * 10**9, 1 << 63, step_ms * 10**6))
    now = next(times)
    yield Began(x, now, now, "GET", path, [("Upgrade", "websocket")], b"")
    yield Answered(x, next(times), SWITCHED, UPGRADED)
    newest = x
    for each in said:
        side, data = ("server", each) if isinstance(each, bytes) else each
        now, binary = next(times), side.endswith("-binary")
        if side.startswith("client"):
            newest += 1
            yield Sent(newest, now, now, x, data, binary)
        else:
            yield Heard(x, now, data, binary)
    if outcome is not None:
        yield Ended(x, next(times), outcome, error, close)
