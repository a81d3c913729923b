"""What a stream had said when it broke off: items put together from deltas alone.

Only items that were never finished are built here; a finished one stands in the stream as a whole.
Servers leave `output_index` and even `response.output_item.added` out, so both are optional.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cassettes.summary import StreamEvent, load_json

Json = Any  # any JSON value: what servers send is known only after looking


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the deltas of one event type belong: `member` of an item, or a part of that list."""

    item: str
    member: str
    part: str = ""
    text: str = "text"


_TARGETS = {
    "response.output_text.delta": _Target("message", "content", "output_text"),
    "response.refusal.delta": _Target("message", "content", "refusal", "refusal"),
    "response.reasoning_text.delta": _Target("reasoning", "content", "reasoning_text"),
    "response.reasoning_summary_text.delta": _Target("reasoning", "summary", "summary_text"),
    "response.function_call_arguments.delta": _Target("function_call", "arguments"),
    "response.custom_tool_call_input.delta": _Target("custom_tool_call", "input"),
    "response.mcp_call_arguments.delta": _Target("mcp_call", "arguments"),
    "response.code_interpreter_call_code.delta": _Target("code_interpreter_call", "code"),
}
"""API reference, "Streaming events": the deltas that carry text."""


@dataclass(slots=True)
class _Begun:
    item: dict[str, Json] = field(default_factory=dict)
    texts: dict[tuple[_Target, int], list[str]] = field(default_factory=dict)


def unfinished_items(events: Iterable[StreamEvent]) -> list[dict[str, Json]]:
    """The items of a stream that were begun and not finished, with what had come of them."""
    begun: dict[Json, _Begun] = {}
    for event in events:
        target = _TARGETS.get(event.type)
        if target is None and not event.type.startswith("response.output_item."):
            continue
        data = load_json(event.data)
        if not isinstance(data, dict):
            continue
        key = _key(data)
        if event.type == "response.output_item.done":
            begun.pop(key, None)
        elif event.type == "response.output_item.added":
            item = data.get("item")
            begun[key] = _Begun(item if isinstance(item, dict) else {})
        elif target and isinstance(data.get("delta"), str):
            index = data.get("summary_index", data.get("content_index"))
            at = (target, index if isinstance(index, int) else 0)
            entry = begun.setdefault(key, _Begun())
            entry.texts.setdefault(at, []).append(data["delta"])
    return [_together(entry) for entry in begun.values()]


def _key(data: dict[str, Json]) -> str:
    item = data.get("item")
    ident = item.get("id") if isinstance(item, dict) else None
    return str(data.get("output_index", data.get("item_id", ident)))


def _together(begun: _Begun) -> dict[str, Json]:
    item = dict(begun.item)
    parts: dict[str, list[Json]] = {}
    for (target, _), texts in sorted(begun.texts.items(), key=lambda found: found[0][1]):
        item.setdefault("type", target.item)
        text = "".join(texts)
        if target.part:
            parts.setdefault(target.member, []).append({"type": target.part, target.text: text})
        else:
            item[target.member] = text
    if item.get("type") == "message":
        item.setdefault("role", "assistant")
    return item | parts | {"status": "in_progress"}
