"""The events of the API by what they do: those of a stream, and the messages of a WebSocket.

Light to import, as both the recorder, which cuts a WebSocket into exchanges, and the analytics,
which ask whether a stream has come to its end, must mean the same events. A test holds `EVENTS` and
`CLIENT_EVENTS` against the installed SDK; one that is not in here is a finding and nothing else.
"""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What an event carries, or says."""

    RESPONSE = "response"
    """The whole Response, as `response`."""
    ITEM = "item"
    """An item, as `item`, that has begun or is done."""
    PART = "part"
    """A part of an item, or an annotation, that has begun or is done."""
    DELTA = "delta"
    """A piece of what the model makes; the first of them is the first token."""
    DONE = "done"
    """What the deltas before it amount to, once more and whole."""
    PROGRESS = "progress"
    """How far something is that takes its time: a hosted tool, a compaction."""
    NOTICE = "notice"
    """What became of a message of the client's; over WebSocket only."""
    ERROR = "error"
    """The end, without a Response."""


_BY_ROLE: Mapping[Role, tuple[str, ...]] = {
    Role.RESPONSE: (
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.failed",
        "response.incomplete",
    ),
    Role.ITEM: ("response.output_item.added", "response.output_item.done"),
    Role.PART: (
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.annotation.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.shell_call_command.added",
    ),
    Role.DELTA: (
        "response.audio.delta",
        "response.audio.transcript.delta",
        "response.code_interpreter_call_code.delta",
        "response.custom_tool_call_input.delta",
        "response.function_call_arguments.delta",
        "response.mcp_call_arguments.delta",
        "response.output_text.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.refusal.delta",
        "response.shell_call_command.delta",
        "response.shell_call_output_content.delta",
    ),
    Role.DONE: (
        "response.audio.done",
        "response.audio.transcript.done",
        "response.code_interpreter_call_code.done",
        "response.custom_tool_call_input.done",
        "response.function_call_arguments.done",
        "response.mcp_call_arguments.done",
        "response.output_text.done",
        "response.reasoning_summary_text.done",
        "response.reasoning_text.done",
        "response.refusal.done",
        "response.shell_call_command.done",
        "response.shell_call_output_content.done",
    ),
    Role.PROGRESS: (
        "response.code_interpreter_call.completed",
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call.interpreting",
        "response.compaction.compacting",
        "response.file_search_call.completed",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.image_generation_call.completed",
        "response.image_generation_call.generating",
        "response.image_generation_call.in_progress",
        "response.image_generation_call.partial_image",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_call.in_progress",
        "response.mcp_list_tools.completed",
        "response.mcp_list_tools.failed",
        "response.mcp_list_tools.in_progress",
        "response.web_search_call.completed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
    ),
    Role.NOTICE: (
        "response.inject.created",
        "response.inject.failed",
        "response.steer.accepted",
        "response.steer.failed",
        "response.steer.pending",
    ),
    Role.ERROR: ("error",),
}

EVENTS: Mapping[str, Role] = {name: role for role, names in _BY_ROLE.items() for name in names}
"""What a server sends, over SSE and WebSocket, and its role."""


def _having(role: Role) -> frozenset[str]:
    return frozenset(_BY_ROLE[role])


RESPONSES = _having(Role.RESPONSE)
"""Events that carry a Response."""

TERMINAL = frozenset({"response.completed", "response.failed", "response.incomplete", "error"})
"""Types of the events that end a stream (API reference, "Streaming events")."""

DELTAS = _having(Role.DELTA)
"""Events that carry a piece of output."""

WEBSOCKET_ONLY = _having(Role.NOTICE)
"""Events that SSE does not have."""

CREATE, STEER, INJECT = "response.create", "response.steer", "response.inject"

CLIENT_EVENTS = frozenset({CREATE, STEER, INJECT})
"""What a client sends over a WebSocket (API reference, "WebSocket mode")."""

BETA = frozenset({INJECT, "response.inject.created", "response.inject.failed"})
"""Events of both sides that only `openai.types.beta` has."""
