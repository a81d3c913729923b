"""What a surface of the API is: the annotations of the SDK by what they describe.

There are two, the API itself (`wire.schema`) and its beta (`wire.schema_beta`): the same kinds of
things, of types that have nothing in common but their names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

type Kind = Literal[
    "input_item",
    "output_item",
    "item",
    "tool",
    "response",
    "compacted_response",
    "item_page",
    "input_token_count",
    "usage",
    "event",
    "websocket_event",
    "client_event",
    "create_request",
    "compact_request",
    "input_tokens_request",
    "error",
]


@dataclass(frozen=True, slots=True)
class Surface:
    """The SDK's description of one surface."""

    kinds: Mapping[Kind, object]
    """Annotations: what a client sends as parameters, what a server answers as models."""
    tagged: Sequence[object]
    """Unions whose members a deviation is filed by, under their tag."""
    named: Mapping[object, str]
    """Models without a tag that a deviation is filed by, under this name."""
