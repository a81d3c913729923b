"""What a response costs: token counts that anyone can redo by hand.

A token is four bytes of UTF-8, rounded up. An input item weighs its compact JSON; what the model
writes weighs its text. Always: cached <= input, reasoning <= output, and total = input + output.
"""

import json
from collections.abc import Sequence
from itertools import takewhile

from respool.demo.kinds import is_models
from respool.demo.scene import Json

CACHE_BLOCK = 64
"""Cached tokens come in whole blocks. A vendor's are larger and start later; these show early."""


def compact_json(value: object) -> str:
    """JSON without spaces, non-ASCII as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tokens(text: str) -> int:
    """The estimate: four bytes make a token."""
    return -(-len(text.encode("utf-8", "replace")) // 4)


def weight(body: Json, items: Sequence[Json]) -> int:
    """The input tokens of a request with these items."""
    return _head(body) + sum(tokens(compact_json(item)) for item in items)


def usage(body: Json, items: Sequence[Json], spent: int, thought: int) -> Json:
    """The usage of an answer of `spent` tokens, `thought` of them for reasoning.

    Tokens are written to the cache where the request has `prompt_cache_options`.
    """
    total = weight(body, items)
    before = _sent_before(items)
    cached = 0 if before is None else weight(body, items[:before])
    cached = cached // CACHE_BLOCK * CACHE_BLOCK
    details: Json = {"cached_tokens": cached, "cache_write_tokens": 0}
    options = body.get("prompt_cache_options")
    if isinstance(options, dict):
        written = (total - cached) // CACHE_BLOCK * CACHE_BLOCK
        long = options.get("ttl") == "12h"
        details["cache_write_tokens"] = written
        details["cache_write_tokens_details"] = {
            "ttl_12h_tokens": written if long else 0,
            "ttl_30m_tokens": 0 if long else written,
        }
    return {
        "input_tokens": total,
        "input_tokens_details": details,
        "output_tokens": spent,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": total + spent,
    }


def _head(body: Json) -> int:
    return sum(
        tokens(compact_json(body[key])) for key in ("instructions", "tools") if body.get(key)
    )


def _sent_before(items: Sequence[Json]) -> int | None:
    """How many of these items the conversation's previous request had, None if there was none.

    They end where the model's latest items begin. Behind a compaction the input is a new one, and
    only what stands before it (instructions and tools) is the same.
    """
    ends = [at for at, item in enumerate(items, 1) if is_models(item)]
    if not ends:
        return None
    latest = list(takewhile(is_models, reversed(items[: ends[-1]])))
    if any(item.get("type") == "compaction" for item in latest):
        return 0
    return ends[-1] - len(latest)
