"""Scenes of tools on MCP servers, and of tools that are searched for and called by a program.

| cue in the last user text | what follows |
|---|---|
| `museum tickets` | an MCP server's tools, an approval request; the call, or a message if denied |
| `ferry times` | an MCP server's tools, a call that fails in the tool; a message |
| `closed harbour` | an MCP server whose tools cannot be listed; a message |
| `in the catalogue` | a search of the server's for tools, a call of what it found; a message |
| `any tool for tides` | a search that the client does; a call of what it found; a message |
| `add it all up` | a program that calls a function; its output and a message |
"""

from respool.demo.scene import Json, Move, Scene

_CITY: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_OPENING_HOURS: Json = {
    "type": "function",
    "name": "opening_hours",
    "description": "When the sights of a city open.",
    "parameters": _CITY,
    "strict": True,
}


def _mcp(label: str, approval: str) -> Json:
    url = f"https://{label}.example/mcp"
    return {
        "type": "mcp",
        "server_label": label,
        "server_url": url,
        "require_approval": approval,
    }


def _listed(label: str, *names: str) -> Json:
    return {
        "type": "mcp_list_tools",
        "server_label": label,
        "tools": [
            {
                "name": name,
                "description": f"{name.replace('_', ' ').capitalize()} in a city.",
                "annotations": {"read_only": True},
                "input_schema": _CITY,
            }
            for name in names
        ],
    }


SERVERS = (
    Scene(
        "museum tickets",
        (
            Move(
                shows=(
                    _listed("museum", "find_tickets", "buy_tickets"),
                    {
                        "type": "mcp_approval_request",
                        "name": "buy_tickets",
                        "server_label": "museum",
                        "arguments": '{"city":"Kyoto"}',
                    },
                )
            ),
            Move(
                shows=(
                    {
                        "type": "mcp_call",
                        "approval_request_id": "^mcp_approval_request.id",
                        "name": "buy_tickets",
                        "server_label": "museum",
                        "arguments": '{"city":"Kyoto"}',
                        "output": '{"tickets":2,"jpy":2600}',
                    },
                ),
                says="You have two tickets for Friday.",
            ),
        ),
        tools=(_mcp("museum", "always"),),
        denied=Move(says="Then I leave the tickets; you can buy them at the door."),
    ),
    Scene(
        "ferry times",
        (
            Move(
                shows=(
                    _listed("ferry", "departures"),
                    {
                        "type": "mcp_call",
                        "status": "failed",
                        "name": "departures",
                        "server_label": "ferry",
                        "arguments": '{"city":"Ōsaka"}',
                        "error": {
                            "type": "mcp_tool_execution_error",
                            "content": [{"type": "text", "text": "no departures in winter"}],
                        },
                    },
                ),
                says="The ferry company says that no boat leaves in winter.",
            ),
        ),
        tools=(_mcp("ferry", "never"),),
    ),
    Scene(
        "closed harbour",
        (
            Move(
                shows=(_listed("harbour") | {"error": "The server did not answer."},),
                says="The harbour's server does not answer.",
            ),
        ),
        tools=(_mcp("harbour", "never"),),
    ),
    Scene(
        "in the catalogue",
        (
            Move(
                shows=(
                    {
                        "type": "tool_search_call",
                        "arguments": {"paths": ["sights"]},
                        "call_id": None,
                        "execution": "server",
                    },
                    {
                        "type": "tool_search_output",
                        "call_id": None,
                        "execution": "server",
                        "tools": [
                            {
                                "type": "namespace",
                                "name": "sights",
                                "description": "Temples and gardens.",
                                "tools": [_OPENING_HOURS],
                            }
                        ],
                    },
                    {
                        "type": "function_call",
                        "name": "opening_hours",
                        "namespace": "sights",
                        "arguments": '{"city":"Kyoto"}',
                    },
                )
            ),
            Move(says="Most temples open at nine."),
        ),
        tools=(
            {"type": "tool_search"},
            {
                "type": "namespace",
                "name": "sights",
                "description": "Temples and gardens.",
                "tools": [_OPENING_HOURS | {"defer_loading": True}],
            },
        ),
    ),
    Scene(
        "any tool for tides",
        (
            Move(
                shows=(
                    {
                        "type": "tool_search_call",
                        "arguments": {"goal": "tides at Amanohashidate"},
                        "execution": "client",
                    },
                )
            ),
            Move(
                shows=(
                    {
                        "type": "function_call",
                        "name": "tides",
                        "arguments": '{"place":"Amanohashidate"}',
                    },
                )
            ),
            Move(says="Low water is at ten past three."),
        ),
        tools=(
            {
                "type": "tool_search",
                "execution": "client",
                "description": "Find a tool by what it is for.",
                "parameters": {"type": "object", "properties": {"goal": {"type": "string"}}},
            },
        ),
    ),
    Scene(
        "add it all up",
        (
            Move(
                shows=(
                    {
                        "type": "program",
                        "call_id": "@program",
                        "code": "const fare = await tools.fare({to: 'Nara'});\nreturn fare * 2;",
                        "fingerprint": "fp_0000000000000001",
                    },
                    {
                        "type": "function_call",
                        "caller": {"type": "program", "caller_id": "@program"},
                        "name": "fare",
                        "arguments": '{"to":"Nara"}',
                    },
                )
            ),
            Move(
                shows=(
                    {
                        "type": "program_output",
                        "call_id": "^program.call_id",
                        "result": "1440",
                    },
                ),
                says="Both tickets to Nara are 1440 JPY.",
            ),
        ),
        tools=(
            {"type": "programmatic_tool_calling"},
            {
                "type": "function",
                "name": "fare",
                "description": "The fare to a place, in JPY.",
                "parameters": {
                    "type": "object",
                    "properties": {"to": {"type": "string"}},
                    "required": ["to"],
                    "additionalProperties": False,
                },
                "strict": True,
                "allowed_callers": ["programmatic"],
            },
        ),
    ),
)
