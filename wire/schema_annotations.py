"""Reads the SDK's type annotations: the members of a union, the fields and tags of a model.

A model is whatever has `model_fields` (pydantic) or `__required_keys__` (`TypedDict`, of `typing`
or `typing_extensions` alike); so nothing heavy is imported here, and what is read of a model is the
same for both. `misfit` tells which of several models of one tag a value was meant to be.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

JSON_TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
"""What parsed JSON consists of, and what it is called; `integer` and `number` are told apart."""

_SCALARS: Mapping[object, tuple[type, ...]] = {
    None: (type(None),),
    type(None): (type(None),),
    bool: (bool,),
    int: (int,),
    float: (float, int),  # JSON writes a whole number without its point
    str: (str,),
}


def members(annotation: object) -> Iterator[Any]:
    """The alternatives of an annotation, through nested unions, aliases and `Annotated`."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for argument in get_args(annotation):
            yield from members(argument)
    elif origin in (Annotated, Required, NotRequired):
        yield from members(get_args(annotation)[0])
    else:
        yield annotation


@cache
def tags(model: object) -> tuple[str, ...]:
    """The literals of a model's `type` field: its tags in a union; empty if it has none."""
    annotation, _ = declared(model).get("type", (None, False))
    return tuple(
        value
        for member in members(annotation)
        if get_origin(member) is Literal
        for value in get_args(member)
    )


@cache
def declared(model: Any) -> Mapping[str, tuple[object, bool]]:
    """A model's fields by their name on the wire: annotation, and whether it must be there.

    `Any`: a pydantic model class or a `TypedDict`, which have no type in common.
    """
    if hasattr(model, "__required_keys__"):
        hints = get_type_hints(model, include_extras=True)
        return {
            name: (hint, get_origin(hint) is Required)
            for name, hint in hints.items()
            if not _is_header(hint)
        }
    fields = getattr(model, "model_fields", {})
    return {
        field.alias or name: (field.annotation, field.is_required())
        for name, field in fields.items()
    }


def _is_header(annotation: object) -> bool:
    """Whether a parameter travels as a header: it has an alias that JSON has nowhere, `a-b`."""
    aliases = (getattr(each, "alias", None) for each in getattr(annotation, "__metadata__", ()))
    return any("-" in alias for alias in aliases if alias)


def is_model(annotation: object) -> bool:
    return hasattr(annotation, "model_fields") or hasattr(annotation, "__required_keys__")


def is_mapping(annotation: object) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def is_list(annotation: object) -> bool:
    """Whether it is a JSON array: the SDK says `List`, `Iterable` or `Sequence`."""
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Iterable) and not is_mapping(annotation)


def scalar_types(annotation: object) -> tuple[type, ...]:
    """The types that a scalar has in parsed JSON; empty if the annotation is no scalar."""
    return _SCALARS.get(annotation, ())


def misfit(model: object, value: Mapping[str, object]) -> tuple[int, int, int]:
    """How badly an object fits a model, to be compared: fields and values that do not belong, how
    many of them are fields, fields missing.

    A value of another kind has fields, values and parts that do not belong; one of this kind merely
    lacks some. Looks at the object's own fields and at the tags of their parts, no deeper.
    """
    outlines = _outlines(model)
    foreign = strange = 0
    for name, each in value.items():
        outline = outlines.get(name)
        if outline is None:
            foreign += 1
        elif not outline.admits(each):
            strange += 1
    lacking = sum(each.needed and name not in value for name, each in outlines.items())
    return foreign + strange, foreign, lacking


@dataclass(frozen=True, slots=True)
class _Outline:
    """What can be said of a field's value at a glance."""

    types: frozenset[type]
    literals: frozenset[object]
    tags: frozenset[str]
    parts: "_Outline | None"
    """Of the elements, where a list is admitted."""
    needed: bool

    def admits(self, value: object) -> bool:
        if type(value) in self.types:
            return True
        if isinstance(value, dict):
            tag = value.get("type")
            return bool(self.tags) if tag is None else isinstance(tag, str) and tag in self.tags
        if isinstance(value, list):
            parts = self.parts
            return parts is not None and all(parts.admits(each) for each in value)
        return value in self.literals


@cache
def _outlines(model: object) -> Mapping[str, _Outline]:
    return {name: _outline(each, needed) for name, (each, needed) in declared(model).items()}


def _outline(annotation: object, needed: bool) -> _Outline:
    types: set[type] = set()
    literals: set[object] = set()
    known: set[str] = set()
    parts: list[object] = []
    for member in members(annotation):
        if scalars := scalar_types(member):
            types.update(scalars)
        elif get_origin(member) is Literal:
            literals.update(get_args(member))
        elif is_model(member) and tags(member):
            known.update(tags(member))
        elif is_model(member) or is_mapping(member):
            types.add(dict)
        elif is_list(member):
            parts.append(get_args(member)[0])
        else:
            types.update(JSON_TYPES)
    outline = _outline(Union[*parts], needed=False) if parts else None
    return _Outline(frozenset(types), frozenset(literals), frozenset(known), outline, needed)
