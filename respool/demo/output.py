"""From a move to output items, each with what it costs, and what is left of them when cut.

The items are complete, as the SDK's own models define them. Ids are minted in the order in which
the items stand. What a client has to ask for (`include`) is left out unless it did.
"""

import re
from collections.abc import Sequence

from respool.demo.fitting import fitting
from respool.demo.ids import Mint
from respool.demo.kinds import KINDS
from respool.demo.pieces import pieces
from respool.demo.scene import Json, Move
from respool.demo.usage import compact_json, tokens

_NAMED = re.compile(r"@\w+")
"""In a scene, stands for an id that is made once for an answer."""

type Costed = tuple[Json, int]
"""An output item and its tokens."""


def output(body: Json, items: Sequence[Json], move: Move, mint: Mint) -> list[Costed]:
    """The output items of a move, in answer to `body` whose whole conversation is `items`."""
    made: list[Costed] = []
    if thoughts := _thoughts(body, move):
        made.append((_reasoning(body, move, mint), thoughts))
    minted: dict[str, str] = {}
    for shown in move.shows:
        item = _linked(shown, items, minted, mint)
        made.append(_costed(_with_text(item, body) if item["type"] == "message" else item))
    if move.says or move.refuses:
        part: Json = {"type": "refusal", "refusal": move.refuses}
        if not move.refuses:
            part = {"type": "output_text", "annotations": [], "logprobs": [], "text": move.says}
        message = {
            "id": mint.id("msg"),
            "type": "message",
            "status": "completed",
            "content": [part],
            "role": "assistant",
        }
        made.append(_costed(_with_text(message, body)))
    for call in move.calls:
        item = {
            "id": mint.id("fc"),
            "type": "function_call",
            "status": "completed",
            "arguments": compact_json(call.arguments),
            "call_id": mint.call_id(),
            "name": call.name,
        }
        made.append(_costed(item))
    return [(_included(item, body), cost) for item, cost in made]


def thinking(made: Sequence[Costed]) -> int:
    """The tokens of these items that are reasoning."""
    return sum(cost for item, cost in made if item["type"] == "reasoning")


def cut_off(made: Sequence[Costed], limit: int) -> list[Costed]:
    """What fits into `limit` tokens; the item in which they run out is incomplete, or left out."""
    kept: list[Costed] = []
    for item, cost in made:
        if limit <= 0:
            break
        left = item if cost <= limit else shortened(item, 4 * limit)
        if left is not None:
            kept.append((left, min(cost, limit)))
        limit -= cost
    return kept


def shortened(item: Json, size: int) -> Json | None:
    """The first `size` bytes of what an item says; None where the item is no text."""

    def cut(text: str) -> str:
        return text.encode()[:size].decode(errors="ignore")

    match item["type"]:
        case "reasoning":
            return item
        case "function_call":
            return item | {"status": "incomplete", "arguments": cut(item["arguments"])}
        case "custom_tool_call":
            return item | {"input": cut(item["input"])}
        case "message":
            parts = []
            for part in item["content"]:
                if size <= 0:
                    break
                field = "refusal" if part["type"] == "refusal" else "text"
                whole = len(part[field].encode()) <= size
                bare: Json = (
                    {} if whole or field == "refusal" else {"annotations": [], "logprobs": []}
                )
                parts.append(part | {field: cut(part[field])} | bare)
                size -= len(part[field].encode())
            return item | {"status": "incomplete", "content": parts}
        case _:
            return None


def _thoughts(body: Json, move: Move) -> int:
    """The tokens of thinking, if the model is one that thinks and was not told not to."""
    effort = (body.get("reasoning") or {}).get("effort")
    if effort == "none" or str(body["model"]).startswith("gpt-4"):
        return 0
    return sum(3 * tokens(text) for text in move.thinks) + sum(map(tokens, move.aloud))


def _reasoning(body: Json, move: Move, mint: Mint) -> Json:
    asked = body.get("reasoning") or {}
    shown = move.thinks if asked.get("summary") or asked.get("generate_summary") else ()
    item: Json = {
        "id": mint.id("rs"),
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in shown],
    }
    if move.aloud:
        item["content"] = [{"type": "reasoning_text", "text": text} for text in move.aloud]
    if "reasoning.encrypted_content" in (body.get("include") or []):
        item["encrypted_content"] = mint.opaque(sum(map(len, move.thinks)))
    return item


