"""What of an event or message tells what it is and where it belongs; read quickly, whatever it is.

Strict parsers refuse lone surrogates, which JSON can spell: they must not hide that a response is
over, so what msgspec refuses is read once more by the standard library.
"""

import json

import msgspec
from msgspec import UNSET, UnsetType

_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Named(msgspec.Struct):
    """A response, or a steer of one."""

    id: str | None = None
    previous_response_id: str | None = None


class Words(msgspec.Struct):
    """The members that tell; of another JSON type they tell nothing."""

    type: str = ""
    stream_id: str | None = None
    previous_response_id: str | None = None
    response: Named | UnsetType | None = UNSET
    steer: Named | UnsetType | None = UNSET


class _Typed(msgspec.Struct):
    type: str = ""


_words = msgspec.json.Decoder(Words)
_typed = msgspec.json.Decoder(_Typed)


def read_words(text: bytes) -> Words:
    """What tells in a message; nothing for what is no object."""
    try:
        return _words.decode(text)
    except _REFUSED:
        return _leniently(text, Words) or Words(type=event_type(text))


def event_type(text: bytes) -> str:
    """The `type` of an event's JSON data, or the empty string."""
    try:
        return _typed.decode(text).type
    except _REFUSED:
        return (_leniently(text, _Typed) or _Typed()).type


def _leniently[T](text: bytes, words: type[T]) -> T | None:
    try:
        return msgspec.convert(json.loads(text), words)
    except (ValueError, RecursionError):  # no JSON, or members of other types
        return None
