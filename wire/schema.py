"""The shapes of the Responses API: the official `openai` package's own types, looked up by tag.

The one module with the heavy import (about 1 s); `analytics` alone uses it. Upgrading the SDK
upgrades the schema. `check` annotates and never rejects: whatever it is given, it returns what
deviates, and raises nothing.
"""

from functools import cache
from typing import Literal

from openai.types.responses import (
    CompactedResponse,
    InputTokenCountParams,
    InputTokenCountResponse,
    Response,
    ResponseCompactParams,
    ResponseInputItem,
    ResponseInputItemParam,
    ResponseItem,
    ResponseItemList,
    ResponseOutputItem,
    ResponsesClientEventParam,
    ResponsesServerEvent,
    ResponseStreamEvent,
    ResponseUsage,
    Tool,
    ToolParam,
)
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from openai.types.shared import ErrorObject
from pydantic import BaseModel

from wire.schema_annotations import members
from wire.schema_annotations import tags as _tags
from wire.schema_derived import Validator, Validators
from wire.schema_deviations import Deviation, translated

__all__ = ["Deviation", "Kind", "check", "tags"]

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


class _CreateRequest(ResponseCreateParamsBase, total=False):
    """The SDK splits it in two by `stream`, which would need every request checked twice."""

    stream: bool | None


class _CompactedResponse(CompactedResponse):
    """The SDK types `output` as output items and documents that the user's messages are in it."""

    output: list[ResponseItem | ResponseOutputItem]  # type: ignore[assignment]


class _ErrorBody(BaseModel):
    """What an HTTP error answers (API reference, "Error codes"); the SDK types its inside alone."""

    error: ErrorObject


# The SDK has most shapes twice. What a client sends is held against the parameters, which alone say
# that a nullable field must be there; what a server answers against the models.
_KINDS: dict[Kind, object] = {
    "input_item": ResponseInputItemParam,
    "output_item": ResponseOutputItem,
    "item": ResponseItem,
    "tool": ToolParam,
    "response": Response,
    "compacted_response": _CompactedResponse,
    "item_page": ResponseItemList,
    "input_token_count": InputTokenCountResponse,
    "usage": ResponseUsage,
    "event": ResponseStreamEvent,
    "websocket_event": ResponsesServerEvent,
    "client_event": ResponsesClientEventParam,
    "create_request": _CreateRequest,
    "compact_request": ResponseCompactParams,
    "input_tokens_request": InputTokenCountParams,
    "error": _ErrorBody,
}

_TAGGED = (
    ResponseInputItem,
    ResponseInputItemParam,
    ResponseItem,
    ResponseOutputItem,
    ResponsesClientEventParam,
    ResponsesServerEvent,
    ResponseStreamEvent,
    Tool,
    ToolParam,
)


def check(kind: Kind, value: object) -> list[Deviation]:
    """What deviates in a parsed JSON value, each deviation once; empty if nothing does.

    Items and tools inside it are found by their `type`, messages also by what fits best among the
    SDK's three; a message without `type` is valid as input. Strict: "5" is not an integer, 5.0
    neither, but an integer is a number. What is inside an unknown field is not looked at.
    """
    return list(dict.fromkeys(translated(_validator(kind)(value), kind)))


def tags(kind: Kind) -> frozenset[str]:
    """Every `type` tag that this kind of thing can have; empty for kinds that have none."""
    return frozenset(tag for model in members(_KINDS[kind]) for tag in _tags(model))


@cache
def _validator(kind: Kind) -> Validator:
    return _validators().validator(_KINDS[kind])


@cache
def _validators() -> Validators:
    tagged = {model: "" for union in _TAGGED for model in members(union)}
    return Validators({**tagged, Response: "response", ResponseUsage: "usage"})
