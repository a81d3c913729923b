"""An item of every type as it travels, and what the tables are to say of it.

`row` names the columns of `items` that have a value (of those that are compared), `call` those of
`tool_calls`; the columns that are left out are NULL.
"""

import json
from dataclasses import dataclass, field
from typing import Any

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
DATA_URL = f"data:image/png;base64,{PNG}"
SEALED = "gAAAAABocXJzX2VuY3J5cHRlZA=="
DIFF = "@@\n-print('a')\n+print('b')\n"


@dataclass(frozen=True)
class Payload:
    """An item in an input or output, and the values of the columns that it fills."""

    item: dict[str, Any]
    row: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] | None = None
    given: bool = False
    """Whether it travels in an input; else in an output."""

    @property
    def type(self) -> str:
        """The type that it is stored with."""
        return str(self.item.get("type", "message" if "role" in self.item else "item_reference"))


def _arguments(**members: Any) -> str:
    return json.dumps(members)


MESSAGES = [
    Payload(
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "phase": "final_answer",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "The tide turns at six.", "annotations": []},
                {"type": "refusal", "refusal": "I cannot name the skipper."},
            ],
        },
        {
            "role": "assistant",
            "phase": "final_answer",
            "status": "completed",
            "text": "The tide turns at six.\nI cannot name the skipper.",
        },
    ),
    Payload(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is on this chart?"},
                {"type": "input_image", "detail": "low", "image_url": DATA_URL},
                {"type": "input_file", "filename": "pilot.pdf", "file_data": DATA_URL},
                {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
            ],
        },
        {
            "role": "user",
            "text": "What is on this chart?\npilot.pdf",
            "media_bytes": 2 * len(DATA_URL) + len(PNG),
        },
        given=True,
    ),
    Payload(
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Weighing the wind"}],
            "content": [{"type": "reasoning_text", "text": "North, then west."}],
            "encrypted_content": SEALED,
        },
        {"text": "Weighing the wind\nNorth, then west.", "encrypted_bytes": len(SEALED)},
    ),
    Payload(
        {
            "type": "agent_message",
            "id": "am_1",
            "author": "scout",
            "recipient": "lead",
            "content": [
                {"type": "text", "text": "The bay is clear."},
                {"type": "encrypted_content", "encrypted_content": SEALED},
            ],
        },
        {"name": "scout", "text": "The bay is clear.", "encrypted_bytes": len(SEALED)},
    ),
    Payload({"id": "msg_0"}, given=True),
    Payload(
        {"type": "configuration_update", "id": "cu_1", "reasoning": {"effort": "low"}}, given=True
    ),
    Payload({"type": "compaction_trigger"}, given=True),
    Payload(
        {"type": "compaction", "id": "cmp_1", "encrypted_content": SEALED},
        {"encrypted_bytes": len(SEALED)},
    ),
]

CALLS = [
    Payload(
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_tide",
            "name": "tide",
            "namespace": "harbour",
            "arguments": '{"port":"Brest"}',
            "status": "completed",
        },
        {
            "call_id": "call_tide",
            "name": "tide",
            "namespace": "harbour",
            "text": '{"port":"Brest"}',
            "status": "completed",
        },
        {"name": "tide", "namespace": "harbour", "arguments": '{"port":"Brest"}'},
    ),
    Payload(
        {
            "type": "custom_tool_call",
            "id": "ctc_1",
            "call_id": "call_log",
            "name": "logbook",
            "input": "wind SW 5",
        },
        {"call_id": "call_log", "name": "logbook", "text": "wind SW 5"},
        {"name": "logbook", "arguments": "wind SW 5"},
    ),
    Payload(
        {
            "type": "shell_call",
            "id": "sh_1",
            "call_id": "call_sh",
            "action": {"commands": ["ls -a", "pwd"], "timeout_ms": 900},
            "status": "completed",
        },
        {"call_id": "call_sh", "text": "ls -a\npwd", "status": "completed"},
        {"name": "shell", "arguments": _arguments(commands=["ls -a", "pwd"], timeout_ms=900)},
    ),
    Payload(
        {
            "type": "local_shell_call",
            "id": "lsh_1",
            "call_id": "call_lsh",
            "action": {"type": "exec", "command": ["grep", "-n", "buoy", "log.txt"], "env": {}},
            "status": "completed",
        },
        {"call_id": "call_lsh", "text": "grep -n buoy log.txt", "status": "completed"},
        {
            "name": "local_shell",
            "arguments": _arguments(type="exec", command=["grep", "-n", "buoy", "log.txt"], env={}),
        },
    ),
    Payload(
        {
            "type": "apply_patch_call",
            "id": "apc_1",
            "call_id": "call_patch",
            "operation": {"type": "update_file", "path": "helm.py", "diff": DIFF},
            "status": "completed",
        },
        {"call_id": "call_patch", "text": f"helm.py\n{DIFF}", "status": "completed"},
        {
            "name": "apply_patch",
            "arguments": _arguments(type="update_file", path="helm.py", diff=DIFF),
        },
    ),
    Payload(
        {
            "type": "computer_call",
            "id": "cu_2",
            "call_id": "call_screen",
            "action": {"type": "type", "text": "harbour master"},
            "pending_safety_checks": [
                {"id": "sc_1", "code": "odd_site", "message": "Is this your bank?"}
            ],
            "status": "completed",
        },
        {
            "call_id": "call_screen",
            "text": "harbour master\nodd_site\nIs this your bank?",
            "status": "completed",
        },
        {"name": "computer", "arguments": _arguments(type="type", text="harbour master")},
    ),
    Payload(
        {
            "type": "tool_search_call",
            "id": "tsc_1",
            "call_id": None,
            "execution": "server",
            "arguments": {"query": "tides"},
            "status": "completed",
        },
        {"call_id": "tsc_1", "text": '{"query": "tides"}', "status": "completed"},
        {"name": "tool_search", "arguments": '{"query": "tides"}'},
    ),
    Payload(
        {
            "type": "program",
            "id": "prog_1",
            "call_id": "call_prog",
            "code": "await tide('Brest')",
            "fingerprint": "fp-1",
        },
        {"call_id": "call_prog", "text": "await tide('Brest')"},
        {"name": "program", "arguments": "await tide('Brest')"},
    ),
    Payload(
        {
            "type": "multi_agent_call",
            "id": "mac_1",
            "call_id": "call_agent",
            "action": "spawn_agent",
            "arguments": '{"task":"scout"}',
        },
        {"call_id": "call_agent", "name": "spawn_agent", "text": '{"task":"scout"}'},
        {"name": "spawn_agent", "arguments": '{"task":"scout"}'},
    ),
    Payload(
        {
            "type": "mcp_approval_request",
            "id": "mcpr_1",
            "server_label": "port",
            "name": "open_lock",
            "arguments": '{"lock":3}',
        },
        {"call_id": "mcpr_1", "name": "open_lock", "namespace": "port", "text": '{"lock":3}'},
        {"name": "open_lock", "namespace": "port", "arguments": '{"lock":3}'},
    ),
    Payload(
        {"type": "sonar_call", "call_id": "call_s", "input": {"depth": 9}, "error": "no echo"},
        {"call_id": "call_s", "error": "no echo"},
        {"name": "sonar", "arguments": '{"depth": 9}', "error": "no echo"},
    ),
]
"""Calls whose output stands elsewhere."""
