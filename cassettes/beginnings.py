"""What the text of a body shows where its head does not say it: a stream, or JSON that is cut off.

Neither ever raises, and neither keeps more of a body than it needs.
"""

import msgspec

_BOM = b"\xef\xbb\xbf"
_STREAM = (b"event:", b"data:", b":", b"id:", b"retry:")
_LONGEST = len(_BOM) + max(map(len, _STREAM))
_KEPT = 16 << 20
"""Bytes of a body that is still coming; a longer one is taken for whole."""
_CUT = "Input data was truncated"
_json = msgspec.json.Decoder(msgspec.Raw)


def begins_stream(body: bytes | bytearray) -> bool | None:
    """Whether a body begins as server-sent events do; None where it is too short to tell."""
    head = bytes(body[:_LONGEST])
    begun = head.removeprefix(_BOM)
    if begun.startswith(_STREAM):
        return True
    if _BOM.startswith(head) or any(each.startswith(begun) for each in _STREAM):
        return None
    return False


class JsonText:
    """JSON that comes in parts: whether it is all there."""

    def __init__(self) -> None:
        self._parts = bytearray()
        self._is_too_long = False

    def feed(self, part: bytes) -> None:
        """Add what is written and gone."""
        self._is_too_long |= len(self._parts) + len(part) > _KEPT
        if self._is_too_long:
            self._parts.clear()
        else:
            self._parts += part

    def is_cut(self, rest: bytes | bytearray) -> bool:
        """Whether all of it, `rest` being the last part, ends within an object or a list."""
        text = bytes(self._parts + rest)
        if self._is_too_long:
            return False
        why = _error(text)
        # A number may be cut after its point or sign, which is an error of another kind.
        return why is not None and _CUT in (why, _error(text + b"0"))


def _error(text: bytes) -> str | None:
    try:
        _json.decode(text)
    except msgspec.DecodeError as error:
        return str(error)
    except (UnicodeDecodeError, RecursionError):
        return "it cannot be read"
    return None
