"""What deviates, in words that are the same for every exchange: pydantic's errors, translated.

A `Deviation` never holds more than 60 characters of what came over the wire, and of a value only
where it was to be one of a few; of anything else its JSON type.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic_core import ErrorDetails

from wire.schema_annotations import JSON_TYPES
from wire.schema_unions import MAP

_PLAIN_NAME = re.compile(r"[\w$-]+")
_SHAPE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which a value is not what the SDK's types describe.

    Equal for equal deviations, whatever the exchange, so that one row can stand for all of them.
    """

    kind: str
    """`unknown_type`, `unknown_field`, `unknown_value`, `missing_field` or `wrong_type`."""
    path: str
    """From the value that was checked, list indexes removed: `content[].annotations[].type`."""
    type: str
    """The tag of the innermost item, tool or event around it; else `response`, `usage` or kind."""
    shape: str
    """A JSON type; of an unknown tag or value at most 60 characters; `missing`."""


def translated(errors: Iterable[ErrorDetails], kind: str) -> Iterator[Deviation]:
    """What the errors of a validator of `wire.schema_derived` stand for; some may be equal."""
    for each in errors:
        path, thing = _place(each)
        yield _deviation(each, path, thing or kind)


def join(head: str, rest: str) -> str:
    """Put a path under a name: `content` and `[].text` give `content[].text`."""
    return head + rest if not rest or rest.startswith("[") else f"{head}.{rest}"


def _deviation(error: ErrorDetails, path: str, thing: str) -> Deviation:
    value = error["input"]
    match error["type"]:
        case "missing":
            return Deviation("missing_field", path, thing, "missing")
        case "extra_forbidden":
            return Deviation("unknown_field", path, thing, _json_type(value))
        case "literal_error" if isinstance(value, str):
            return Deviation("unknown_value", path, thing, _capped(value))
        case "union_tag_invalid":
            return _tag_deviation(value, _under(path, "type"), thing)
        case _:
            return Deviation("wrong_type", path, thing, _json_type(value))


def _tag_deviation(value: Mapping[str, object], path: str, thing: str) -> Deviation:
    if "type" not in value:
        return Deviation("missing_field", path, thing, "missing")
    tag = value["type"]
    if isinstance(tag, str):
        return Deviation("unknown_type", path, thing, _capped(tag))
    return Deviation("wrong_type", path, thing, _json_type(tag))


def _place(error: ErrorDetails) -> tuple[str, str]:
    """The path of an error, and the tag of the innermost thing around it ("" if there is none).

    A step is the name of an arm only where no name of the wire can stand: not after `MAP`, and not
    at the end of an unknown field's place.
    """
    steps = list(error["loc"])
    unknown = steps.pop() if error["type"] == "extra_forbidden" else None
    path = thing = ""
    is_key = False
    for step in steps:
        if is_key:
            path, is_key = _under(path, "*"), False
        elif isinstance(step, int):
            path += "[]"
        elif step.startswith("<"):
            label = step[1 : step.index(">")]
            thing, is_key = label or thing, step == MAP
        else:
            path = _under(path, step)
    return path if unknown is None else _under(path, _quoted(str(unknown))), thing


def _under(path: str, step: str) -> str:
    return join(path, step) if path else step


def _quoted(name: str) -> str:
    return _capped(name) if _PLAIN_NAME.fullmatch(name) else f"[{json.dumps(_capped(name))}]"


def _capped(text: str) -> str:
    """At most 60 characters of text that came over the wire, always encodable as UTF-8."""
    text = text[:_SHAPE_CHARACTERS]
    return text.encode("utf-8", "backslashreplace").decode()[:_SHAPE_CHARACTERS]


def _json_type(value: object) -> str:
    return JSON_TYPES.get(type(value), type(value).__name__)
