"""Derives strict pydantic validators from the SDK's types, which as they are let too much pass.

Each model and each `TypedDict` of the SDK is mirrored by a `TypedDict` that takes nothing unknown
and coerces nothing: a field that is missing is one error, a field too many another, and both come
in the same pass. Mirrors and not models, since their keys may have any name (`schema`, `json`,
`async`), a field that may be absent needs no default, and no object is made of what is checked.
Things (items, tools, events, ...) are built when the first of them is met.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    TypedDict,
    Union,
    get_args,
    get_origin,
)

from pydantic import ConfigDict, PlainValidator, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails

from wire.schema_annotations import (
    declared,
    is_list,
    is_mapping,
    is_model,
    members,
    scalar_types,
    tags,
)
from wire.schema_documented import DOCUMENTED
from wire.schema_unions import Arms

_STRICT = ConfigDict(strict=True, extra="forbid")

type Validator = Callable[[object], list[ErrorDetails]]
"""Gives pydantic's errors for a value, none if it has no fault; raises nothing."""


class Validators:
    """Builds validators, and keeps the parts that they share; any thread may use them.

    `things` are the models by which a deviation is filed, each with a name in case it has no tag.
    """

    def __init__(self, things: Mapping[object, str]) -> None:
        self._things = things
        self._mirrors: dict[object, Any] = {}
        self._adapters: dict[object, TypeAdapter[Any]] = {}
        self._building = Lock()

    def validator(self, annotation: object) -> Validator:
        """What checks parsed JSON against an annotation."""
        with self._building:
            return partial(_errors, TypeAdapter(self._derived(annotation)))

    def _derived(self, annotation: object) -> Any:
        """The strict counterpart of an annotation. One that is not understood admits everything."""
        arms = Arms()
        models: dict[object, None] = {}
        literals: list[object] = []
        listed: list[object] = []
        kept: list[object] = []
        for member in members(annotation):
            if member in (None, type(None)):
                arms.nullable = True
            elif types := scalar_types(member):
                arms.add(member, *types)
            elif get_origin(member) is Literal:
                literals += get_args(member)
            elif is_model(member):
                models[member] = None
            elif is_mapping(member):
                kept.append(get_args(member)[1])
            elif is_list(member):
                listed.append(get_args(member)[0])
            else:
                arms.open = True
        # Types that are made at run time are beyond a static checker, here and in `_mirror`.
        if listed:
            arms.add(list[self._derived(Union[*listed])], list)  # type: ignore[misc]
        if kept:
            arms.add_map(dict[Any, self._derived(Union[*kept])])  # type: ignore[misc]
        arms.add_literals(literals)
        for model in models:
            thing = self._things.get(model)
            arms.add_model(
                model, self._mirror(model) if thing is None else self._lazy(model), thing
            )
        return arms.joined()

    def _mirror(self, model: Any) -> Any:
        if model not in self._mirrors:
            self._mirrors[model] = self._lazy(model)  # should it be met inside itself
            fields = {
                name: Required[self._derived(each)] if needed else NotRequired[self._derived(each)]
                for name, (each, needed) in declared(model).items()
            }
            label = next(iter(tags(model)), self._things.get(model, ""))
            for name, each in DOCUMENTED.get(label, {}).items():
                fields.setdefault(name, NotRequired[self._derived(each)])
            mirror = TypedDict(model.__name__, fields)  # type: ignore[misc]
            self._mirrors[model] = with_config(_STRICT)(mirror)
        return self._mirrors[model]

    def _lazy(self, model: object) -> Any:
        return Annotated[Any, PlainValidator(partial(self._validate, model))]

    def _validate(self, model: object, value: object) -> object:
        adapter = self._adapters.get(model)
        if adapter is None:
            with self._building:
                adapter = self._adapters[model] = TypeAdapter(self._mirror(model))
        return adapter.validate_python(value)


def _errors(adapter: TypeAdapter[Any], value: object) -> list[ErrorDetails]:
    errors = _found(adapter, value)
    if any(each["type"] == "string_unicode" for each in errors):
        errors = _found(adapter, _as_unicode(value))
    return errors


def _found(adapter: TypeAdapter[Any], value: object) -> list[ErrorDetails]:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return error.errors(include_url=False, include_context=False)
    return []


def _as_unicode(value: object) -> object:
    """JSON with `?` for lone surrogates: of an object that has one in a name pydantic says no more.

    They are valid in JSON, but not in UTF-8, so that they could not be stored either.
    """
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
