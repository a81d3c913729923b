"""Compiles type annotations into checkers of parsed JSON that report each deviation with its path.

The official SDK describes the API in annotations alone: models (pydantic or `TypedDict`), unions,
literals, lists, maps and scalars. An annotation becomes a table from JSON type to checker, so that
a value is looked up by its type, and an object in a union of models by its `type` tag; nothing is
ever tried against a whole union. Nothing is coerced ("5" is not an integer), nothing unknown is
dropped. Models are compiled when they are first met. Why not pydantic's own validators: in a union
they try every member, as they ignore the SDK's discriminators, and they take unknown fields without
a word, which then needs a second walk; this one finds both, in no more time.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from wire.schema_annotations import declared, is_model, members, tags

type Found = tuple[str, str, str, str]
"""Kind, path from the value that was checked, tag of the innermost thing ("" if none), shape."""

type Checker = Callable[[Any], list[Found]]
"""`Any`: a checker only gets values of the JSON type under which it stands in `Alternatives`."""

type Alternatives = Mapping[type, Checker]
"""The JSON types that an annotation admits (as Python types), each with what to check further."""

_JSON_TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_SCALARS: Mapping[object, tuple[type, ...]] = {
    None: (type(None),),
    type(None): (type(None),),
    bool: (bool,),
    int: (int,),
    float: (float, int),  # JSON writes a whole number without its point
    str: (str,),
}
_PLAIN_NAME = re.compile(r"[\w$-]+")
_SHAPE_CHARACTERS = 60


def json_type(value: object) -> str:
    """The JSON name of a parsed value's type; `integer` and `number` are told apart."""
    return _JSON_TYPES.get(type(value), type(value).__name__)


def capped(text: str) -> str:
    """At most 60 characters of text that came over the wire, always encodable as UTF-8."""
    return text[:_SHAPE_CHARACTERS].encode("utf-8", "backslashreplace").decode()


def join(head: str, rest: str) -> str:
    """Put a path under a name: `content` and `[].text` give `content[].text`."""
    return head + rest if not rest or rest.startswith("[") else f"{head}.{rest}"


def wrong_type(value: object, path: str = "") -> list[Found]:
    """The one deviation of a value whose JSON type is not admitted."""
    return [("wrong_type", path, "", json_type(value))]


def run(alternatives: Alternatives, value: object) -> list[Found]:
    """Check any JSON value against what an annotation admits."""
    checker = alternatives.get(type(value))
    return wrong_type(value) if checker is None else checker(value)


