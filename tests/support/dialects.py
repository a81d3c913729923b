"""Servers that speak the API with an accent: what each of six sends, written afresh.

Facts about real servers and no recordings: each answer has the deviations that its server is known
for and is regular otherwise. What is to be found in each stands in `test_findings_of_servers`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from respool.demo.canned import Canned

type Json = dict[str, Any]

JSON, SSE, TEXT = "application/json", "text/event-stream", "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Turn:
    """One exchange with a server: what is asked, and the answer byte by byte."""

    server: str
    name: str
    answer: bytes
    content_type: str = SSE
    status: int = 200
    method: str = "POST"
    path: str = "/responses"
    request: bytes = b""

    def __str__(self) -> str:
        return f"{self.server} {self.name}"

    def canned(self) -> Canned:
        """The answer as the scripted server gives it."""
        return Canned([self.answer], self.status, {"content-type": self.content_type})


def asking(stream: bool | None = True, **more: Any) -> bytes:
    """A request that has no deviation of its own."""
    switch = {} if stream is None else {"stream": stream}
    return json.dumps(
        {"model": "local", "input": "Does it rain in Delft?", **switch, **more}
    ).encode()


def without(value: Json, *names: str) -> Json:
    """A value without some of its members."""
    return {name: each for name, each in value.items() if name not in names}


def usage(given: int = 9, made: int = 3, **more: Any) -> Json:
    """Usage as it was before cache writes were counted."""
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
        **more,
    }


def message(text: str, **more: Any) -> Json:
    """An output message."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
        **more,
    }


