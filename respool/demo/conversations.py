"""Conversations that the server keeps, and to which responses add what was asked and answered."""

from respool.demo import errors
from respool.demo.ids import Mint
from respool.demo.scene import Json


class Conversations:
    """All conversations, by id."""

    def __init__(self) -> None:
        self._objects: dict[str, Json] = {}
        self._items: dict[str, list[Json]] = {}

    def create(self, body: Json, mint: Mint) -> Json:
        """Begin one, with the items that the request brings."""
        made: Json = {
            "id": mint.id("conv"),
            "object": "conversation",
            "created_at": mint.now,
            "metadata": body.get("metadata") or {},
        }
        self._objects[made["id"]] = made
        self._items[made["id"]] = list(body.get("items") or [])
        return made

    def found(self, conversation_id: str) -> Json:
        """The conversation object. Raises ApiError, 404."""
        if conversation_id not in self._objects:
            raise errors.no_such("Conversation", conversation_id)
        return self._objects[conversation_id]

    def items(self, conversation_id: str) -> list[Json]:
        """What was said in it so far. Raises ApiError, 404."""
        self.found(conversation_id)
        return list(self._items[conversation_id])

    def add(self, conversation_id: str, items: list[Json]) -> None:
        """Add a question and its answer."""
        self._items[conversation_id] += items
