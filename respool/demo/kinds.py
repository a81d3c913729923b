"""The item types of the API: how each is identified, announced, paid for and answered.

A type that is not listed here is never sent. What a client sends may be of any type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from respool.demo.scene import Json

_STATUS: Mapping[str, object] = {"status": "completed"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One item type.

    `opened` are the fields as an item is announced, before it has content; `done` are defaults of
    the finished item; `written` are the fields that the model writes, so they cost output tokens.
    `answered_by` is the type of the item with which the client answers a call of this type.
    """

    prefix: str
    opened: Mapping[str, object] = field(default_factory=dict)
    done: Mapping[str, object] = field(default_factory=lambda: _STATUS)
    written: tuple[str, ...] = ()
    answered_by: str | None = None
    called: bool = False
    starts: bool = True
    """`called`: it has a `call_id`. `starts`: its status is `in_progress` while it is open."""


KINDS: Mapping[str, Kind] = {
    "message": Kind("msg", {"content": []}),
    "reasoning": Kind("rs", {"summary": []}, {}),
    "function_call": Kind(
        "fc",
        {"arguments": ""},
        written=("name", "arguments"),
        answered_by="function_call_output",
        called=True,
    ),
    "function_call_output": Kind("fco", {"output": ""}, called=True),
    "custom_tool_call": Kind(
        "ctc",
        {"input": ""},
        {},
        written=("name", "input"),
        answered_by="custom_tool_call_output",
        called=True,
    ),
    "custom_tool_call_output": Kind("ctco", {"output": ""}, called=True),
    "web_search_call": Kind("ws", written=("action",)),
    "file_search_call": Kind("fs", {"results": None}, written=("queries",)),
    "code_interpreter_call": Kind("ci", {"code": "", "outputs": None}, written=("code",)),
    "image_generation_call": Kind(
        "ig", {"result": None, "revised_prompt": None, "error": None}, written=("revised_prompt",)
    ),
    "computer_call": Kind(
        "cu",
        done={"status": "completed", "pending_safety_checks": []},
        written=("action", "actions"),
        answered_by="computer_call_output",
        called=True,
    ),
    "computer_call_output": Kind("cuo", called=True),
    "local_shell_call": Kind(
        "lsh", written=("action",), answered_by="local_shell_call_output", called=True
    ),
    "local_shell_call_output": Kind("lsho", {"output": ""}),
    "shell_call": Kind("sh", written=("action",), answered_by="shell_call_output", called=True),
    "shell_call_output": Kind("sho", {"output": []}, called=True),
    "apply_patch_call": Kind(
        "apc", written=("operation",), answered_by="apply_patch_call_output", called=True
    ),
    "apply_patch_call_output": Kind("apco", called=True, starts=False),
    "mcp_list_tools": Kind("mcpl", {"tools": [], "error": None}, {"error": None}),
    "mcp_approval_request": Kind(
        "mcpr", done={}, written=("name", "arguments"), answered_by="mcp_approval_response"
    ),
    "mcp_approval_response": Kind("mcpa", done={}),
    "mcp_call": Kind(
        "mcp",
        {"arguments": "", "output": None, "error": None},
        {"status": "completed", "approval_request_id": None, "output": None, "error": None},
        written=("name", "arguments"),
    ),
    "tool_search_call": Kind(
        "tsc", written=("arguments",), answered_by="tool_search_output", called=True
    ),
    "tool_search_output": Kind("tso", {"tools": []}, called=True),
    "additional_tools": Kind("at", done={}),
    "program": Kind("prog", done={}, written=("code",), called=True),
    "program_output": Kind("progo", called=True, starts=False),
    "compaction": Kind("cmp", {"encrypted_content": ""}, {}, written=("encrypted_content",)),
}

ANSWERS = frozenset(kind.answered_by for kind in KINDS.values() if kind.answered_by)
"""The types with which a client answers a call."""


def opened(item: Json) -> Json:
    """The item as it is announced, before it has any content."""
    kind = KINDS[item["type"]]
    blank = {name: value for name, value in kind.opened.items() if name in item}
    if item["type"] == "reasoning" and "content" in item:
        blank["content"] = []
    if item["type"] == "shell_call":
        blank["action"] = item["action"] | {"commands": []}
    if "status" in item and kind.starts:
        blank["status"] = "in_progress"
    return item | blank


def is_models(item: Json) -> bool:
    """Whether the model or its server made this item, as far as a client's copy shows it."""
    kind = item.get("type")
    made = kind in KINDS and kind not in ANSWERS and kind not in ("message", "additional_tools")
    return made or item.get("role") == "assistant"


def is_answer(item: Json) -> bool:
    """Whether a client made this item to answer a call."""
    return item.get("type") in ANSWERS and item.get("execution") != "server"


def waiting(items: Sequence[Json]) -> list[Json]:
    """The calls among `items` that no item of them answers: they are the client's to answer."""
    answered = {
        item.get("call_id") or item.get("approval_request_id") or item.get("id")
        for item in items
        if item["type"] in ANSWERS
    }
    return [
        item
        for item in items
        if KINDS[item["type"]].answered_by
        and item.get("execution") != "server"
        and not answered & {item.get("call_id", ""), item.get("id", "")}
    ]
