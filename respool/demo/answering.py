"""How a client answers what a model calls: the item for each kind of call, with a fixed output."""

from typing import Any

Json = dict[str, Any]  # Any: a JSON object of the API


def answer(call: Json) -> Json | None:
    """The item that answers `call`; None for what waits for no answer of the client's."""
    ident = call.get("call_id")
    match call["type"]:
        case "function_call":
            return {"type": "function_call_output", "call_id": ident, "output": "ok"}
        case "custom_tool_call":
            return {"type": "custom_tool_call_output", "call_id": ident, "output": "ok"}
        case "computer_call":
            shot = {"type": "computer_screenshot", "image_url": "data:image/png;base64,AA=="}
            return {
                "type": "computer_call_output",
                "call_id": ident,
                "output": shot,
                "acknowledged_safety_checks": call["pending_safety_checks"],
            }
        case "local_shell_call":
            return {"type": "local_shell_call_output", "id": ident, "output": "ok"}
        case "shell_call":
            outcome = {"type": "exit", "exit_code": 0}
            output = {"stdout": "ok", "stderr": "", "outcome": outcome}
            commands = len(call["action"]["commands"])
            return {"type": "shell_call_output", "call_id": ident, "output": [output] * commands}
        case "apply_patch_call":
            return {"type": "apply_patch_call_output", "call_id": ident, "status": "completed"}
        case "tool_search_call" if call.get("execution") == "client":
            return {
                "type": "tool_search_output",
                "call_id": ident,
                "execution": "client",
                "status": "completed",
                "tools": [],
            }
        case "mcp_approval_request":
            return {
                "type": "mcp_approval_response",
                "approval_request_id": call["id"],
                "approve": True,
            }
        case _:
            return None
