"""What a scene is made of. A scene is data: nothing in it knows of ids, tokens or transport.

Items stand as the API's own JSON, without what the server mints. Two signs link them: a string
`@name` is one fresh call id (as an `id`, one fresh item id) for all that bear this name within one
answer, and `^type.field` is this field of the latest such item of the conversation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

type Json = dict[str, Any]  # Any: a JSON object from outside, of whatever shape a client sent
type Trouble = Literal["rate_limited_once", "too_long", "fails", "breaks_off", "drops"]


@dataclass(frozen=True, slots=True)
class Call:
    """One function call."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Move:
    """One answer, in this order: what the model thinks, other items, what it says, its calls.

    `thinks` are the parts of a reasoning summary, `aloud` the reasoning itself, which only models
    with open weights show. `calls` are made only if their tools were offered; `shows` are items of
    any type, which need no offer.
    """

    thinks: tuple[str, ...] = ()
    aloud: tuple[str, ...] = ()
    shows: tuple[Json, ...] = ()
    says: str = ""
    refuses: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """The moves that answer one question. Every move but the last waits for the client.

    `tools` are what a client would offer for it. `denied` comes in place of the next move where the
    client denied an approval. With `halts`, an answer over WebSocket waits after a few deltas for
    the client's next message.
    """

    cue: str
    moves: tuple[Move, ...]
    trouble: Trouble | None = field(default=None, kw_only=True)
    tools: tuple[Json, ...] = field(default=(), kw_only=True)
    denied: Move | None = field(default=None, kw_only=True)
    halts: bool = field(default=False, kw_only=True)
