"""From a request and a move to the answer: the Response object, its items and its usage.

Every object is complete, as the SDK's own models define it. The token counts are estimates that
anyone can redo by hand: a token is four bytes of UTF-8, rounded up. An input item weighs its
compact JSON; a message or a call weighs its text; reasoning weighs three times its summary. Always:
cached <= input, reasoning <= output, and total = input + output.
"""

import json
from collections.abc import Sequence
from itertools import takewhile

from respool.demo.ids import Mint
from respool.demo.script import Json, Move, Scene, is_user, text_of

MODELS = {"gpt-5.1": "gpt-5.1-2025-11-13", "gpt-5-mini": "gpt-5-mini-2025-08-07"}
CACHE_BLOCK = 64
"""Cached tokens come in whole blocks. A vendor's are larger and start later; these show early."""


def compact_json(value: object) -> str:
    """JSON without spaces, non-ASCII as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tokens(text: str) -> int:
    """The estimate: four bytes make a token."""
    return -(-len(text.encode("utf-8", "replace")) // 4)


def respond(body: Json, items: Sequence[Json], scene: Scene, move: Move, mint: Mint) -> Json:
    """The Response to `body`, whose whole conversation is `items`, when the model does `move`."""
    response = _envelope(body, mint)
    output, costs = _output(body, move, mint)
    limit = body.get("max_output_tokens")
    spent = sum(costs)
    if scene.trouble == "fails":
        failure = {"code": "server_error", "message": "The model stopped before it was done."}
        output = _cut_off(output, costs, spent // 2)
        return response | {"status": "failed", "error": failure, "output": output}
    if isinstance(limit, int) and spent > limit:
        output, spent = _cut_off(output, costs, limit), limit
        response["status"] = "incomplete"
        response["incomplete_details"] = {"reason": "max_output_tokens"}
    else:
        response["completed_at"] = mint.now + spent // 50
    thought = min(spent, sum(3 * tokens(text) for text in _thoughts(body, move)))
    return response | {"output": output, "usage": _usage(body, items, spent, thought)}


def compact(body: Json, items: Sequence[Json], mint: Mint) -> Json:
    """The answer to `/responses/compact`: the user's messages, and one item for all the rest."""
    kept = [
        {
            "id": mint.id("msg"),
            "type": "message",
            "status": "completed",
            "content": [{"type": "input_text", "text": text_of(item)}],
            "role": "user",
        }
        for item in items
        if is_user(item)
    ]
    summary = {"id": mint.id("cmp"), "type": "compaction", "encrypted_content": mint.opaque(240)}
    return {
        "id": mint.id("resp"),
        "object": "response.compaction",
        "created_at": mint.now,
        "output": [*kept, summary],
        "usage": _usage(body, items, spent=tokens(summary["encrypted_content"]), thought=0),
    }


def _envelope(body: Json, mint: Mint) -> Json:
    """A completed Response without output: the request's settings, or their defaults."""
    reasoning = body.get("reasoning") or {}
    text = body.get("text") or {}
    model = body["model"]
    return {
        "id": mint.id("resp"),
        "object": "response",
        "created_at": mint.now,
        "status": "completed",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "model": MODELS.get(model, model),
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {
            "format": text.get("format") or {"type": "text"},
            "verbosity": text.get("verbosity") or "medium",
        },
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": [_as_accepted(tool) for tool in body.get("tools") or []],
        "top_logprobs": 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": body.get("truncation") or "disabled",
        "usage": None,
        "user": None,
        "metadata": body.get("metadata") or {},
    }


def _as_accepted(tool: Json) -> Json:
    """A tool as the answer repeats it, with the defaults that the request left out."""
    if tool.get("type") != "function":
        return tool
    return {"description": None, "parameters": None, "strict": True} | tool


def _thoughts(body: Json, move: Move) -> tuple[str, ...]:
    """What the model thinks, if it is one that thinks and was not told not to."""
    effort = (body.get("reasoning") or {}).get("effort")
    return () if effort == "none" or str(body["model"]).startswith("gpt-4") else move.thinks


