"""Traffic as the recorder notes it, and cassettes made of it, for tests of what becomes of both."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import brotli
import zstandard

from cassettes import format as lines
from cassettes.encoder import Encoder
from cassettes.exchange import Exchange
from cassettes.format import Headers
from cassettes.items import Shelf
from cassettes.journal import Journal
from cassettes.notes import Answered, Began, Ended, Got, Note
from cassettes.reader import Cassette
from cassettes.redaction import Redactor

JSON: Headers = [("Content-Type", "application/json")]
SSE: Headers = [("Content-Type", "text/event-stream; charset=utf-8")]
BEGAN_S = 1_790_000_000

HEADER = lines.Header(
    version=lines.VERSION,
    id="6f0c5f3e-5c7e-4d6c-9a53-0d3f3c1f5a10",
    salt="00112233445566778899aabbccddeeff",
    base="/v1",
    upstream="https://upstream.test/v1",
    generator="respool tests",
    created="2026-09-21T14:13:20.000+00:00",
)

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


def compact(value: Any) -> bytes:
    """JSON as the SDK writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """`data` in chunks, cut at any numbers."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


def user(text: str) -> dict[str, Any]:
    """An input item: what a user says."""
    return {"type": "message", "role": "user", "content": text}


def asking(*texts: str, **members: Any) -> bytes:
    """The body of a request whose input is what a user says."""
    return compact({"model": "gpt-5.1", "input": [user(text) for text in texts], **members})


def answering(text: str, ident: str = "resp_1", **members: Any) -> dict[str, Any]:
    """A finished Response that says `text`."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "id": ident,
        "object": "response",
        "created_at": BEGAN_S,
        "status": "completed",
        "model": "gpt-5.1-2025-11-13",
        "output": [
            {
                "type": "message",
                "id": f"msg_{ident}",
                "status": "completed",
                "role": "assistant",
                "content": [part],
            }
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 15,
        },
        **members,
    }


def sse(*events: dict[str, Any]) -> list[bytes]:
    """Events as the API frames them."""
    return [b"event: %s\ndata: %s\n\n" % (e["type"].encode(), compact(e)) for e in events]


def streaming(text: str, ident: str = "resp_1") -> list[bytes]:
    """The stream of a Response that says `text`, a word with each delta."""
    whole = answering(text, ident)
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    message = whole["output"][0]
    part = message["content"][0]
    at = {"item_id": message["id"], "output_index": 0, "content_index": 0}
    events = [
        {"type": "response.created", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": message | {"content": []},
        },
        {"type": "response.content_part.added", **at, "part": part | {"text": ""}},
        *(
            {"type": "response.output_text.delta", **at, "delta": word, "logprobs": []}
            for word in text.split()
        ),
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
        {"type": "response.completed", "response": whole},
    ]
    return sse(*({"sequence_number": n, **event} for n, event in enumerate(events)))


def exchange(
    x: int,
    request: bytes = b"{}",
    answer: bytes | Sequence[bytes] | None = b"{}",
    *,
    method: str = "POST",
    path: str = "/v1/responses",
    sent: Headers = (),
    status: int = 200,
    got: Headers | None = None,
    outcome: str | None = "complete",
    error: str = "",
    step_ms: int = 10,
) -> list[Note]:
    """What a recorder notes of exchange `x`, `step_ms` from note to note.

    An answer in several chunks is a stream unless `got` says otherwise; without an answer there is
    no head, and without an outcome no end.
    """
    chunks = [answer] if isinstance(answer, bytes) else answer
    got = got or (JSON if isinstance(answer, bytes) else SSE)
    times = iter(range((BEGAN_S + x) * 10**9, 1 << 63, step_ms * 10**6))
    now = next(times)
    sent = [("Content-Type", "application/json"), *sent]
    notes: list[Note] = [Began(x, now, now, method, path, sent, request)]
    if chunks is not None:
        notes.append(Answered(x, next(times), status, got))
        notes += [Got(x, next(times), chunk) for chunk in chunks]
    if outcome is not None:
        notes.append(Ended(x, next(times), outcome, error))
    return notes


def encoded(notes: Iterable[Note], encoder: Encoder | None = None) -> bytes:
    """The lines of a journal for `notes`."""
    encoder = encoder or Encoder(Redactor(HEADER.salt), Shelf())
    return b"".join(lines.encode(line) for note in notes for line in encoder.take(note))


def write(path: Path, *notes: list[Note]) -> Path:
    """A cassette in the form of a journal, with a header that is the same each time."""
    path.write_bytes(lines.encode(HEADER) + encoded(note for group in notes for note in group))
    return path


def record(path: Path, *notes: list[Note], **options: Any) -> list[str]:
    """Record `notes` with a real journal, and close it; what it reported."""
    failures: list[str] = []
    options = {"base": HEADER.base, "upstream": HEADER.upstream} | options
    journal = Journal(path, on_failure=failures.append, **options)
    for group in notes:
        for note in group:
            journal.put(note)
    journal.close()
    return failures


def load(path: Path) -> list[Exchange]:
    """All exchanges of a cassette."""
    with Cassette.open(path) as cassette:
        return [cassette.exchange(number) for number in cassette.exchanges]


def kinds(data: bytes) -> list[str]:
    """The kinds of the lines of a file, in order."""
    return [json.loads(line)["kind"] for line in data.splitlines()]
