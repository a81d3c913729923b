"""One item as a row of `items`: named by its content, read as the registry of `wire` says."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from analytics import item_text
from analytics.tables import Row
from cassettes.summary import Json, load_json
from wire.canonical import canonical, digest
from wire.items import CALLS, ItemType, item_type, type_of
from wire.slices import members


@dataclass(frozen=True, slots=True)
class Item:
    """An item's members as parsed JSON; none for what is not an object."""

    members: dict[str, Json]

    def text(self, name: str) -> str | None:
        """A member that is a string."""
        value = self.members.get(name)
        return value if isinstance(value, str) else None

    def first(self, names: Sequence[str]) -> str | None:
        """The first of these members that is a string with something in it."""
        return next((text for name in names if (text := self.text(name))), None)

    @property
    def type(self) -> str | None:
        """The item's type, also where it is left out."""
        return type_of(self.members)

    @property
    def kind(self) -> ItemType:
        """How an item of this type is read."""
        return item_type(self.type)

    @property
    def call_id(self) -> str | None:
        """What a call is known by, in the call as in what answers it."""
        return self.first(self.kind.call_id)

    @property
    def arguments(self) -> str | None:
        """What a call asks for: text as it is, anything else as JSON."""
        values = (self.members.get(name) for name in self.kind.arguments)
        return next((item_text.as_text(value) for value in values if value is not None), None)


def load_item(text: bytes) -> Item:
    """Parse an item, whatever it is."""
    value = load_json(text)
    return Item(value if isinstance(value, dict) else {})


def item_row(text: bytes) -> tuple[Row, str | None]:
    """The row of an item, and its status, which belongs to the place where it was seen."""
    item = load_item(text)
    kind = item.kind
    found = item_text.contents(item.members, kind)
    row: Row = {
        "item_id": str(uuid.UUID(bytes=item_id(text))),
        "type": item.type,
        "role": item.text("role"),
        "call_id": item.call_id,
        "name": item.first(kind.name),
        "namespace": item.first(kind.namespace),
        "phase": item.text("phase"),
        "text": found.text,
        "error": item_text.error(item.members, kind),
        "output": item_text.output(item.members, kind) if kind.what in CALLS else None,
        "bytes": len(text),
        "media_bytes": found.media or None,
        "encrypted_bytes": found.encrypted or None,
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
