"""One item as a row of `items`: named by its content, its text gathered from wherever it stands."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from analytics.tables import Row
from cassettes.summary import Json, load_json
from wire.canonical import canonical, digest
from wire.slices import members

_TEXT_PARTS = ("text", "refusal", "transcript")
_TEXT_MEMBERS = ("arguments", "input", "output", "code", "result", "content", "summary")


@dataclass(frozen=True, slots=True)
class Item:
    """An item's members as parsed JSON; none for what is not an object."""

    members: dict[str, Json]

    def text(self, name: str) -> str | None:
        """A member that is a string."""
        value = self.members.get(name)
        return value if isinstance(value, str) else None

    @property
    def type(self) -> str | None:
        """The item's type; what has a role but no type is a message (API reference: `input`)."""
        return self.text("type") or ("message" if "role" in self.members else None)


def load_item(text: bytes) -> Item:
    """Parse an item, whatever it is."""
    value = load_json(text)
    return Item(value if isinstance(value, dict) else {})


def item_row(text: bytes) -> tuple[Row, str | None]:
    """The row of an item, and its status, which belongs to the place where it was seen."""
    item = load_item(text)
    encrypted = item.text("encrypted_content")
    row: Row = {
        "item_id": str(uuid.UUID(bytes=item_id(text))),
        "type": item.type,
        "role": item.text("role"),
        "call_id": item.text("call_id"),
        "name": item.text("name"),
        "namespace": item.text("namespace") or item.text("server_label"),
        "phase": item.text("phase"),
        "text": "\n".join(_texts(item.members)) or None,
        "bytes": len(text),
        "encrypted_bytes": len(encrypted) if encrypted is not None else None,
        "json": text.decode(errors="replace"),
    }
    return row, item.text("status")


def item_id(text: bytes) -> bytes:
    """16 bytes that name an item: the digest of its canonical JSON without `status`."""
    spans = members(text)
    if not spans or "status" not in spans:
        return digest(b"item", canonical(text))
    parts = {name: msgspec.Raw(span.of(text)) for name, span in spans.items() if name != "status"}
    return digest(b"item", canonical(msgspec.json.encode(parts)))


def _texts(members: dict[str, Json]) -> Iterator[str]:
    for name in _TEXT_MEMBERS:
        value = members.get(name)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for part in value:
                if isinstance(part, dict):
                    yield from (part[key] for key in _TEXT_PARTS if isinstance(part.get(key), str))
