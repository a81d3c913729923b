"""Compaction, whichever way it was asked for: what went in, what was kept.

Three ways lead to one (API reference: compact; create, `context_management`; the input item
`compaction_trigger`).
"""

from collections.abc import Mapping

from analytics.item_row import load_item
from analytics.tables import Row
from cassettes.exchange import Exchange
from cassettes.summary import Summary

_TYPES = frozenset({"compaction", "compaction_summary"})


def compaction_row(exchange: Exchange, summary: Summary) -> Row | None:
    """The row of `compactions` for an exchange that compacted its context, else None."""
    trigger = _trigger(exchange, summary)
    if trigger is None or summary.response is None:
        return None
    made = [item for text in summary.output if (item := load_item(text)).type in _TYPES]
    if trigger != "endpoint" and not made:
        return None  # asked for, but the context was not long enough
    given = summary.request.get("input")
    encrypted = [len(text) for item in made if (text := item.text("encrypted_content"))]
    return {
        "exchange_id": str(exchange.id),
        "trigger": trigger,
        "input_items": len(given) if isinstance(given, list) else int(given is not None),
        "output_items": len(summary.output),
        "input_tokens": summary.usage.input_tokens if summary.usage else None,
        "output_tokens": summary.usage.output_tokens if summary.usage else None,
        "encrypted_bytes": sum(encrypted) if encrypted else None,
    }


def _trigger(exchange: Exchange, summary: Summary) -> str | None:
    route = exchange.route
    if route is None or exchange.status is None or exchange.status >= 400:
        return None
    if route.endpoint == "compact":
        return "endpoint"
    given = summary.request.get("input")
    last = given[-1] if isinstance(given, list) and given else None
    if isinstance(last, Mapping) and last.get("type") == "compaction_trigger":
        return "compaction_trigger"
    return "context_management" if summary.request.get("context_management") else None
