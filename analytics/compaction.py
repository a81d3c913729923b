"""Compaction, whichever way it was asked for: what went in, what was kept.

Three ways lead to one (API reference: compact; create, `context_management`; the input item
`compaction_trigger`); a server may also do it unasked. Who fetches a compacted response again is
told of it again: which row stays, and how it had been asked for, is settled in the tables
(`queries/once_compactions.sql`, `queries/answer_compactions.sql`).
"""

from collections.abc import Mapping, Sequence

from analytics.tables import Row
from analytics.tool_calls import TELLING
from cassettes.exchange import Exchange
from cassettes.summary import Summary
from wire.items import item_type

_FETCHING = frozenset({"retrieve", "cancel"})
"""Endpoints whose requests do not say what went in; the one that did may be in the cassette."""


def compaction_asked(summary: Summary, endpoint: str) -> str | None:
    """What in a request asks for a compaction, if anything."""
    if endpoint == "compact":
        return "endpoint"
    given = summary.request.get("input")
    last = given[-1] if isinstance(given, list) and given else None
    if isinstance(last, Mapping) and last.get("type") == "compaction_trigger":
        return "compaction_trigger"
    return "context_management" if summary.request.get("context_management") else None


def compaction_row(
    exchange: Exchange, summary: Summary, rows: Sequence[Row], endpoint: str
) -> Row | None:
    """The row of `compactions` for an answer whose items have these rows in `items`, if it is one.

    A context that is not long enough is not compacted, though it was asked for.
    """
    if summary.response is None or (exchange.status or 0) >= 400:
        return None
    made = [row for row in rows if _is_compaction(row["type"])]
    if endpoint != "compact" and not (made and endpoint in TELLING):
        return None
    if not rows and summary.error_message is not None:
        return None  # some servers answer with an error and the status 200
    given = summary.request.get("input")
    encrypted = [size for row in made if isinstance(size := row["encrypted_bytes"], int)]
    return {
        "exchange_id": str(exchange.id),
        "trigger": compaction_asked(summary, endpoint) or "automatic",
        "input_items": None if endpoint in _FETCHING else _count(given),
        "output_items": len(rows),
        "input_tokens": summary.usage.input_tokens if summary.usage else None,
        "output_tokens": summary.usage.output_tokens if summary.usage else None,
        "encrypted_bytes": sum(encrypted) if encrypted else None,
        "item_id": made[-1]["item_id"] if made else None,
    }


def _count(given: object) -> int:
    return len(given) if isinstance(given, list) else int(given is not None)


def _is_compaction(kind: object) -> bool:
    return isinstance(kind, str) and item_type(kind).what == "compaction"
