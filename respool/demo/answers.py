"""From a request and a move to the answer: the Response object around the output items.

A Response is complete, as the SDK's own model defines it: the request's settings or their defaults,
the output, its usage, and how it ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from respool.demo.compaction import compaction_item, is_compaction_due, is_triggered
from respool.demo.ids import Mint
from respool.demo.output import Costed, cut_off, output, thinking
from respool.demo.scene import Json, Move, Scene, Trouble
from respool.demo.usage import compact_json, tokens, usage

__all__ = ["MODELS", "Answer", "compact_json", "prepared", "respond", "steered", "tokens"]

MODELS = {"gpt-5.1": "gpt-5.1-2025-11-13", "gpt-5-mini": "gpt-5-mini-2025-08-07"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A Response as it ends, and what it was made of.

    `items` is the whole conversation that the model saw; `made` is the output with its costs.
    """

    response: Json
    body: Json
    items: list[Json]
    made: list[Costed]
    trouble: Trouble | None = None
    halts: bool = False


def respond(body: Json, items: list[Json], scene: Scene, move: Move, mint: Mint) -> Answer:
    """The answer to `body`, whose whole conversation is `items`, when the model does `move`."""
    response = envelope(body, mint)
    if is_triggered(items):
        made = [compaction_item(mint)]
    else:
        made = output(body, items, move, mint)
        if is_compaction_due(body, items):
            made.insert(0, compaction_item(mint))
    limit = body.get("max_output_tokens")
    spent = sum(cost for _, cost in made)
    if scene.trouble == "fails":
        made = cut_off(made, spent // 2)
        failure = {"code": "server_error", "message": "The model stopped before it was done."}
        response |= {"status": "failed", "error": failure, "output": [item for item, _ in made]}
        return Answer(response, body, items, made, scene.trouble)
    if isinstance(limit, int) and spent > limit:
        made = cut_off(made, limit)
        response |= _incomplete("max_output_tokens")
        spent = limit
    else:
        response["completed_at"] = mint.now + spent // 50
    response |= _outcome(body, items, made, spent)
    return Answer(response, body, items, made, scene.trouble, scene.halts)


def steered(answer: Answer, made: list[Costed]) -> Answer:
    """The answer that a steer ended when it had only made this much."""
    spent = sum(cost for _, cost in made)
    response = answer.response | {"completed_at": None} | _incomplete("steered")
    response |= _outcome(answer.body, answer.items, made, spent)
    return Answer(response, answer.body, answer.items, made, answer.trouble)


def prepared(body: Json, items: list[Json], mint: Mint) -> Answer:
    """The answer to a request that only prepares: completed, without output."""
    response = envelope(body, mint)
    response["completed_at"] = mint.now
    return Answer(response | _outcome(body, items, [], 0), body, items, [])


def envelope(body: Json, mint: Mint) -> Json:
    """A completed Response without output: the request's settings, or their defaults."""
    reasoning = body.get("reasoning") or {}
    text = body.get("text") or {}
    model = body["model"]
    talk = body.get("conversation")
    response = {
        "id": mint.id("resp"),
        "object": "response",
        "created_at": mint.now,
        "status": "completed",
        "background": bool(body.get("background")),
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
        "top_logprobs": body.get("top_logprobs") or 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": body.get("truncation") or "disabled",
        "usage": None,
        "user": None,
        "metadata": body.get("metadata") or {},
    }
    if talk is not None:
        response["conversation"] = {"id": talk["id"] if isinstance(talk, dict) else talk}
    return response


def _as_accepted(tool: Json) -> Json:
    """A tool as the answer repeats it, with the defaults that the request left out."""
    if tool.get("type") != "function":
        return tool
    return {"description": None, "parameters": None, "strict": True} | tool


def _incomplete(reason: str) -> Json:
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


def _outcome(body: Json, items: Sequence[Json], made: Sequence[Costed], spent: int) -> Json:
    counted = usage(body, items, spent, min(spent, thinking(made)))
    return {"output": [item for item, _ in made], "usage": counted}