def _linked(shown: Json, items: Sequence[Json], minted: dict[str, str], mint: Mint) -> Json:
    """An item of a scene with ids: its own, and those with which it names others."""
    kind = KINDS[shown["type"]]

    def link(value: object, name: str = "") -> object:
        if isinstance(value, dict):
            return {key: link(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [link(inner) for inner in value]
        if isinstance(value, str) and _NAMED.fullmatch(value):
            if value not in minted:
                minted[value] = mint.id(kind.prefix) if name == "id" else mint.call_id()
            return minted[value]
        if isinstance(value, str) and value.startswith("^"):
            wanted, _, field = value[1:].partition(".")
            latest = [item[field] for item in items if item.get("type") == wanted and field in item]
            return latest[-1] if latest else mint.call_id()
        return value

    own = {key: link(value, key) for key, value in shown.items()}
    linked: Json = {"id": own.get("id") or mint.id(kind.prefix), **kind.done, **own}
    if kind.called and "call_id" not in linked:
        linked["call_id"] = mint.call_id()
    return linked


def _costed(item: Json) -> Costed:
    if item["type"] == "message":
        return item, sum(
            tokens(part["text"] if "text" in part else part["refusal"]) for part in item["content"]
        )
    wrote = [item[name] for name in KINDS[item["type"]].written if item.get(name) is not None]
    return item, sum(
        tokens(text if isinstance(text, str) else compact_json(text)) for text in wrote
    )


def _with_text(message: Json, body: Json) -> Json:
    """The message in the format that was asked for, its annotations where they belong."""
    parts = [
        _formatted(part, message, body) if part["type"] == "output_text" else part
        for part in message["content"]
    ]
    return message | {"content": parts}


def _formatted(part: Json, message: Json, body: Json) -> Json:
    wanted = (body.get("text") or {}).get("format") or {}
    if message.get("phase") == "commentary" or wanted.get("type") in (None, "text"):
        return part | {"annotations": [_placed(note, part["text"]) for note in part["annotations"]]}
    value: object = {"answer": part["text"]}
    if wanted["type"] == "json_schema":
        value = fitting(wanted.get("schema") or {}, part["text"])
    return part | {"annotations": [], "text": compact_json(value)}


def _placed(note: Json, text: str) -> Json:
    """An annotation with the place of the words that it cites."""
    placed = {name: value for name, value in note.items() if name != "cites"}
    start = text.index(note["cites"])
    if note["type"] in ("file_citation", "file_path"):
        return placed | {"index": start}
    return placed | {"start_index": start, "end_index": start + len(note["cites"])}


def _included(item: Json, body: Json) -> Json:
    """The item without what only `include` brings (API reference: create, `include`)."""
    include = body.get("include") or []
    match item["type"]:
        case "file_search_call" if "file_search_call.results" not in include:
            return item | {"results": None}
        case "code_interpreter_call" if "code_interpreter_call.outputs" not in include:
            return item | {"outputs": None}
        case "web_search_call" if "web_search_call.action.sources" not in include:
            action = {key: value for key, value in item["action"].items() if key != "sources"}
            return item | {"action": action}
        case "computer_call_output" if "computer_call_output.output.image_url" not in include:
            shot = {key: value for key, value in item["output"].items() if key != "image_url"}
            return item | {"output": shot}
        case "message" if "message.output_text.logprobs" in include:
            count = body.get("top_logprobs") or 0
            parts = [
                part | {"logprobs": [_logprob(piece, count) for piece in pieces(part["text"])]}
                if part["type"] == "output_text"
                else part
                for part in item["content"]
            ]
            return item | {"content": parts}
        case _:
            return item


def _logprob(piece: str, count: int) -> Json:
    """How sure the model was of a piece: the longer, the surer; and `count` candidates for it."""

    def entry(text: str, logprob: float) -> Json:
        return {"token": text, "bytes": list(text.encode("utf-8", "replace")), "logprob": logprob}

    logprob = -1 / (1 + len(piece))
    top = [entry(piece + "." * rank, logprob * (1 + rank)) for rank in range(count)]
    return entry(piece, logprob) | {"top_logprobs": top}
