"""The events inside one output item, between the one that adds it and the one that is done with it.

Which types have events of their own, and which, is what the SDK's stream event union knows. An item
of any other type is only added and done.
"""

from collections.abc import Iterator

from respool.demo.pieces import pieces
from respool.demo.scene import Json


def inside(item: Json, response: Json) -> Iterator[Json]:
    """The events of `item`, without what names the item, its place and their number."""
    match item["type"]:
        case "message":
            for index, part in enumerate(item["content"]):
                yield from _content_part(index, part)
        case "reasoning":
            for index, part in enumerate(item["summary"]):
                yield from _summary_part(index, part)
            for index, part in enumerate(item.get("content") or []):
                yield from _reasoning_part(index, part)
        case "function_call":
            yield from _written("function_call_arguments", "arguments", item)
        case "custom_tool_call":
            yield from _written("custom_tool_call_input", "input", item)
        case "mcp_call":
            yield {"type": "response.mcp_call.in_progress"}
            yield from _written("mcp_call_arguments", "arguments", item)
            yield {"type": f"response.mcp_call.{'failed' if item['error'] else 'completed'}"}
        case "mcp_list_tools":
            yield {"type": "response.mcp_list_tools.in_progress"}
            yield {"type": f"response.mcp_list_tools.{'failed' if item['error'] else 'completed'}"}
        case "code_interpreter_call":
            yield {"type": "response.code_interpreter_call.in_progress"}
            yield from _written("code_interpreter_call_code", "code", item)
            yield {"type": "response.code_interpreter_call.interpreting"}
            yield {"type": "response.code_interpreter_call.completed"}
        case "web_search_call" | "file_search_call" as kind:
            for step in ("in_progress", "searching", "completed"):
                yield {"type": f"response.{kind}.{step}"}
        case "image_generation_call":
            yield from _image(item, response)
        case "shell_call":
            for index, command in enumerate(item["action"]["commands"]):
                yield from _command(index, command)
        case "shell_call_output":
            for index, output in enumerate(item["output"]):
                yield from _command_output(index, output)
        case "compaction":
            yield {"type": "response.compaction.compacting"}


def _written(kind: str, field: str, item: Json) -> Iterator[Json]:
    for piece in pieces(item[field]):
        yield {"type": f"response.{kind}.delta", "delta": piece}
    yield {"type": f"response.{kind}.done", field: item[field]}


def _content_part(index: int, part: Json) -> Iterator[Json]:
    at = {"content_index": index}
    if part["type"] == "refusal":
        yield {"type": "response.content_part.added", **at, "part": part | {"refusal": ""}}
        for piece in pieces(part["refusal"]):
            yield {"type": "response.refusal.delta", **at, "delta": piece}
        yield {"type": "response.refusal.done", **at, "refusal": part["refusal"]}
    else:
        blank = part | {"annotations": [], "logprobs": [], "text": ""}
        sure = [_without_bytes(entry) for entry in part["logprobs"]]
        yield {"type": "response.content_part.added", **at, "part": blank}
        for number, piece in enumerate(pieces(part["text"])):
            delta = {"logprobs": sure[number : number + 1], "delta": piece}
            yield {"type": "response.output_text.delta", **at, **delta}
        for number, note in enumerate(part["annotations"]):
            added = {"annotation_index": number, "annotation": note}
            yield {"type": "response.output_text.annotation.added", **at, **added}
        whole = {"logprobs": sure, "text": part["text"]}
        yield {"type": "response.output_text.done", **at, **whole}
    yield {"type": "response.content_part.done", **at, "part": part}


def _without_bytes(entry: Json) -> Json:
    """A logprob as events have it: without the bytes that the item has."""
    top = [{"token": one["token"], "logprob": one["logprob"]} for one in entry["top_logprobs"]]
    return {"token": entry["token"], "logprob": entry["logprob"], "top_logprobs": top}


def _summary_part(index: int, part: Json) -> Iterator[Json]:
    at = {"summary_index": index}
    kind = "response.reasoning_summary"
    yield {"type": f"{kind}_part.added", **at, "part": part | {"text": ""}}
    for piece in pieces(part["text"]):
        yield {"type": f"{kind}_text.delta", **at, "delta": piece}
    yield {"type": f"{kind}_text.done", **at, "text": part["text"]}
    yield {"type": f"{kind}_part.done", **at, "part": part}


def _reasoning_part(index: int, part: Json) -> Iterator[Json]:
    at = {"content_index": index}
    yield {"type": "response.content_part.added", **at, "part": part | {"text": ""}}
    for piece in pieces(part["text"]):
        yield {"type": "response.reasoning_text.delta", **at, "delta": piece}
    yield {"type": "response.reasoning_text.done", **at, "text": part["text"]}
    yield {"type": "response.content_part.done", **at, "part": part}


def _image(item: Json, response: Json) -> Iterator[Json]:
    kind = "response.image_generation_call"
    yield {"type": f"{kind}.in_progress"}
    yield {"type": f"{kind}.generating"}
    if item["result"] is None:
        return
    tools = [tool for tool in response["tools"] if tool.get("type") == "image_generation"]
    look = {name: item[name] for name in ("background", "output_format", "quality", "size")}
    for index in range(tools[0].get("partial_images") or 0 if tools else 0):
        partial = {"partial_image_index": index, "partial_image_b64": item["result"]}
        yield {"type": f"{kind}.partial_image", **partial, **look}
    yield {"type": f"{kind}.completed"}


def _command(index: int, command: str) -> Iterator[Json]:
    at = {"command_index": index}
    kind = "response.shell_call_command"
    yield {"type": f"{kind}.added", **at, "command": ""}
    for piece in pieces(command):
        yield {"type": f"{kind}.delta", **at, "delta": piece}
    yield {"type": f"{kind}.done", **at, "command": command}


def _command_output(index: int, output: Json) -> Iterator[Json]:
    at = {"command_index": index}
    kind = "response.shell_call_output_content"
    for name in ("stdout", "stderr"):
        for piece in pieces(output[name]):
            yield {"type": f"{kind}.delta", **at, "delta": {name: piece}}
    yield {"type": f"{kind}.done", **at, "output": [output]}
