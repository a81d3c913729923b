"""What a request added to the conversation, and what it only carried along.

An agent resends its history and the model's last answer at every turn. Items are the request's own
when neither an earlier request sent them nor an earlier answer brought them; whatever differs from
what was answered, if only by a word, is shown as added.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cassettes.contents import Contents
from cassettes.summary import load_json
from respool.view.facts import Reading, kind_of, read
from respool.view.item_lines import content_text, tool_names

Json = Any  # any JSON value: what clients send is known only after looking

_FARTHEST = 500
"""How many exchanges back an answer is looked for by its id."""
_NEAR = 8
"""How many exchanges back an answer is looked for by its content."""
_UNESSENTIAL = frozenset({"id", "status", "type"})


@dataclass(frozen=True, slots=True)
class Additions:
    """The request's place in its conversation, and what is new in it."""

    items: list[Json]
    """The items that are the request's own."""
    echoed: list[Json] = field(default_factory=list)
    """Items of the answer of `kin` that were sent back."""
    kin: Reading | None = None
    """The exchange that this one goes on from; None if it begins a conversation."""
    names: dict[str, str] = field(default_factory=dict)
    """Names of the tools whose outputs may be among the items, by `call_id`."""


def additions(cassette: Contents, reading: Reading) -> Additions:
    """Take the request of `reading` apart; reads the exchanges that it goes on from."""
    items = _own_items(cassette, reading)
    kin = _kin(cassette, reading, items)
    answered = kin.output if kin else []
    names = tool_names([*answered, *items])
    known = {_essence(item) for item in answered} | {
        ("item_reference", item["id"])
        for item in answered
        if isinstance(item, dict) and isinstance(item.get("id"), str)
    }
    echoed = [item for item in items if _essence(item) in known]
    return Additions([item for item in items if _essence(item) not in known], echoed, kin, names)


def _own_items(cassette: Contents, reading: Reading) -> list[Json]:
    refs = cassette.exchanges[reading.number].parts.get("input")
    if refs is not None:
        own = [cassette.item(ref) for ref in refs[reading.inherited :]]
        return [_parsed(raw) for raw in own]
    given = reading.summary.request.get("input")
    if given is None:
        return []
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return list(given) if isinstance(given, list) else [given]


def _parsed(raw: bytes) -> Json:
    value = load_json(raw)
    return raw.decode(errors="replace") if value is None else value


def _kin(cassette: Contents, reading: Reading, items: list[Json]) -> Reading | None:
    if reading.parent is not None:
        return read(cassette, reading.parent)
    earlier = [x for x in cassette.exchanges if x < reading.number]
    previous = reading.summary.request.get("previous_response_id")
    if isinstance(previous, str) and previous:
        return _answered_as(cassette, previous, earlier[-_FARTHEST:])
    carried = {_essence(item) for item in items if not _is_users(item)}
    for x in reversed(earlier[-_NEAR:] if carried else []):
        candidate = read(cassette, x)
        if any(_essence(item) in carried for item in candidate.output):
            return candidate
    return None


def _answered_as(cassette: Contents, response_id: str, earlier: Iterable[int]) -> Reading | None:
    for x in reversed(list(earlier)):
        exchange = cassette.exchange(x)
        if response_id.encode("utf-8", "replace") in exchange.body:
            found = read(cassette, x)
            if found.summary.response_id == response_id:
                return found
    return None


def _is_users(item: Json) -> bool:
    return isinstance(item, dict) and item.get("role") == "user"


def _essence(item: Json) -> tuple[str, ...]:
    """What an item says, however a client writes it again: without ids, defaults and key order."""
    kind = kind_of(item)
    if not isinstance(item, dict):
        return (kind, _canonical(item))
    if kind == "message":
        return (kind, str(item.get("role")), content_text(item.get("content")))
    if kind == "item_reference":
        return (kind, str(item.get("id")))
    if isinstance(sealed := item.get("encrypted_content"), str) and sealed:
        return (kind, sealed)
    kept = {
        name: value
        for name, value in item.items()
        if name not in _UNESSENTIAL and value not in (None, "", [])
    }
    if isinstance(arguments := kept.get("arguments"), str):
        kept["arguments"] = load_json(arguments) or arguments
    return (kind, _canonical(kept)) if kept else (kind, str(item.get("id")))


def _canonical(value: Json) -> str:
    try:
        return json.dumps(value, sort_keys=True, default=str)
    except (RecursionError, TypeError, ValueError):
        return repr(type(value))
