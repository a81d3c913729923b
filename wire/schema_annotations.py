"""Reads type annotations: the members of a union, the fields and tags of a model.

A model is whatever has `model_fields` (pydantic) or `__required_keys__` (`TypedDict`, of `typing`
or `typing_extensions` alike); so nothing heavy is imported here.
"""

from collections.abc import Iterator
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


def tags(model: object) -> tuple[str, ...]:
    """The literals of a model's `type` field: its tags in a union; empty if it has none."""
    annotation, _ = declared(model).get("type", (None, False))
    return tuple(
        value
        for member in members(annotation)
        if get_origin(member) is Literal
        for value in get_args(member)
    )


def declared(model: Any) -> dict[str, tuple[object, bool]]:
    """A model's fields by their name on the wire: annotation, and whether it must be there.

    `Any`: a pydantic model class or a `TypedDict`, which have no type in common.
    """
    if hasattr(model, "__required_keys__"):
        hints = get_type_hints(model, include_extras=True)
        return {name: (hint, get_origin(hint) is Required) for name, hint in hints.items()}
    fields = getattr(model, "model_fields", {})
    return {
        field.alias or name: (field.annotation, field.is_required())
        for name, field in fields.items()
    }


def is_model(annotation: object) -> bool:
    return hasattr(annotation, "model_fields") or hasattr(annotation, "__required_keys__")