class Compiler:
    """Checkers for annotations, each model compiled once, when it is first met.

    `things` are the models by which a deviation is filed (items, tools, events, ...): its third
    field becomes the tag of the innermost of them, or the name given here where it has no tag.
    """

    def __init__(self, things: Mapping[object, str]) -> None:
        self._things = things
        self._checkers: dict[object, Checker] = {}

    def alternatives(self, annotation: object) -> Alternatives:
        """What an annotation admits. One that is not understood admits everything."""
        checkers: dict[type, list[Checker]] = {}
        literals: dict[type, set[object]] = {}
        models: list[object] = []
        admits_all = False
        for member in members(annotation):
            origin, arguments = get_origin(member), get_args(member)
            if member in _SCALARS:
                for kind in _SCALARS[member]:
                    checkers.setdefault(kind, []).append(_anything)
            elif origin is Literal:
                for value in arguments:
                    literals.setdefault(type(value), set()).add(value)
            elif is_model(member):
                models.append(member)
            elif isinstance(origin, type) and issubclass(origin, Mapping):
                checkers.setdefault(dict, []).append(_each("*", self.alternatives(arguments[1])))
            elif isinstance(origin, type) and issubclass(origin, Iterable):
                checkers.setdefault(list, []).append(_each("[]", self.alternatives(arguments[0])))
            else:
                admits_all = True
        for kind, values in literals.items():
            checkers.setdefault(kind, []).append(_one_of(frozenset(values)))
        if admits_all:
            checkers = {kind: [_anything] for kind in _JSON_TYPES}
        if models:
            checkers[dict] = [self._object(models, checkers.get(dict, []))]
        return {kind: _nearest(each) for kind, each in checkers.items()}

    def _object(self, models: Sequence[object], others: list[Checker]) -> Checker:
        """A checker that finds an object's model by its tag.

        An object of an unknown tag falls to what has none: models without one, maps, `object`.
        An object without a tag falls to those and to models that may leave it out, else to the
        only model that there is, which then names all that is missing.
        """
        by_tag: dict[str, list[Checker]] = {}
        tagless: list[Checker] = []
        optional: list[Checker] = []
        for model in dict.fromkeys(models):
            checker, own = self._model(model), tags(model)
            for tag in own:
                by_tag.setdefault(tag, []).append(checker)
            if not own:
                tagless.append(checker)
            elif not declared(model)["type"][1]:
                optional.append(checker)
        if not optional and not tagless and not others and len(models) == 1:
            optional = [self._model(models[0])]
        found = {tag: _nearest(each) for tag, each in by_tag.items()}
        unknown = _nearest(tagless + others) if tagless or others else None
        absent = _nearest(optional + tagless + others) if optional or unknown else None

        def check(value: dict[str, object]) -> list[Found]:
            tag = value.get("type")
            checker = found.get(tag) if isinstance(tag, str) else None
            checker = checker or (absent if tag is None else unknown)
            if checker:
                return checker(value)
            if isinstance(tag, str):
                return [("unknown_type", "type", "", capped(tag))]
            if "type" in value:
                return wrong_type(tag, "type")
            return [_missing("type")]

        return check

    def _model(self, model: object) -> Checker:
        if model not in self._checkers:
            checker = self._fields(model)
            self._checkers[model] = (
                self._thing(model, checker) if model in self._things else checker
            )
        return self._checkers[model]

    def _fields(self, model: object) -> Checker:
        fields: dict[str, Alternatives] | None = None
        required: list[str] = []

        def check(value: dict[str, object]) -> list[Found]:
            nonlocal fields
            if fields is None:
                own = declared(model)
                required[:] = [name for name, (_, needed) in own.items() if needed]
                fields = {name: self.alternatives(each) for name, (each, _) in own.items()}
            found = []
            for name, item in value.items():
                alternatives = fields.get(name)
                if alternatives is None:
                    found.append(("unknown_field", _quoted(name), "", json_type(item)))
                    continue
                checker = alternatives.get(type(item))
                if checker is not _anything:
                    below = wrong_type(item) if checker is None else checker(item)
                    found += [_under(name, each) for each in below]
            found += [_missing(name) for name in required if name not in value]
            return found

        return check

    def _thing(self, model: object, checker: Checker) -> Checker:
        own = tags(model)
        name = own[0] if own else self._things[model]

        def check(value: dict[str, object]) -> list[Found]:
            found = checker(value)
            if not found:
                return found
            tag = value.get("type")
            label = tag if isinstance(tag, str) and tag in own else name
            return [(kind, path, inner or label, shape) for kind, path, inner, shape in found]

        return check


def _anything(_: object) -> list[Found]:
    return []


def _nearest(checkers: Sequence[Checker]) -> Checker:
    """The first checker that finds nothing, else the findings of the one that fits best.

    A value of another kind has values and fields that do not belong; one of this kind merely lacks
    some. So what is missing counts less than anything else.
    """
    if _anything in checkers or len(checkers) == 1:
        return _anything if _anything in checkers else checkers[0]

    def check(value: object) -> list[Found]:
        attempts = []
        for checker in checkers:
            found = checker(value)
            if not found:
                return found
            attempts.append(found)
        return min(attempts, key=_misfit)

    return check


def _misfit(found: list[Found]) -> tuple[int, int]:
    missing = sum(kind == "missing_field" for kind, *_ in found)
    return len(found) - missing, missing


def _each(step: str, alternatives: Alternatives) -> Checker:
    def check(value: list[object] | dict[str, object]) -> list[Found]:
        found: dict[Found, None] = {}
        for item in value.values() if isinstance(value, dict) else value:
            found.update((_under(step, each), None) for each in run(alternatives, item))
        return list(found)

    return check


def _one_of(values: frozenset[object]) -> Checker:
    def check(value: object) -> list[Found]:
        return [] if value in values else [("unknown_value", "", "", capped(str(value)))]

    return check


def _missing(name: str) -> Found:
    return ("missing_field", name, "", "missing")


def _under(head: str, found: Found) -> Found:
    kind, path, thing, shape = found
    return (kind, join(head, path), thing, shape)


def _quoted(name: str) -> str:
    return capped(name) if _PLAIN_NAME.fullmatch(name) else f"[{json.dumps(capped(name))}]"
