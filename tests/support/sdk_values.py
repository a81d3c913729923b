"""JSON made from the SDK's types: of each model the least and the most that it describes.

Deterministic: of several alternatives the first is taken, of a literal its first value. `places`
finds every model below an annotation and knows how to put a value where the model stands, so that
each can be checked in its place within a whole thing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args, get_origin

from wire.schema_annotations import (
    JSON_TYPES,
    declared,
    is_list,
    is_mapping,
    is_model,
    members,
    scalar_types,
    tags,
)

_SAMPLES: Mapping[type, Any] = {bool: True, int: 7, float: 7.5, str: "words", type(None): None}
_STRANGERS: tuple[Any, ...] = ([], {}, "unheard of", 7.5, 7, True, None)
_DEPTH = 3  # of models within models; below it only what must be there


def minimal(annotation: Any) -> Any:
    """The least that an annotation admits: of a model the fields that must be there."""
    return _value(annotation, 0)


def full(annotation: Any) -> Any:
    """All that an annotation admits, each field with a value that is not null where it can be."""
    return _value(annotation, _DEPTH)


def _value(annotation: Any, depth: int) -> Any:
    found = [each for each in members(annotation) if each not in (None, type(None))]
    if not found:
        return None
    first = found[0]
    if is_model(first):
        return {
            name: _value(each, depth - 1 if depth else 0)
            for name, (each, needed) in declared(first).items()
            if needed or depth
        }
    if is_list(first):
        return [_value(get_args(first)[0], depth)] if depth else []
    if is_mapping(first):
        return {"a name": _value(get_args(first)[1], depth)} if depth else {}
    if get_origin(first) is Literal:
        return get_args(first)[0]
    types = scalar_types(first)
    return _SAMPLES[types[0]] if types else {"anything": [1, None]}


def stranger(annotation: Any) -> tuple[Any, str] | None:
    """A value of a JSON type that an annotation does not admit, and that type; None if all are."""
    admitted: set[type] = set()
    for each in members(annotation):
        if each in (None, type(None)):
            admitted.add(type(None))
        elif types := scalar_types(each):
            admitted.update(types)
        elif is_model(each) or is_mapping(each):
            admitted.add(dict)
        elif is_list(each):
            admitted.add(list)
        elif get_origin(each) is Literal:
            admitted.update(map(type, get_args(each)))
        else:
            return None
    value = next(each for each in _STRANGERS if type(each) not in admitted)
    return value, JSON_TYPES[type(value)]


def literals(annotation: Any) -> tuple[Any, ...]:
    """The values of an annotation that admits nothing else, but for null; else none."""
    found = [each for each in members(annotation) if each not in (None, type(None))]
    if any(get_origin(each) is not Literal for each in found):
        return ()
    return tuple(value for each in found for value in get_args(each))


@dataclass(frozen=True)
class Place:
    """Where a model stands below an annotation, by one of its tags if it has any."""

    model: Any
    tag: str | None
    path: str = ""
    parent: "Place | None" = None
    step: str = ""
    """The field of the parent, and `[]` or `.*` for each list or map that is around it there."""
    among: Any = None
    """The annotation of which the model is one alternative."""

    @cached_property
    def minimal(self) -> dict[str, Any]:
        """The least that can stand here."""
        return {**minimal(self.model), **({"type": self.tag} if self.tag else {})}

    @cached_property
    def full(self) -> dict[str, Any]:
        """The most that can stand here."""
        return {**full(self.model), **({"type": self.tag} if self.tag else {})}

    def around(self, value: Any) -> Any:
        """The least whole that holds `value` here."""
        name, *wraps = self.step.replace("[]", " []").replace(".*", " *").split(" ")
        for wrap in reversed(wraps):
            value = [value] if wrap == "[]" else {"a name": value}
        if self.parent is None:
            return value
        return self.parent.around({**self.parent.minimal, name: value})

    def line(self) -> Iterator["Place"]:
        """This place and those around it, outwards."""
        yield self
        if self.parent is not None:
            yield from self.parent.line()

    def __str__(self) -> str:
        return f"{self.model.__name__}({self.tag or ''}) at {self.path or '.'}"


def places(annotation: Any) -> list[Place]:
    """Every model below an annotation, each once for each of its tags, at its shallowest place."""
    found: dict[Any, None] = {}
    queue = [
        place
        for step, model, among in _models(annotation, "")
        for place in _tagged(model, step, None, among)
    ]
    all_places: list[Place] = []
    for place in queue:  # grows meanwhile
        if (place.model, place.tag) in found:
            continue
        found[place.model, place.tag] = None
        all_places.append(place)
        for name, (each, _) in declared(place.model).items():
            for step, model, among in _models(each, name):
                queue += _tagged(model, step, place, among)
    return all_places


def _tagged(model: Any, step: str, parent: Place | None, among: Any) -> list[Place]:
    head = parent.path if parent else ""
    path = f"{head}.{step}" if head else step
    return [Place(model, tag, path, parent, step, among) for tag in tags(model) or (None,)]


def _models(annotation: Any, step: str) -> Iterator[tuple[str, Any, Any]]:
    for each in members(annotation):
        if is_model(each):
            yield step, each, annotation
        elif is_list(each):
            yield from _models(get_args(each)[0], step + "[]")
        elif is_mapping(each):
            yield from _models(get_args(each)[1], step + ".*")
