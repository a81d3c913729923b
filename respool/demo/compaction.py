"""Compaction in its three ways: asked for by endpoint, by an input item, and due by itself.

A compaction item stands for everything before it but the user's messages, which stay readable.
"""

from collections.abc import Sequence

from respool.demo.ids import Mint
from respool.demo.scene import Json
from respool.demo.script import is_user, text_of
from respool.demo.usage import tokens, usage, weight


def compact(body: Json, items: Sequence[Json], mint: Mint) -> Json:
    """The answer to `/responses/compact`: the user's messages, and one item for all the rest."""
    kept = [
        {
            "id": mint.id("msg"),
            "type": "message",
            "status": "completed",
            "content": [{"type": "input_text", "text": text_of(item)}],
            "role": "user",
        }
        for item in items
        if is_user(item)
    ]
    summary, spent = compaction_item(mint)
    return {
        "id": mint.id("resp"),
        "object": "response.compaction",
        "created_at": mint.now,
        "output": [*kept, summary],
        "usage": usage(body, items, spent=spent, thought=0),
    }


def compaction_item(mint: Mint) -> tuple[Json, int]:
    """A compaction item and its tokens."""
    item = {"id": mint.id("cmp"), "type": "compaction", "encrypted_content": mint.opaque(240)}
    return item, tokens(item["encrypted_content"])


def is_triggered(items: Sequence[Json]) -> bool:
    """Whether the input ends with the wish to be compacted."""
    return bool(items) and items[-1].get("type") == "compaction_trigger"


def is_compaction_due(body: Json, items: Sequence[Json]) -> bool:
    """Whether the input since the last compaction is longer than `context_management` allows."""
    ends = [at for at, item in enumerate(items) if item.get("type") == "compaction"]
    since = items[ends[-1] + 1 :] if ends else items
    return any(
        entry.get("type") == "compaction" and weight(body, since) > entry["compact_threshold"]
        for entry in body.get("context_management") or []
        if entry.get("compact_threshold")
    )


def condensed(items: Sequence[Json]) -> list[Json]:
    """A conversation without what its last compaction stands for, and without triggers."""
    ends = [at for at, item in enumerate(items) if item.get("type") == "compaction"]
    last = ends[-1] if ends else 0
    return [
        item
        for at, item in enumerate(items)
        if (at >= last or is_user(item)) and item.get("type") != "compaction_trigger"
    ]
