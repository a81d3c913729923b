"""Tool calls that answers made: one row each, whoever runs the tool.

A call that the client runs gets its output from a later request, by `call_id`; one that the server
runs has it in the same item. The wire says nothing of how a client's tool failed, so `error` is
only there where the item has one.
"""

import json

from analytics.item_row import load_item
from analytics.tables import Row
from cassettes.exchange import Exchange
from cassettes.summary import Json, Summary

_ARGUMENTS = ("arguments", "input", "action", "code", "queries", "operation")
_OUTPUTS = ("output", "outputs", "results")


def tool_call_rows(exchange: Exchange, summary: Summary, item_ids: list[str]) -> list[Row]:
    """The rows of `tool_calls` for the calls in an answer, without outputs that come later."""
    route = exchange.route
    if route is None or route.endpoint != "create":
        return []  # a compacted or retrieved history repeats calls that were made before
    rows: list[Row] = []
    for position, text in enumerate(summary.output):
        item = load_item(text)
        if item.type is None or not item.type.endswith("_call"):
            continue
        rows.append(
            {
                "exchange_id": str(exchange.id),
                "position": position,
                "item_id": item_ids[position],
                "call_id": item.text("call_id"),
                "type": item.type,
                "name": item.text("name") or item.type.removesuffix("_call"),
                "namespace": item.text("namespace") or item.text("server_label"),
                "arguments": _first(item.members, _ARGUMENTS),
                "status": item.text("status"),
                "output": _first(item.members, _OUTPUTS),
                "error": _first(item.members, ("error",)),
            }
        )
    return rows


def _first(members: dict[str, Json], names: tuple[str, ...]) -> str | None:
    value = next((members[name] for name in names if members.get(name) is not None), None)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
