"""From a Response to the server-sent events that stream it.

The events are numbered from 0 without a gap, every item and part that is opened is closed with the
very content that the Response has, the deltas of a part join to exactly that content, and the last
event carries the Response itself.
"""

import re
from collections.abc import Iterator

from respool.demo.answers import compact_json
from respool.demo.ids import Mint
from respool.demo.script import Json

_PIECE = re.compile(r"\s*\S{1,9}|\s+")


def stream(response: Json, padding: Mint | None = None) -> Iterator[Json]:
    """The events of `response`, whose status says how it ends.

    With `padding`, each delta carries an `obfuscation`, which hides how long its text is.
    """
    for number, event in enumerate(_all_events(response)):
        numbered = {"type": event.pop("type"), "sequence_number": number, **event}
        if padding is not None and "delta" in numbered:
            numbered["obfuscation"] = padding.padding(16 - len(numbered["delta"]) % 16)
        yield numbered


def broken_stream(response: Json, padding: Mint | None = None) -> Iterator[Json]:
    """The events of `response` up to its first finished part, where an `error` ends the stream."""
    number = 0
    for event in stream(response, padding):
        number = event["sequence_number"]
        if event["type"].endswith((".done", ".completed")):
            break
        yield event
    yield {
        "type": "error",
        "sequence_number": number,
        "code": "server_error",
        "message": "The connection to the model was lost.",
        "param": None,
    }


def sse(event: Json) -> bytes:
    """The event as it goes over the wire."""
    return f"event: {event['type']}\ndata: {compact_json(event)}\n\n".encode("utf-8", "replace")


def _all_events(response: Json) -> Iterator[Json]:
    begun = response | {"status": "in_progress", "output": [], "usage": None, "error": None}
    begun |= {"incomplete_details": None, "completed_at": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": _opened(item)}
        for event in _inside(item):
            yield event | {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


def _opened(item: Json) -> Json:
    """The item as it is announced, before it has any content."""
    match item["type"]:
        case "message":
            return item | {"status": "in_progress", "content": []}
        case "function_call":
            return item | {"status": "in_progress", "arguments": ""}
        case _:
            return item | {"summary": []}


def _inside(item: Json) -> Iterator[Json]:
    match item["type"]:
        case "message":
            for index, part in enumerate(item["content"]):
                yield from _content_part(index, part)
        case "function_call":
            kind = "response.function_call_arguments"
            for piece in _pieces(item["arguments"]):
                yield {"type": f"{kind}.delta", "delta": piece}
            yield {"type": f"{kind}.done", "arguments": item["arguments"]}
        case _:
            for index, part in enumerate(item["summary"]):
                yield from _summary_part(index, part)


def _content_part(index: int, part: Json) -> Iterator[Json]:
    refused = part["type"] == "refusal"
    kind, field = ("refusal", "refusal") if refused else ("output_text", "text")
    extra: Json = {"content_index": index} if refused else {"content_index": index, "logprobs": []}
    opened = {"content_index": index, "part": part | {field: ""}}
    yield {"type": "response.content_part.added", **opened}
    for piece in _pieces(part[field]):
        yield {"type": f"response.{kind}.delta", **extra, "delta": piece}
    yield {"type": f"response.{kind}.done", **extra, field: part[field]}
    yield {"type": "response.content_part.done", "content_index": index, "part": part}


def _summary_part(index: int, part: Json) -> Iterator[Json]:
    at = {"summary_index": index}
    kind = "response.reasoning_summary"
    yield {"type": f"{kind}_part.added", **at, "part": part | {"text": ""}}
    for piece in _pieces(part["text"]):
        yield {"type": f"{kind}_text.delta", **at, "delta": piece}
    yield {"type": f"{kind}_text.done", **at, "text": part["text"]}
    yield {"type": f"{kind}_part.done", **at, "part": part}


def _pieces(text: str) -> list[str]:
    """`text` in deltas of about a word; joined they are `text` again."""
    return _PIECE.findall(text)
