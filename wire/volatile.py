"""The registry of what varies between two identical runs, and which client causes it.

The matching key leaves these parts out. Transport switches choose how an answer travels, not what
it says.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VolatileMember:
    """A top-level member of a request body that does not take part in matching."""

    name: str
    reason: str


VOLATILE_MEMBERS: tuple[VolatileMember, ...] = (
    VolatileMember("prompt_cache_key", "openai-agents and Codex make a new one for each run"),
    VolatileMember("client_metadata", "Codex puts ids of the run and the window in it"),
)

TRANSPORT_SWITCHES: tuple[VolatileMember, ...] = (
    VolatileMember("stream", "JSON or SSE; told apart by the key's own transport part"),
    VolatileMember("type", "says `response.create` on a WebSocket"),
    VolatileMember("stream_id", "the lane of a WebSocket"),
)

IMPLIED: dict[str, bytes] = {"generate": b"true"}
"""Members that mean the same left out as with this value (API reference: create)."""

LEFT_OUT = frozenset(entry.name for entry in (*VOLATILE_MEMBERS, *TRANSPORT_SWITCHES))
