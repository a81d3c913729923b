"""More of `item_payloads`: calls that carry their output, outputs, and what lists tools."""

from item_payloads import CALLS, DATA_URL, MESSAGES, PNG, Payload

HOSTED = [
    Payload(
        {
            "type": "web_search_call",
            "id": "ws_1",
            "action": {
                "type": "search",
                "query": "tide tables",
                "queries": ["tide tables", "Brest tide"],
            },
            "status": "completed",
        },
        {"call_id": "ws_1", "text": "tide tables\nBrest tide", "status": "completed"},
        {
            "name": "web_search",
            "arguments": '{"type": "search", "query": "tide tables", '
            '"queries": ["tide tables", "Brest tide"]}',
        },
    ),
    Payload(
        {
            "type": "web_search_call",
            "id": "ws_2",
            "action": {"type": "find_in_page", "url": "https://tides.test", "pattern": "Brest"},
            "status": "failed",
        },
        {"call_id": "ws_2", "text": "Brest\nhttps://tides.test", "status": "failed"},
        {
            "name": "web_search",
            "arguments": '{"type": "find_in_page", "url": "https://tides.test", '
            '"pattern": "Brest"}',
            "error": "failed",
        },
    ),
    Payload(
        {
            "type": "file_search_call",
            "id": "fs_1",
            "queries": ["buoy colours"],
            "results": [{"file_id": "file_1", "filename": "iala.md", "text": "Red to port."}],
            "status": "completed",
        },
        {
            "call_id": "fs_1",
            "text": "buoy colours\niala.md\nRed to port.",
            "status": "completed",
        },
        {
            "name": "file_search",
            "arguments": '["buoy colours"]',
            "output": "iala.md\nRed to port.",
        },
    ),
    Payload(
        {
            "type": "code_interpreter_call",
            "id": "ci_1",
            "container_id": "cntr_1",
            "code": "print(6 * 7)",
            "outputs": [{"type": "logs", "logs": "42"}, {"type": "image", "url": DATA_URL}],
            "status": "completed",
        },
        {
            "call_id": "ci_1",
            "text": "print(6 * 7)\n42",
            "media_bytes": len(DATA_URL),
            "status": "completed",
        },
        {"name": "code_interpreter", "arguments": "print(6 * 7)", "output": "42"},
    ),
    Payload(
        {
            "type": "image_generation_call",
            "id": "ig_1",
            "revised_prompt": "A lighthouse at dusk",
            "result": PNG,
            "output_format": "png",
            "status": "completed",
        },
        {
            "call_id": "ig_1",
            "text": "A lighthouse at dusk",
            "media_bytes": len(PNG),
            "status": "completed",
        },
        {
            "name": "image_generation",
            "arguments": "A lighthouse at dusk",
            "output": f"[{len(PNG)} bytes of media]",
        },
    ),
    Payload(
        {
            "type": "mcp_call",
            "id": "mcp_1",
            "server_label": "port",
            "name": "berth",
            "arguments": "{}",
            "output": "berth 12",
            "error": None,
            "status": "completed",
        },
        {
            "call_id": "mcp_1",
            "name": "berth",
            "namespace": "port",
            "text": "{}\nberth 12",
            "status": "completed",
        },
        {"name": "berth", "namespace": "port", "arguments": "{}", "output": "berth 12"},
    ),
    Payload(
        {
            "type": "mcp_call",
            "id": "mcp_2",
            "server_label": "port",
            "name": "berth",
            "arguments": "{}",
            "error": {"type": "http_error", "code": 503, "message": "closed"},
            "status": "failed",
        },
        {
            "call_id": "mcp_2",
            "name": "berth",
            "namespace": "port",
            "text": "{}",
            "error": '{"type": "http_error", "code": 503, "message": "closed"}',
            "status": "failed",
        },
        {
            "name": "berth",
            "namespace": "port",
            "arguments": "{}",
            "error": '{"type": "http_error", "code": 503, "message": "closed"}',
        },
    ),
]

