"""Joins the alternatives of one annotation into a discriminated union.

Which arm a value goes to is decided before any is tried: by its JSON type; an object's by its
`type` tag and, where several models share a tag, by what it fits best. So a fault is reported once,
by the arm that was meant, and never by all those that were not.

The name of an arm stands in the `loc` of every error inside it: `<message>0`, with the tag of a
thing (item, tool, event, ...) between the brackets, and nothing there if the arm is no thing.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union

from pydantic import Discriminator, Tag

from wire.schema_annotations import declared, misfit, tags

MAP = "<>*"
"""The arm of a map; the step after it in a `loc` is a key."""

_ANYTHING = "<>"
_NO_SUCH_TAG = "<>?"
_NEVER = "<>-"


class Arms:
    """Collects the alternatives of one annotation, and joins them."""

    def __init__(self) -> None:
        self.nullable = False
        self.open = False
        """Whether a value that no other arm is for may be anything."""
        self._arms: dict[str, Any] = {}
        self._by_type: dict[type, str] = {}
        self._models = _Models()
        self._plain = True

    def add(self, annotation: object, *types: type) -> None:
        """An alternative of these JSON types; of the first even where another has it too."""
        name = f"<>{types[0].__name__}"
        self._arms[name] = annotation
        self._by_type[types[0]] = name
        for each in types[1:]:
            self._by_type.setdefault(each, name)

    def add_literals(self, values: Sequence[object]) -> None:
        """Values; to be added last, as those of a type that is admitted anyhow are left out."""
        for kind in dict.fromkeys(map(type, values)):
            if kind not in self._by_type:
                self.add(Literal[*(each for each in values if type(each) is kind)], kind)

    def add_map(self, annotation: object) -> None:
        """A map, under whatever keys."""
        self._arms[MAP] = annotation
        self._by_type[dict] = MAP
        self._plain = False

    def add_model(self, model: object, annotation: object, thing: str | None) -> None:
        """A model and what validates it; `thing` is its name if it is one that has no tag."""
        own = tags(model)
        for label in [""] if thing is None else own or [thing]:
            name = f"<{label}>{len(self._arms)}"
            self._arms[name] = annotation
            self._models.add(name, model, [label] if label in own else own)
        self._plain = self._plain and thing is None and not own

    def joined(self) -> Any:
        """The one annotation that stands for all of them (`Any`: a type form, or `Any` itself)."""
        arms = {**self._arms, _ANYTHING: Any} if self.open else self._arms
        if not arms:
            return None
        if len(arms) == 1 and self._plain:
            (joined,) = arms.values()
        else:
            pair = arms if len(arms) > 1 else {**arms, _NEVER: None}  # there is no union of one
            tagged = [Annotated[arm, Tag(name)] for name, arm in pair.items()]
            joined = Annotated[Union[*tagged], Discriminator(self._choose)]
        return joined | None if self.nullable else joined

    def _choose(self, value: object) -> str | None:
        """The name of a value's arm; None if there is none for its JSON type."""
        name = self._by_type.get(type(value), _ANYTHING if self.open else None)
        return self._models.choose(value, name) if isinstance(value, dict) else name


class _Models:
    """Finds an object's arm among models by its tag.

    An object of an unknown tag goes to a model that has no tag, or to what else is for objects. So
    does one without a tag, but also to a model that may leave it out; failing that, to the only
    model that there is, which then names all that is missing.
    """

    def __init__(self) -> None:
        self._tagged: dict[str, list[tuple[str, object]]] = {}
        self._tagless: list[tuple[str, object]] = []
        self._optional: list[tuple[str, object]] = []
        self._all: list[tuple[str, object]] = []

    def add(self, name: str, model: object, own: Sequence[str]) -> None:
        """An arm, its model and the tags by which this arm is found."""
        arm = (name, model)
        self._all.append(arm)
        for tag in own:
            self._tagged.setdefault(tag, []).append(arm)
        if not own:
            self._tagless.append(arm)
        elif not declared(model)["type"][1]:
            self._optional.append(arm)

    def choose(self, value: Mapping[str, object], other: str | None) -> str | None:
        """The arm that an object was meant for, or `other`; a name that no arm has, for neither."""
        tag = value.get("type")
        found = self._tagged.get(tag) if isinstance(tag, str) else None
        if found is None:
            found = self._tagless + (self._optional if tag is None else [])
        if not found and other is None and tag is None and len(self._all) == 1:
            found = self._all
        if not found:
            return other or (_NO_SUCH_TAG if self._all else None)
        if len(found) > 1:
            return min(found, key=lambda arm: misfit(arm[1], value))[0]
        return found[0][0]
