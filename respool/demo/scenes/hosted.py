"""Scenes of the tools that the vendor runs itself.

| cue in the last user text | what follows |
|---|---|
| `train timetable` | a web search, an opened page, a find in it; a message with a URL citation |
| `travel notes` | a file search; a message with a file citation and a file path |
| `split the bill` | code with logs and an image; a message with a container file citation |
| `draw me a postcard` | a generated image, with as many partial images as the tool asks for |
| `forbidden postcard` | an image generation that moderation blocked |
| `count my photos` | a shell call in a container, with its output |
| `hosted desk` | a call and its output of every tool that a client can run, and tools added |
"""

from respool.demo.scene import Json, Move, Scene

_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR42mPYpKQERAwQCgAdNgPZdZY1ugAA"
    "AABJRU5ErkJggg=="
)
_NOTES = "file-travelnotes0000000001"
_BOX = "cntr_0000000000000000000000000000000000000001"


def _cited(text: str, *annotations: Json) -> Json:
    part = {"type": "output_text", "annotations": [*annotations], "logprobs": [], "text": text}
    return {"type": "message", "role": "assistant", "content": [part]}


HOSTED = (
    Scene(
        "train timetable",
        (
            Move(
                thinks=("**Asking the railway**\n\nThe timetable changed in October.",),
                shows=(
                    {
                        "type": "web_search_call",
                        "action": {
                            "type": "search",
                            "query": "Kyoto Nara timetable",
                            "queries": ["Kyoto Nara timetable"],
                            "sources": [{"type": "url", "url": "https://rail.example/nara"}],
                        },
                    },
                    {
                        "type": "web_search_call",
                        "action": {"type": "open_page", "url": "https://rail.example/nara"},
                    },
                    {
                        "type": "web_search_call",
                        "action": {
                            "type": "find_in_page",
                            "pattern": "Miyakoji",
                            "url": "https://rail.example/nara",
                        },
                    },
                    _cited(
                        "The Miyakoji Rapid leaves Kyoto every half hour (Nara Line).",
                        {
                            "type": "url_citation",
                            "cites": "(Nara Line)",
                            "title": "Nara Line",
                            "url": "https://rail.example/nara",
                        },
                    ),
                ),
            ),
        ),
        tools=({"type": "web_search"},),
    ),
    Scene(
        "travel notes",
        (
            Move(
                shows=(
                    {
                        "type": "file_search_call",
                        "queries": ["ryokan breakfast", "check-in time"],
                        "results": [
                            {
                                "attributes": {"year": 2025, "city": "Kyoto"},
                                "file_id": _NOTES,
                                "filename": "notes.md",
                                "score": 0.75,
                                "text": "Breakfast from seven, check-in before six.",
                            }
                        ],
                    },
                    _cited(
                        "Your notes say: breakfast from seven, check-in before six.",
                        {
                            "type": "file_citation",
                            "cites": ".",
                            "file_id": _NOTES,
                            "filename": "notes.md",
                        },
                        {"type": "file_path", "cites": "notes", "file_id": _NOTES},
                    ),
                )
            ),
        ),
        tools=({"type": "file_search", "vector_store_ids": ["vs_notes"]},),
    ),
    Scene(
        "split the bill",
        (
            Move(
                shows=(
                    {
                        "type": "code_interpreter_call",
                        "code": "total = 27_600\nprint(f'{total / 3:.0f} JPY each')\nplot(total)",
                        "container_id": _BOX,
                        "outputs": [
                            {"type": "logs", "logs": "9200 JPY each\n"},
                            {"type": "image", "url": "https://files.example/pie.png"},
                        ],
                    },
                    _cited(
                        "Each of you pays 9200 JPY; the chart is in pie.png.",
                        {
                            "type": "container_file_citation",
                            "cites": "pie.png",
                            "container_id": _BOX,
                            "file_id": "cfile_00000000000000000000000000000001",
                            "filename": "pie.png",
                        },
                    ),
                )
            ),
        ),
        tools=({"type": "code_interpreter", "container": {"type": "auto"}},),
    ),
    Scene(
        "draw me a postcard",
        (
            Move(
                shows=(
                    {
                        "type": "image_generation_call",
                        "action": "generate",
                        "background": "opaque",
                        "output_format": "png",
                        "quality": "low",
                        "result": _PNG,
                        "revised_prompt": "A vermilion gate in the rain, as a small postcard.",
                        "size": "1024x1024",
                    },
                ),
                says="Here is your postcard.",
            ),
        ),
        tools=({"type": "image_generation", "partial_images": 2},),
    ),
    Scene(
        "forbidden postcard",
        (
            Move(
                shows=(
                    {
                        "type": "image_generation_call",
                        "status": "failed",
                        "result": None,
                        "revised_prompt": "A postcard that nobody should send.",
                        "error": {
                            "code": "moderation_blocked",
                            "message": "The request was rejected by the safety system.",
                            "param": None,
                            "type": "image_generation_user_error",
                            "moderation_details": {
                                "categories": ["harassment"],
                                "moderation_stage": "input",
                            },
                        },
                    },
                ),
                says="This postcard cannot be drawn.",
            ),
        ),
        tools=({"type": "image_generation"},),
    ),
    Scene(
        "count my photos",
        (
            Move(
                shows=(
                    {
                        "type": "shell_call",
                        "call_id": "@count",
                        "action": {
                            "commands": ["ls photos | wc -l", "du -sh photos"],
                            "max_output_length": 1000,
                            "timeout_ms": 10_000,
                        },
                        "environment": {"type": "container_reference", "container_id": _BOX},
                    },
                    {
                        "type": "shell_call_output",
                        "call_id": "@count",
                        "max_output_length": 1000,
                        "output": [
                            {
                                "stdout": "214\n",
                                "stderr": "",
                                "outcome": {"type": "exit", "exit_code": 0},
                            },
                            {
                                "stdout": "",
                                "stderr": "du: still counting\n",
                                "outcome": {"type": "timeout"},
                            },
                        ],
                    },
                ),
                says="You took 214 photos so far.",
            ),
        ),
        tools=({"type": "shell", "environment": {"type": "container_auto"}},),
    ),
    Scene(
        "hosted desk",
        (
            Move(
                shows=(
                    {
                        "type": "additional_tools",
                        "role": "developer",
                        "tools": [{"type": "custom", "name": "ring_bell"}],
                    },
                    {
                        "type": "function_call",
                        "call_id": "@room",
                        "name": "free_rooms",
                        "arguments": '{"night":"Thursday"}',
                    },
                    {
                        "type": "function_call_output",
                        "call_id": "@room",
                        "output": [{"type": "input_text", "text": "Two rooms are free."}],
                    },
                    {
                        "type": "custom_tool_call",
                        "call_id": "@bell",
                        "name": "ring_bell",
                        "input": "twice",
                    },
                    {"type": "custom_tool_call_output", "call_id": "@bell", "output": "rung"},
                    {
                        "type": "computer_call",
                        "call_id": "@screen",
                        "action": {"type": "screenshot"},
                    },
                    {
                        "type": "computer_call_output",
                        "call_id": "@screen",
                        "output": {
                            "type": "computer_screenshot",
                            "file_id": "file-screenshot000000000001",
                            "image_url": f"data:image/png;base64,{_PNG}",
                        },
                    },
                    {
                        "type": "local_shell_call",
                        "call_id": "@date",
                        "action": {"type": "exec", "command": ["date", "-u"], "env": {}},
                    },
                    {"type": "local_shell_call_output", "id": "@date", "output": "Thu Nov 6\n"},
                    {
                        "type": "apply_patch_call",
                        "call_id": "@patch",
                        "operation": {"type": "delete_file", "path": "guests/old.txt"},
                    },
                    {
                        "type": "apply_patch_call_output",
                        "call_id": "@patch",
                        "status": "completed",
                        "output": "Deleted guests/old.txt",
                    },
                    {
                        "type": "mcp_approval_request",
                        "id": "@approval",
                        "name": "pay",
                        "server_label": "till",
                        "arguments": '{"chf":112}',
                    },
                    {
                        "type": "mcp_approval_response",
                        "approval_request_id": "@approval",
                        "approve": False,
                        "reason": "Guests pay when they leave.",
                    },
                ),
                says="The desk has done all it could.",
            ),
        ),
    ),
)
