"""A WebSocket message of the server in the lane that the client chose this time.

`stream_id` is the client's to choose, so what was recorded in one lane may be asked for in another.
Everything else in the message keeps its exact bytes.
"""

import json

import msgspec

from wire.slices import members

_NAME = "stream_id"


class LaneWords(msgspec.Struct):
    """What of a message tells its lane, and what it wants."""

    type: str = ""
    stream_id: str | None = None


_words = msgspec.json.Decoder(LaneWords)


def read_lane(text: bytes) -> LaneWords:
    """The type and lane of a message; empty for what is no such message."""
    try:
        return _words.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return LaneWords()


def in_lane(text: bytes, recorded: str | None, lane: str | None) -> bytes:
    """A message of the `recorded` lane in another one, None being the one without a name.

    What is in no such lane stays as it is.
    """
    if recorded == lane or read_lane(text).stream_id != recorded:
        return text
    spans = members(text)
    if not spans:
        return text
    value = json.dumps(lane).encode()
    span = spans.get(_NAME)
    if lane is None:
        kept = {name: msgspec.Raw(each.of(text)) for name, each in spans.items() if name != _NAME}
        return msgspec.json.encode(kept)
    if span is not None:
        return text[: span.start] + value + text[span.end :]
    end = text.rindex(b"}")
    return text[:end] + b',"' + _NAME.encode() + b'":' + value + text[end:]
