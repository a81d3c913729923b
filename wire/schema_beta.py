"""The beta of the API: `openai.types.beta`, which describes all of it again and a little more.

Agents that work together (items `agent_message`, `multi_agent_call`, `multi_agent_call_output`, an
`agent` on most others) and input for a response that is under way. A module of its own since it is
imported for the exchanges of the beta only: it takes as long again as the API's own types.
"""

from typing import get_args

from openai.types.beta import (
    BetaCompactedResponse,
    BetaResponse,
    BetaResponseInputItem,
    BetaResponseInputItemParam,
    BetaResponseInputParam,
    BetaResponseItem,
    BetaResponseOutputItem,
    BetaResponsesClientEventParam,
    BetaResponsesServerEvent,
    BetaResponseStreamEvent,
    BetaResponseUsage,
    BetaTool,
    BetaToolParam,
    ResponseCompactParams,
)
from openai.types.beta.response_create_params import ResponseCreateParamsBase
from openai.types.beta.responses import (
    BetaResponseItemList,
    InputTokenCountParams,
    InputTokenCountResponse,
)
from openai.types.shared import ErrorObject
from pydantic import BaseModel

from wire.schema_surface import Surface


class _CreateRequest(ResponseCreateParamsBase, total=False):
    """Both of the SDK's, with and without `stream`."""

    stream: bool | None


class _CompactedResponse(BetaCompactedResponse):
    """The user's messages are in it, as in the API's own."""

    output: list[BetaResponseItem | BetaResponseOutputItem]  # type: ignore[assignment]  # wider


class _ErrorBody(BaseModel):
    """The API's own."""

    error: ErrorObject


SURFACE = Surface(
    kinds={
        "input_item": BetaResponseInputItemParam,
        "output_item": BetaResponseOutputItem,
        "item": BetaResponseItem,
        "tool": BetaToolParam,
        "response": BetaResponse,
        "compacted_response": _CompactedResponse,
        "item_page": BetaResponseItemList,
        "input_token_count": InputTokenCountResponse,
        "usage": BetaResponseUsage,
        "event": BetaResponseStreamEvent,
        "websocket_event": BetaResponsesServerEvent,
        "client_event": BetaResponsesClientEventParam,
        "create_request": _CreateRequest,
        "compact_request": ResponseCompactParams,
        "input_tokens_request": InputTokenCountParams,
        "error": _ErrorBody,
    },
    tagged=(
        BetaResponseInputItem,
        BetaResponseInputItemParam,
        *get_args(BetaResponseInputParam),  # the same once more, as classes of their own
        BetaResponseItem,
        BetaResponseOutputItem,
        BetaResponsesClientEventParam,
        BetaResponsesServerEvent,
        BetaResponseStreamEvent,
        BetaTool,
        BetaToolParam,
    ),
    named={BetaResponse: "response", BetaResponseUsage: "usage"},
)
