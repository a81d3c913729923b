"""How exact bytes stand inside a line of the cassette.

`unpack(pack(data)) == data` for all bytes. JSON on one line is embedded verbatim; indented JSON is
embedded without its white space and written again with it, if that gives the same bytes; other
text is a string, and what is not UTF-8 is base64.
"""

import base64
import re
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from wire.slices import is_json

_INDENT = re.compile(rb"[{\[]\n( {1,8})[^ ]")
_TRAILING = b" \t\r\n"


class Payload(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The members of a line that hold bytes: one of `json`, `text` and `base64`, or none if empty.

    `indent` is the number of blanks with which `json` is indented when written out; `after` is the
    white space that follows it.
    """

    json: Raw | UnsetType = UNSET
    indent: int | UnsetType = UNSET
    after: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    base64: str | UnsetType = UNSET

    def members(self) -> dict[str, Any]:
        """The members that are set, for building a line of another kind."""
        return {name: value for name in MEMBERS if (value := getattr(self, name)) is not UNSET}


MEMBERS = ("json", "indent", "after", "text", "base64")


def pack(data: bytes, *, sound: bool = False) -> Payload:
    """The payload that stands for `data`, of which the caller may know that it `is_json`."""
    if not data:
        return Payload()
    body = data.rstrip(_TRAILING)
    if body[:1] in (b"{", b"[") and (sound or is_json(body)):
        after = data[len(body) :].decode()
        if b"\n" not in body and b"\r" not in body:
            return Payload(json=Raw(body), after=after or UNSET)
        indented = _INDENT.match(body)
        if indented:
            indent = len(indented[1])
            compact = msgspec.json.format(body, indent=-1)
            if msgspec.json.format(compact, indent=indent) == body:
                return Payload(json=Raw(compact), indent=indent, after=after or UNSET)
    try:
        return Payload(text=data.decode())
    except UnicodeDecodeError:
        return Payload(base64=base64.b64encode(data).decode())


def unpack(payload: Payload) -> bytes:
    """The bytes for which `payload` stands; raises ValueError where it contradicts itself."""
    if payload.base64 is not UNSET:
        return base64.b64decode(payload.base64, validate=True)
    if payload.text is not UNSET:
        return payload.text.encode()
    if payload.json is UNSET:
        return b""
    return dress(bytes(payload.json), payload)


def dress(compact: bytes, payload: Payload) -> bytes:
    """Give JSON the indentation and trailing white space that `payload` notes."""
    if payload.indent is not UNSET:
        compact = msgspec.json.format(compact, indent=payload.indent)
    return compact + payload.after.encode() if payload.after is not UNSET else compact
