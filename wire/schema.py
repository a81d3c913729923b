"""The shapes of the Responses API: the official `openai` package's own types, looked up by tag.

The one module with the heavy import (about 1 s); `analytics` alone uses it. Upgrading the SDK
upgrades the schema. `check` annotates and never rejects: whatever it is given, it returns what
deviates, and raises nothing.
"""

from functools import cache
from typing import get_args

from openai.types.responses import (
    CompactedResponse,
    InputTokenCountParams,
    InputTokenCountResponse,
    Response,
    ResponseCompactParams,
    ResponseInputItem,
    ResponseInputItemParam,
    ResponseInputParam,
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
from wire.schema_surface import Kind, Surface

__all__ = ["Deviation", "Kind", "check", "surface", "tags"]


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
_SURFACE = Surface(
    kinds={
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
    },
    tagged=(
        ResponseInputItem,
        ResponseInputItemParam,
        *get_args(ResponseInputParam),  # the same once more, as classes of their own
        ResponseItem,
        ResponseOutputItem,
        ResponsesClientEventParam,
        ResponsesServerEvent,
        ResponseStreamEvent,
        Tool,
        ToolParam,
    ),
    named={Response: "response", ResponseUsage: "usage"},
)


def check(kind: Kind, value: object, *, beta: bool = False) -> list[Deviation]:
    """What deviates in a parsed JSON value, each deviation once; empty if nothing does.

    Items and tools inside it are found by their `type`, messages also by what fits best among the
    SDK's three; a message without `type` is valid as input. Strict: "5" is not an integer, 5.0
    neither, but an integer is a number. What is inside an unknown field is not looked at. With
    `beta`, it is held against the beta's types; the first time costs their import.
    """
    return list(dict.fromkeys(translated(_validator(kind, beta)(value), kind)))


def tags(kind: Kind, *, beta: bool = False) -> frozenset[str]:
    """Every `type` tag that this kind of thing can have; empty for kinds that have none."""
    annotation = surface(beta).kinds[kind]
    return frozenset(tag for model in members(annotation) for tag in _tags(model))


@cache
def surface(beta: bool) -> Surface:
    """The SDK's description of the API, or of its beta."""
    if not beta:
        return _SURFACE
    from wire.schema_beta import SURFACE  # a third of a second that only the beta costs

    return SURFACE


@cache
def _validator(kind: Kind, beta: bool) -> Validator:
    return _validators(beta).validator(surface(beta).kinds[kind])


@cache
def _validators(beta: bool) -> Validators:
    described = surface(beta)
    things: dict[object, str] = {each: "" for union in described.tagged for each in members(union)}
    things.update(described.named)
    return Validators(things)
