"""Tool calls that answers made: one row each, whoever runs the tool, and requests for approval too.

A call that the server runs carries its output, or the output follows it in the same answer; one
that the client runs gets it from a later request, by what the call is known by. An answer that
tells again of a response makes rows as well: which of them stays is settled in the tables
(`queries/once_tool_calls.sql`), where all exchanges are.
"""

from collections.abc import Sequence

from analytics import item_text
from analytics.item_row import Item, load_item
from analytics.tables import Row
from cassettes.exchange import Exchange
from cassettes.summary import Summary
from wire.items import ANSWERS, CALLS

TELLING = frozenset({"create", "steer", "retrieve", "cancel"})
"""Endpoints whose answers tell of a response; a compacted history repeats calls of older ones."""

_FAILED = frozenset({"failed", "incomplete"})


def tool_call_rows(
    exchange: Exchange, summary: Summary, rows: Sequence[Row], endpoint: str
) -> list[Row]:
    """The rows of `tool_calls` for an answer, whose items have these rows in `items`."""
    if endpoint not in TELLING:
        return []
    items = [load_item(text) for text in summary.output]
    answers = _answers(items)
    calls: list[Row] = []
    for position, item in enumerate(items):
        if item.kind.what not in CALLS:
            continue
        row = rows[position]
        call: Row = {
            "exchange_id": str(exchange.id),
            "position": position,
            "item_id": row["item_id"],
            "call_id": row["call_id"],
            "type": item.type,
            "name": row["name"] or (item.type or "").removesuffix("_call"),
            "namespace": row["namespace"],
            "arguments": item.arguments,
            "status": item.text("status"),
            "output": row["output"],
            "error": row["error"] or _failure(item),
        }
        if (at := answers.get(position)) is not None:
            size = rows[at]["media_bytes"]
            media = item_text.media_note(size) if isinstance(size, int) else None
            call |= {
                "output_exchange_id": str(exchange.id),
                "output_item_id": rows[at]["item_id"],
                "output": rows[at]["text"] or media,
                "error": rows[at]["error"] or _failure(items[at]) or call["error"],
            }
        calls.append(call)
    return calls


def _answers(items: Sequence[Item]) -> dict[int, int]:
    """Where the output of each call of an answer stands, for those whose output is in it.

    Outputs name their call; one that does not is for the last call of its type before it.
    """
    answers: dict[int, int] = {}
    by_id: dict[str | None, list[int]] = {}  # the calls before, the last one at the end
    by_type: dict[str | None, list[int]] = {}
    for at, item in enumerate(items):
        kind = item.kind
        if kind.what in CALLS:
            by_id.setdefault(item.call_id, []).append(at)
            by_type.setdefault(item.type, []).append(at)
        elif kind.what in ANSWERS:
            calls = by_id.get(item.call_id) if item.call_id else by_type.get(kind.answers)
            while calls:
                if (call := calls.pop()) not in answers:
                    answers[call] = at
                    break
    return answers


def _failure(item: Item) -> str | None:
    """A status that tells of failure says so in `error`, where nothing says more."""
    status = item.text("status")
    return status if status in _FAILED else None
