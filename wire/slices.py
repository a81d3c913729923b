"""Raw slices of JSON text: where the members of an object and the items of an array stand.

Slicing keeps the sender's own bytes, so that big integers, `1e400`, lone surrogates and duplicate
keys survive what parsing would flatten. Every function answers with exact offsets or with None,
and never with a guess.
"""

import json
import re
from typing import NamedTuple

import msgspec

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_valid = msgspec.json.Decoder(msgspec.Raw)
_KEY = re.compile(rb'[ \t\r\n]*,?[ \t\r\n]*"((?:[^"\\]|\\.)*+)"[ \t\r\n]*:[ \t\r\n]*')
_COMMA = re.compile(rb"[ \t\r\n]*,?[ \t\r\n]*")

_SPARE = b"[" * 1000, b"]" * 1000

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Span(NamedTuple):
    """Bytes `start` to `end` of the text that was sliced."""

    start: int
    end: int

    def of(self, text: bytes) -> bytes:
        """The slice itself."""
        return text[self.start : self.end]


def is_json(text: bytes) -> bool:
    """Whether `text` is one JSON value in strict UTF-8 that every common parser can read.

    What is nested so deep that it can only just be parsed is not: a line of a cassette nests it
    once more, and would then be unreadable.
    """
    try:
        _valid.decode(text)
    except NOT_JSON:
        return False
    return _is_common(text)


def _is_common(text: bytes) -> bool:
    """Whether JSON that one parser has read is JSON as `is_json` has it."""
    opening, closing = _SPARE
    try:
        if not text.isascii():
            text.decode()
        if _has_many(text, b"[", len(opening)) or _has_many(text, b"{", len(opening)):
            _valid.decode(opening + text + closing)
    except NOT_JSON:
        return False
    return True


def _has_many(text: bytes, byte: bytes, count: int) -> bool:
    """Whether there are more than half of `count`; quicker than counting where there are few."""
    at = -1
    for _ in range(count // 2 + 1):
        at = text.find(byte, at + 1)
        if at < 0:
            return False
    return True


def members(text: bytes) -> dict[str, Span] | None:
    """Where each member's value of a JSON object stands; None for anything else.

    An object that names a member twice is refused too: which one counts is the reader's choice.
    """
    return _fast_members(text) or _slow_members(text)


def json_members(text: bytes) -> dict[str, Span] | None:
    """`members` of what `is_json` says yes to; None for anything else."""
    spans = _fast_members(text)
    return spans if spans is not None and _is_common(text) else None


def items(text: bytes, span: Span) -> list[Span] | None:
    """Where each item of the array at `span` stands; None if it is not an array."""
    found = _fast_items(text, span)
    return found if found is not None else _slow_items(text, span)


def _fast_members(text: bytes) -> dict[str, Span] | None:
    try:
        raw = _members.decode(text)
    except (*NOT_JSON, msgspec.ValidationError):
        return None
    at = text.index(b"{") + 1
    spans: dict[str, Span] = {}
    for name, value in raw.items():
        key = _KEY.match(text, at)
        if key is None or not _same_key(key[1], name):
            return None
        spans[name] = span = Span(key.end(), key.end() + len(memoryview(value)))
        at = span.end
    return spans if text[at:].strip() == b"}" else None


def _same_key(raw: bytes, name: str) -> bool:
    return raw == name.encode() or json.loads(b'"' + raw + b'"') == name


def _fast_items(text: bytes, span: Span) -> list[Span] | None:
    if text[span.start : span.start + 1] != b"[":
        return None
    try:
        raw = _items.decode(memoryview(text)[span.start : span.end])
    except (*NOT_JSON, msgspec.ValidationError):
        return None
    at = span.start + 1
    spans = []
    for value in raw:
        comma = _COMMA.match(text, at)
        assert comma is not None  # it matches the empty string
        start = comma.end()
        at = start + len(memoryview(value))
        spans.append(Span(start, at))
    return spans


# The slow way reads what msgspec refuses though it is JSON by the letter: lone surrogates.
def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_slow = json.JSONDecoder(strict=True, parse_constant=_no_constant, parse_int=str, parse_float=str)
_SPACE = re.compile(r"[ \t\r\n]*")


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


class _Cursor:
    """Walks JSON text value by value and counts in bytes, which it is asked for in order."""

    def __init__(self, raw: bytes) -> None:
        self.text = raw.decode()
        self._ascii = len(self.text) == len(raw)
        self._at = self._bytes = 0

    def value(self, at: int) -> tuple[object, int]:
        return _slow.raw_decode(self.text, at)

    def span(self, start: int, end: int, base: int) -> Span:
        return Span(base + self._offset(start), base + self._offset(end))

    def _offset(self, at: int) -> int:
        if self._ascii:
            return at
        self._bytes += len(self.text[self._at : at].encode())
        self._at = at
        return self._bytes

    def after_separator(self, at: int, closing: str) -> int | None:
        """The start of the next entry after a value, or None at the end of the container."""
        at = _skip(self.text, at)
        if self.text[at] == closing:
            return None
        if self.text[at] != ",":
            raise ValueError("no comma")
        return _skip(self.text, at + 1)


def _slow_members(text: bytes) -> dict[str, Span] | None:
    try:
        cursor = _Cursor(text)
        at: int | None = _skip(cursor.text, 0)
        assert at is not None
        whole, end = cursor.value(at)
        if not isinstance(whole, dict) or _skip(cursor.text, end) != len(cursor.text):
            return None
        spans: dict[str, Span] = {}
        at = _skip(cursor.text, at + 1) if whole else None
        while at is not None:
            name, colon = cursor.value(at)
            start = _skip(cursor.text, _skip(cursor.text, colon) + 1)
            _, end = cursor.value(start)
            if not isinstance(name, str) or name in spans:
                return None
            spans[name] = cursor.span(start, end, 0)
            at = cursor.after_separator(end, "}")
    except (ValueError, IndexError, RecursionError):
        return None
    return spans


def _slow_items(text: bytes, span: Span) -> list[Span] | None:
    try:
        cursor = _Cursor(span.of(text))
        whole, end = cursor.value(0)
        if not isinstance(whole, list) or end != len(cursor.text):
            return None
        spans = []
        at = _skip(cursor.text, 1) if whole else None
        while at is not None:
            _, end = cursor.value(at)
            spans.append(cursor.span(at, end, span.start))
            at = cursor.after_separator(end, "]")
    except (ValueError, IndexError, RecursionError):
        return None
    return spans
