"""JSON values as text for people: short ones on one line, long texts as they were written.

A string of several lines (a script, a patch) stands line by line behind a bar instead of as one
line full of `\\n`. Encrypted contents and media are named with their size and never printed.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

Json = Any  # any JSON value

_DEEPEST = 24
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,200},")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{100,}={0,2}")
_MEDIA_MEMBERS = frozenset({"result", "file_data", "data", "image_url", "b64_json"})


def dumps(value: Json) -> str:
    """Compact JSON on one line, non-ASCII as it is; never fails."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply to be shown)"


def size(count: int) -> str:
    """`1 byte`, `12,345 bytes`."""
    return f"{count:,} byte{'s' * (count != 1)}"


def weight(text: str) -> str:
    """The size of a text in bytes of UTF-8."""
    return size(len(text.encode("utf-8", "surrogatepass")))


def media(text: str) -> str | None:
    """What a data URL is; None for any other text."""
    found = _DATA_URL.match(text)
    return f"[{found[1] or 'data'}, {weight(text[found.end() :])} of base64]" if found else None


def abridged(value: Json, depth: int = 0, name: str = "") -> Json:
    """`value`, the member `name` of an object, with only the size of what nobody can read."""
    if isinstance(value, str):
        if name == "encrypted_content":
            return f"[encrypted, {weight(value)}]"
        if name in _MEDIA_MEMBERS and _BASE64.fullmatch(value):
            return f"[base64, {weight(value)}]"
        return media(value) or value
    if depth > _DEEPEST and isinstance(value, (dict, list)):
        return "(nested too deeply to be shown)"
    if isinstance(value, list):
        return [abridged(entry, depth + 1) for entry in value]
    if isinstance(value, dict):
        return {key: abridged(entry, depth + 1, key) for key, entry in value.items()}
    return value


def readable(value: Json, room: int = 92) -> str:
    """`value` as text of one or more lines; one that fits in `room` characters stays on one."""
    return "\n".join(_lines(abridged(value), room))


def _lines(value: Json, room: int) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value.strip("\n"):
        yield from ("| " + line for line in value.strip("\n").split("\n"))
    elif isinstance(value, (dict, list)) and value and (_has_block(value) or _long(value, room)):
        yield from _spread(value, room)
    else:
        yield dumps(value)


def _spread(value: dict[str, Json] | list[Json], room: int) -> Iterator[str]:
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    entries = (
        [(dumps(name) + ": ", entry) for name, entry in value.items()]
        if isinstance(value, dict)
        else [("", entry) for entry in value]
    )
    yield opening
    for at, (name, entry) in enumerate(entries):
        comma = "," if at < len(entries) - 1 else ""
        inner = list(_lines(entry, room - 2))
        if inner[0].startswith("| "):
            yield "  " + name.rstrip()
            yield from ("    " + line for line in inner)
            continue
        inner[-1] += comma
        yield "  " + name + inner[0]
        yield from ("  " + line for line in inner[1:])
    yield closing


def _long(value: Json, room: int) -> bool:
    return len(dumps(value)) > room


def _has_block(value: Json) -> bool:
    if isinstance(value, str):
        return "\n" in value.strip("\n")
    entries = value.values() if isinstance(value, dict) else value
    return isinstance(value, (dict, list)) and any(_has_block(entry) for entry in entries)
