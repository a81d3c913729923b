"""How llama.cpp's `/v1/responses` deviates from the API, as `llama_program` was seen to do it.

A finding is named here by kind, type and path; how it is worded or counted is not held.
"""

from pathlib import Path

import duckdb

type Named = tuple[str, str, str]

_TEXT = ("response.output_text.delta", "response.output_text.done")
_PARTS = (*_TEXT, "response.content_part.added", "response.content_part.done")
_ITEMS = (
    *_PARTS,
    "response.output_item.added",
    "response.output_item.done",
    "response.function_call_arguments.delta",
)
_EVENTS = (*_ITEMS, "response.created", "response.in_progress", "response.completed")


def _lacks(paths: tuple[str, ...], *types: str) -> set[Named]:
    return {("missing_field", each, path) for each in types for path in paths}


DIALECT: set[Named] = {
    *_lacks(("sequence_number",), *_EVENTS),
    *_lacks(("output_index",), *_ITEMS),
    *_lacks(("content_index",), *_PARTS),
    *_lacks(("logprobs",), *_TEXT),
    *_lacks(("part.annotations",), "response.content_part.added"),
    *_lacks(("parallel_tool_calls", "tool_choice", "tools"), "response"),
    *_lacks(("created_at", "model", "output"), "response"),  # while it is in progress
    *_lacks(
        ("usage.output_tokens_details", "usage.input_tokens_details.cache_write_tokens"), "usage"
    ),
    ("unknown_field", "response.completed", "timings"),
    ("wrong_type", "error", "error.code"),
}
"""What is found in a recording of `conversation`; more may be found."""

MALFORMED: Named = ("unknown_type", "input_item", "input[].type")
"""What is found in the requests of `conversation`: the one that is wrong on purpose."""


def found(db: Path, *places: str) -> set[Named]:
    """The findings of a database that lie in these places: `request`, `response`, `event`."""
    query = "SELECT DISTINCT kind, type, path FROM finding_counts WHERE place = ANY(?)"
    with duckdb.connect(db, read_only=True) as connection:
        return set(connection.execute(query, [list(places)]).fetchall())
