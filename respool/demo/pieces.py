"""How the scripted model's text falls into deltas.

Joined, the pieces of a text are that text; and the pieces of what the first few of them join to are
those few, so that an answer that was broken off has the deltas of the whole one.
"""

import re

_PIECE = re.compile(r"\s*\S{1,9}|\s+")


def pieces(text: str) -> list[str]:
    """`text` in pieces of about a word."""
    return _PIECE.findall(text)