def _output(body: Json, move: Move, mint: Mint) -> tuple[list[Json], list[int]]:
    """The output items of a move, and what each of them costs in tokens."""
    output: list[Json] = []
    costs: list[int] = []
    if thoughts := _thoughts(body, move):
        asked = body.get("reasoning") or {}
        shown = thoughts if asked.get("summary") or asked.get("generate_summary") else ()
        summary = [{"type": "summary_text", "text": text} for text in shown]
        item = {"id": mint.id("rs"), "type": "reasoning", "summary": summary}
        if "reasoning.encrypted_content" in (body.get("include") or []):
            item["encrypted_content"] = mint.opaque(sum(map(len, thoughts)))
        output.append(item)
        costs.append(sum(3 * tokens(text) for text in thoughts))
    if move.says or move.refuses:
        output.append(_message(move, mint))
        costs.append(tokens(move.says or move.refuses))
    for call in move.calls:
        arguments = compact_json(call.arguments)
        output.append(
            {
                "id": mint.id("fc"),
                "type": "function_call",
                "status": "completed",
                "arguments": arguments,
                "call_id": mint.call_id(),
                "name": call.name,
            }
        )
        costs.append(tokens(call.name) + tokens(arguments))
    return output, costs


def _message(move: Move, mint: Mint) -> Json:
    part: Json = {"type": "refusal", "refusal": move.refuses}
    if not move.refuses:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": move.says}
    return {
        "id": mint.id("msg"),
        "type": "message",
        "status": "completed",
        "content": [part],
        "role": "assistant",
    }


def _cut_off(output: list[Json], costs: list[int], limit: int) -> list[Json]:
    """What of `output` fits into `limit` tokens; the item in which they run out is incomplete."""
    kept: list[Json] = []
    for item, cost in zip(output, costs, strict=True):
        if limit <= 0:
            break
        kept.append(item if cost <= limit else _shortened(item, limit))
        limit -= cost
    return kept


def _shortened(item: Json, limit: int) -> Json:
    def cut(text: str) -> str:
        return text.encode()[: 4 * limit].decode(errors="ignore")

    if item["type"] == "reasoning":
        return item
    if item["type"] == "function_call":
        return item | {"status": "incomplete", "arguments": cut(item["arguments"])}
    [part] = item["content"]
    field = "refusal" if part["type"] == "refusal" else "text"
    return item | {"status": "incomplete", "content": [part | {field: cut(part[field])}]}


def _usage(body: Json, items: Sequence[Json], spent: int, thought: int) -> Json:
    head = sum(
        tokens(compact_json(body[key])) for key in ("instructions", "tools") if body.get(key)
    )
    weights = [tokens(compact_json(item)) for item in items]
    before = _sent_before(items)
    cached = 0 if before is None else head + sum(weights[:before])
    total = head + sum(weights)
    return {
        "input_tokens": total,
        "input_tokens_details": {
            "cached_tokens": cached // CACHE_BLOCK * CACHE_BLOCK,
            "cache_write_tokens": 0,
        },
        "output_tokens": spent,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": total + spent,
    }


def _sent_before(items: Sequence[Json]) -> int | None:
    """How many of these items the conversation's previous request had, None if there was none.

    They end where the model's latest items begin. Behind a compaction the input is a new one, and
    only what stands before it (instructions and tools) is the same.
    """
    ends = [at for at, item in enumerate(items, 1) if _is_models(item)]
    if not ends:
        return None
    latest = list(takewhile(_is_models, reversed(items[: ends[-1]])))
    if any(item.get("type") == "compaction" for item in latest):
        return 0
    return ends[-1] - len(latest)


def _is_models(item: Json) -> bool:
    made = ("reasoning", "function_call", "compaction")
    return item.get("type") in made or item.get("role") == "assistant"