def response(*output: Json, **more: Any) -> Json:
    """A Response that is done."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1790000000,
        "status": "completed",
        "model": "local",
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage(),
        **more,
    }


def events(whole: Json, *words: str) -> list[Json]:
    """The events of a stream that says `words` and ends with `whole`, all that the SDK has."""
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    begun = without(begun, "incomplete_details")
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item = {**message(""), "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    text = "".join(words)
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **at, "part": part},
        *(
            {"type": "response.output_text.delta", **at, "delta": word, "logprobs": []}
            for word in words
        ),
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": {**part, "text": text}},
        {"type": "response.output_item.done", "output_index": 0, "item": message(text)},
        {"type": f"response.{whole['status']}", "response": whole},
    ]


def numbered(data: Iterable[Json]) -> list[Json]:
    """Events with their numbers."""
    return [{**each, "sequence_number": number} for number, each in enumerate(data)]


def sse(data: Iterable[Json], *, named: bool = True, tail: bytes = b"") -> bytes:
    """A stream of events, with or without their names."""
    blocks = [
        (f"event: {each['type']}\n" if named else "") + f"data: {json.dumps(each)}\n\n"
        for each in data
    ]
    return "".join(blocks).encode() + tail


def llama_cpp() -> list[Turn]:
    """No numbers or indexes, a sparse Response, `timings`, an error's code as a number.

    It is `completed` although it was cut at `max_output_tokens`, which no type can tell.
    """
    whole = response(message("Yes, it"), model="/models/tiny-q4.gguf", max_output_tokens=3)
    whole = without(whole, "tools", "tool_choice")
    whole["usage"] = without(usage(), "output_tokens_details")
    whole["timings"] = {"predicted_ms": 81.5, "predicted_n": 3}
    lean = [without(each, "output_index", "content_index") for each in events(whole, "Yes,", " it")]
    error = {"error": {"code": 400, "message": "'input' is required", "type": "invalid_request"}}
    return [
        Turn("llama.cpp", "stream", sse(lean), request=asking(max_output_tokens=3)),
        Turn("llama.cpp", "refusal", json.dumps(error).encode(), JSON, 400, request=asking()),
    ]


def litellm() -> list[Turn]:
    """No event names, `[DONE]`, `model` everywhere, prices and more in usage, enormous ids."""
    whole = response(message("Yes."), id="resp_" + "bGl0ZWxsbTpjdXN0b20" * 32)
    whole["usage"] = usage(cost=0.00012, prompt_tokens=9)
    stream = [{**each, "model": "local"} for each in numbered(events(whole, "Ye", "s."))]
    error = {"error": {"message": "upstream timed out", "type": None, "param": None, "code": "500"}}
    broken = f"data: {json.dumps(error)}\n\n".encode()
    return [
        Turn(
            "LiteLLM proxy",
            "stream",
            sse(stream, named=False, tail=b"data: [DONE]\n\n"),
            request=asking(),
        ),
        Turn("LiteLLM proxy", "error in a stream", broken, SSE, 500, request=asking()),
    ]


def aimock() -> list[Turn]:
    """No numbers and logprobs, usage without details and all zero; nothing can be retrieved."""
    zero = without(usage(0, 0), "input_tokens_details", "output_tokens_details")
    whole = response(message("Yes."), usage=zero)
    stream = [without(each, "logprobs") for each in events(whole, "Yes.")]
    missing = json.dumps({"error": {"message": "Not found", "type": "not_found"}}).encode()
    return [
        Turn("aimock", "stream", sse(stream), request=asking()),
        Turn("aimock", "retrieval", missing, JSON, 404, "GET", "/responses/resp_1"),
        Turn(
            "aimock",
            "compaction",
            missing,
            JSON,
            404,
            path="/responses/compact",
            request=b'{"model":"local","input":"Hi"}',
        ),
    ]


def transformers_serve() -> list[Turn]:
    """Streams unasked, no event names, a time with a fraction, errors in plain text."""
    whole = response(message("Yes."), created_at=1790000000.482)
    return [
        Turn(
            "transformers serve",
            "stream that nobody asked for",
            sse(numbered(events(whole, "Yes.")), named=False),
            request=asking(None),
        ),
        Turn(
            "transformers serve",
            "error",
            b"Internal Server Error",
            TEXT,
            500,
            request=asking(),
        ),
    ]


def ogx() -> list[Turn]:
    """No event names, no `output_text.done`, `length` for a reason, compactions of plain text."""
    whole = response(message("Yes."), status="incomplete", incomplete_details={"reason": "length"})
    stream = [each for each in events(whole, "Yes.") if each["type"] != "response.output_text.done"]
    compacted = {
        "id": "resp_c",
        "object": "response.compaction",
        "created_at": 1790000000,
        "output": [{"type": "compaction", "encrypted_content": "They spoke about the weather."}],
        "usage": usage(),
    }
    return [
        Turn("OGX", "stream", sse(numbered(stream), named=False), request=asking()),
        Turn(
            "OGX",
            "compaction",
            json.dumps(compacted).encode(),
            JSON,
            path="/responses/compact",
            request=b'{"model":"local","input":"Hi"}',
        ),
    ]


def other_vendor() -> list[Turn]:
    """Counts that are null, tags of its own, fields that it need not send, errors that are words.

    It says of some items who made them, as the SDK does, too.
    """
    counts = usage()
    counts["input_tokens_details"] |= {"audio_tokens": None}
    counts["output_tokens_details"] |= {"audio_tokens": None}
    action = {"type": "find", "url": "https://weather.test", "pattern": "rain"}
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": action}
    patch = {
        "type": "apply_patch_call_output",
        "id": "apo_1",
        "call_id": "call_1",
        "status": "completed",
        "created_by": "agent_1",
    }
    whole = response(
        search,
        patch,
        message("Yes."),
        usage=counts,
        tools=[{"type": "code_interpreter", "container": {"type": "container_i_d"}}],
        tool_choice={"type": "hosted"},
        billing={"payer": "developer"},
    )
    whole = without(whole, "parallel_tool_calls")
    # The reference shows the message of a 500 and says of a 404 only that the model is not there.
    error = b'{"error": "An internal server error occurred."}'
    missing = b'{"error": "The model is not there."}'
    vendor = "another vendor"
    return [
        Turn(vendor, "answer", json.dumps(whole).encode(), JSON, request=asking(False)),
        Turn(vendor, "unknown model", missing, JSON, 404, request=asking(False)),
        Turn(vendor, "error", error, JSON, 500, request=asking(False)),
    ]


TURNS: list[Turn] = [
    *llama_cpp(),
    *litellm(),
    *aimock(),
    *transformers_serve(),
    *ogx(),
    *other_vendor(),
]

CANNED: Mapping[str, Canned] = {str(turn): turn.canned() for turn in TURNS}