OUTPUTS = [
    Payload(
        {
            "type": "function_call_output",
            "call_id": "call_tide",
            "output": [
                {"type": "input_text", "text": "high at 6"},
                {"type": "input_image", "image_url": DATA_URL},
            ],
        },
        {"call_id": "call_tide", "text": "high at 6", "media_bytes": len(DATA_URL)},
    ),
    Payload(
        {"type": "custom_tool_call_output", "call_id": "call_log", "output": "noted"},
        {"call_id": "call_log", "text": "noted"},
    ),
    Payload(
        {
            "type": "shell_call_output",
            "call_id": "call_sh",
            "output": [
                {"stdout": "a b", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
                {"stdout": "", "stderr": "denied", "outcome": {"type": "exit", "exit_code": 2}},
                {"stdout": "", "stderr": "", "outcome": {"type": "timeout"}},
            ],
        },
        {"call_id": "call_sh", "text": "a b\ndenied", "error": "exit code 2, timeout"},
    ),
    Payload(
        {"type": "local_shell_call_output", "id": "call_lsh", "output": '{"output":"7:buoy"}'},
        {"call_id": "call_lsh", "text": '{"output":"7:buoy"}'},
    ),
    Payload(
        {
            "type": "apply_patch_call_output",
            "call_id": "call_patch",
            "status": "failed",
            "output": "no such file",
        },
        {"call_id": "call_patch", "text": "no such file", "status": "failed"},
    ),
    Payload(
        {
            "type": "computer_call_output",
            "call_id": "call_screen",
            "output": {"type": "computer_screenshot", "image_url": DATA_URL},
        },
        {"call_id": "call_screen", "media_bytes": len(DATA_URL)},
    ),
    Payload(
        {
            "type": "tool_search_output",
            "call_id": "call_ts",
            "execution": "client",
            "tools": [
                {"type": "namespace", "name": "sea", "tools": [{"type": "custom", "name": "log"}]},
                {"type": "mcp", "server_label": "port"},
                {"type": "web_search"},
            ],
        },
        {"call_id": "call_ts", "text": "sea\nlog\nport\nweb_search"},
    ),
    Payload(
        {"type": "program_output", "call_id": "call_prog", "result": "6", "status": "completed"},
        {"call_id": "call_prog", "text": "6", "status": "completed"},
    ),
    Payload(
        {
            "type": "multi_agent_call_output",
            "call_id": "call_agent",
            "action": "spawn_agent",
            "output": [{"type": "output_text", "text": "agent 2", "annotations": []}],
        },
        {"call_id": "call_agent", "name": "spawn_agent", "text": "agent 2"},
    ),
    Payload(
        {
            "type": "mcp_approval_response",
            "approval_request_id": "mcpr_1",
            "approve": False,
            "reason": "not at night",
        },
        {"call_id": "mcpr_1", "text": "not approved\nnot at night"},
    ),
    Payload(
        {"type": "sonar_call_output", "call_id": "call_s", "result": "9 m"},
        {"call_id": "call_s", "text": "9 m"},
    ),
]

LISTINGS = [
    Payload(
        {
            "type": "mcp_list_tools",
            "id": "mcpl_1",
            "server_label": "port",
            "tools": [{"name": "berth", "input_schema": {}}, {"name": "lock", "input_schema": {}}],
            "error": "one server is asleep",
        },
        {"namespace": "port", "text": "berth\nlock", "error": "one server is asleep"},
    ),
    Payload(
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [{"type": "function", "name": "anchor", "parameters": {}}],
        },
        {"role": "developer", "text": "anchor"},
        given=True,
    ),
    Payload(
        {"type": "weather_report", "summary": [{"text": "calm"}], "chart": PNG * 9},
        {"text": "calm"},
    ),
]

PAYLOADS = [*MESSAGES, *CALLS, *HOSTED, *OUTPUTS, *LISTINGS]
"""Every one; the calls before what answers them."""
