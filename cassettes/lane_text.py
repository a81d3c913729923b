"""A WebSocket message of the server in the lane that the client chose this time.

`stream_id` is the client's to choose, so what was recorded in one lane may be asked for in another.
Everything else in the message keeps its exact bytes.
"""

import json

from wire.slices import members
from wire.words import read_words

_NAME = "stream_id"


def in_lane(text: bytes, recorded: str | None, lane: str | None) -> bytes:
    """A message of the `recorded` lane in another one, None being the one without a name.

    What is in no such lane stays as it is.
    """
    if recorded == lane or read_words(text).stream_id != recorded:
        return text
    spans = members(text)
    if spans is None:
        return text
    if lane is None:
        kept = (
            json.dumps(name).encode() + b":" + span.of(text)
            for name, span in spans.items()
            if name != _NAME
        )
        return b"{" + b",".join(kept) + b"}"
    value = json.dumps(lane).encode()
    if _NAME in spans:
        span = spans[_NAME]
        return text[: span.start] + value + text[span.end :]
    end = text.rindex(b"}")
    return text[:end] + b"," * bool(spans) + b'"stream_id":' + value + text[end:]
