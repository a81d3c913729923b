"""Things of the API as the SDK describes them, written out by hand, one or more of every kind."""

from typing import Any

from wire.schema import Kind

TEXT = {"type": "output_text", "text": "Four.", "annotations": [], "logprobs": []}
ANSWER = {
    "type": "message",
    "id": "msg_a",
    "role": "assistant",
    "status": "completed",
    "content": [TEXT],
}
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 6,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
}
WEATHER = {
    "type": "function",
    "name": "weather",
    "strict": True,
    "parameters": {"type": "object", "anything": {"goes": 1}},
}
RESPONSE = {
    "id": "resp_a",
    "object": "response",
    "created_at": 1790000000,
    "status": "completed",
    "model": "a-model",
    "output": [ANSWER],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [WEATHER],
    "usage": USAGE,
}
DELTA = {
    "type": "response.output_text.delta",
    "item_id": "msg_a",
    "output_index": 0,
    "content_index": 0,
    "sequence_number": 4,
    "delta": "Fo",
    "logprobs": [],
}

VALID: list[tuple[Kind, Any]] = [
    ("input_item", {"role": "user", "content": "2 + 2?"}),
    ("input_item", {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]}),
    ("input_item", {"role": "assistant", "content": "Four.", "phase": None}),
    ("input_item", {"id": "msg_a"}),
    ("input_item", ANSWER),
    ("input_item", {"type": "compaction_trigger"}),
    ("input_item", {"type": "function_call_output", "call_id": "call_a", "output": "21 degrees"}),
    (
        "input_item",
        {
            "type": "function_call_output",
            "call_id": "call_a",
            "output": [{"type": "input_image", "image_url": "https://example.test/a.png"}],
        },
    ),
    ("output_item", {"type": "reasoning", "id": "rs_a", "summary": [], "content": None}),
    (
        "output_item",
        {
            "type": "function_call",
            "call_id": "call_a",
            "name": "weather",
            "arguments": "{}",
            "async": True,
        },
    ),
    ("item", {"type": "message", "id": "msg_b", "role": "user", "content": []}),
    ("tool", WEATHER),
    ("tool", {"type": "web_search_2025_08_26"}),
    (
        "tool",
        {
            "type": "file_search",
            "vector_store_ids": ["vs_a"],
            "filters": {
                "type": "and",
                "filters": [
                    {"type": "eq", "key": "year", "value": 2031},
                    {"type": "or", "filters": []},
                ],
            },
        },
    ),
    ("response", RESPONSE),
    ("response", {**RESPONSE, "created_at": 1790000000.25, "instructions": [ANSWER]}),
    (
        "compacted_response",
        {
            "id": "resp_c",
            "object": "response.compaction",
            "created_at": 1790000000,
            "usage": USAGE,
            "output": [
                {
                    "type": "message",
                    "id": "msg_b",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "2 + 2?"}],
                },
                {"type": "compaction", "id": "cmp_a", "encrypted_content": "AAAA"},
            ],
        },
    ),
    (
        "item_page",
        {
            "object": "list",
            "data": [ANSWER],
            "first_id": "msg_a",
            "last_id": "msg_a",
            "has_more": False,
        },
    ),
    ("input_token_count", {"object": "response.input_tokens", "input_tokens": 9}),
    ("usage", USAGE),
    ("event", DELTA),
    (
        "event",
        {
            "type": "response.output_item.done",
            "sequence_number": 7,
            "output_index": 0,
            "item": ANSWER,
        },
    ),
    (
        "event",
        {"type": "error", "code": None, "message": "no", "param": None, "sequence_number": 1},
    ),
    ("websocket_event", {**DELTA, "stream_id": "lane"}),
    ("websocket_event", {"type": "error", "error": {"type": "x", "message": "no"}, "status": 400}),
    (
        "client_event",
        {"type": "response.create", "model": "a-model", "generate": False, "input": [ANSWER]},
    ),
    (
        "create_request",
        {
            "model": "a-model",
            "input": "2 + 2?",
            "stream": True,
            "tools": [WEATHER],
            "metadata": {"a": "b"},
        },
    ),
    ("create_request", {"model": "a-model", "stream": False, "store": False, "tools": []}),
    ("compact_request", {"model": "a-model", "previous_response_id": "resp_a"}),
    ("input_tokens_request", {"model": "a-model", "input": "2 + 2?"}),
    ("error", {"error": {"type": "x", "message": "no", "code": None, "param": None}}),
]
