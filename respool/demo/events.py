"""From a Response to the events that stream it.

The events are numbered from 0 without a gap, every item and part that is opened is closed with the
very content that the Response has, the deltas of a part join to exactly that content, and the last
event carries the Response itself.
"""

from collections.abc import Iterator

from respool.demo.ids import Mint
from respool.demo.item_events import inside
from respool.demo.kinds import opened
from respool.demo.scene import Json
from respool.demo.usage import compact_json

ENDS = ("response.completed", "response.failed", "response.incomplete", "error")
"""The types of the last event."""


def stream(response: Json, padding: Mint | None = None) -> Iterator[Json]:
    """The events of `response`, whose status says how it ends.

    With `padding`, each delta carries an `obfuscation`, which hides how long its text is.
    """
    for number, event in enumerate(_all_events(response)):
        numbered = {"type": event.pop("type"), "sequence_number": number, **event}
        if padding is not None and isinstance(numbered.get("delta"), str):
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


def begun(response: Json, status: str = "in_progress") -> Json:
    """The Response as it is before it has any output."""
    return response | {
        "status": status,
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
        "completed_at": None,
    }


def _all_events(response: Json) -> Iterator[Json]:
    if response["background"]:
        yield {"type": "response.created", "response": begun(response, "queued")}
        yield {"type": "response.queued", "response": begun(response, "queued")}
    else:
        yield {"type": "response.created", "response": begun(response)}
    yield {"type": "response.in_progress", "response": begun(response)}
    for index, item in enumerate(response["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": opened(item)}
        for event in inside(item, response):
            named = {} if event["type"] in _NAMELESS else {"item_id": item["id"]}
            yield event | named | {"output_index": index}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


_NAMELESS = tuple(f"response.shell_call_command.{step}" for step in ("added", "delta", "done"))
"""Events that do not say which item they belong to (SDK: `ResponseShellCallCommandDeltaEvent`)."""
