"""The tools that a request offers, as rows of `tools`; who offers the same shares one set."""

import uuid
from collections.abc import Iterator, Sequence

from analytics.item_text import tool_name, tools_in
from analytics.tables import Row
from cassettes.summary import Json, load_json
from wire.canonical import canonical, digest
from wire.items import tool_type
from wire.slices import items, members


def toolset_rows(texts: Sequence[bytes]) -> tuple[str | None, list[Row]]:
    """The id of a set of definitions, and its rows; those that a namespace holds follow it."""
    if not texts:
        return None, []
    ids = [digest(b"tool", canonical(text)) for text in texts]
    toolset = str(uuid.UUID(bytes=digest(b"toolset", *ids)))
    rows: list[Row] = []
    for position, (text, tool_id) in enumerate(zip(texts, ids, strict=True)):
        value = load_json(text)
        tool: dict[str, Json] = value if isinstance(value, dict) else {}
        place: Row = {"toolset_id": toolset, "position": position}
        own = _row(tool, text, tool_id)
        rows.append({**place, **own, "namespace": _text(tool.get("namespace"))})
        for member, (held, raw) in enumerate(_held(tool, text)):
            inner = _row(held, raw, digest(b"tool", canonical(raw)))
            rows.append({**place, **inner, "namespace": own["name"], "member": member})
    return toolset, rows


def _row(tool: dict[str, Json], text: bytes, tool_id: bytes) -> Row:
    kind = _text(tool.get("type"))
    return {
        "tool_id": str(uuid.UUID(bytes=tool_id)),
        "type": kind,
        "name": tool_name(tool),
        "description": _text(tool.get(tool_type(kind).description)),
        "bytes": len(text),
        "json": text.decode(errors="replace"),
    }


def _held(tool: dict[str, Json], text: bytes) -> Iterator[tuple[dict[str, Json], bytes]]:
    """The tools that a definition groups, each parsed and as it was sent."""
    member = tool_type(_text(tool.get("type"))).tools
    span = (members(text) or {}).get(member) if member and tools_in(tool) else None
    for each in (items(text, span) if span else None) or ():
        raw = each.of(text)
        if isinstance(held := load_json(raw), dict):
            yield held, raw


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
