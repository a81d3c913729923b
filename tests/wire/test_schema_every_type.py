"""Every model of the SDK, in its place: what it describes passes, and what it does not is named."""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import pytest
from sdk_values import Place, literals, places, stranger

from wire.schema import Deviation, Kind, check, surface
from wire.schema_annotations import declared, members, tags

KINDS: tuple[Kind, ...] = get_args(Kind.__value__)
SURFACES = pytest.mark.parametrize("beta", [False, True], ids=["api", "beta"])


@cache
def everywhere(kind: Kind, beta: bool) -> list[Place]:
    """Every place of a kind of thing."""
    return places(surface(beta).kinds[kind])


def filed_by(place: Place, kind: Kind, beta: bool) -> str:
    """What a deviation here is filed by: the innermost thing around it, else the kind."""
    named, tagged = surface(beta).named, things(beta)
    for each in place.line():
        if each.model in named:
            return named[each.model]
        if each.model in tagged:
            return each.tag or ""
    return kind


@cache
def things(beta: bool) -> frozenset[Any]:
    """The models that a deviation is filed by."""
    return frozenset(each for union in surface(beta).tagged for each in members(union))


def under(path: str, name: str) -> str:
    """A field's path."""
    return f"{path}.{name}" if path else name


@SURFACES
@pytest.mark.parametrize("kind", KINDS)
def test_every_model_admits_what_it_describes(kind: Kind, beta: bool) -> None:
    """The least and the most that the SDK describes of a thing has no deviation, wherever it is."""
    wrong = {
        f"{place}: {each}"
        for place in everywhere(kind, beta)
        for value in (place.minimal, place.full)
        for each in check(kind, place.around(value), beta=beta)
    }
    assert wrong == set()


@SURFACES
@pytest.mark.parametrize("kind", KINDS)
def test_every_model_names_a_field_that_it_does_not_have(kind: Kind, beta: bool) -> None:
    """One field too many is one deviation, at its own place, filed by the thing that has it."""
    wrong = []
    for place in everywhere(kind, beta):
        found = check(kind, place.around({**place.full, "unheard_of": 1}), beta=beta)
        thing = filed_by(place, kind, beta)
        if found != [Deviation("unknown_field", under(place.path, "unheard_of"), thing, "integer")]:
            wrong.append(f"{place}: {found}")
    assert wrong == []


@SURFACES
@pytest.mark.parametrize("kind", KINDS)
def test_every_model_names_each_field_that_it_lacks(kind: Kind, beta: bool) -> None:
    """A field that must be there and is not is a deviation, unless a model of its tag allows it."""
    wrong = []
    found_places = everywhere(kind, beta)
    for place in found_places:
        at = (place.path, place.tag)
        alike = [each.model for each in found_places if (each.path, each.tag) == at]
        for name, (_, needed) in declared(place.model).items():
            if needed and name != "type":
                lax = any(not declared(each).get(name, (None, False))[1] for each in alike)
                value = {each: kept for each, kept in place.minimal.items() if each != name}
                thing = filed_by(place, kind, beta)
                expected = Deviation("missing_field", under(place.path, name), thing, "missing")
                found = check(kind, place.around(value), beta=beta)
                if found != [expected] and (found or not lax):
                    wrong.append(f"{place} without {name}: {found}")
    assert wrong == []


@SURFACES
@pytest.mark.parametrize("kind", KINDS)
def test_every_tag_that_nobody_has_is_named(kind: Kind, beta: bool) -> None:
    """Where not just anything may stand, a tag that the SDK does not have is quoted."""
    wrong = []
    for place in everywhere(kind, beta):
        if place.tag and stranger(place.among):
            value = {**place.full, "type": "unheard of"}
            found = check(kind, place.around(value), beta=beta)
            quoted = [(each.path, each.shape) for each in found]
            kinds = {each.kind for each in found}
            expected = [(under(place.path, "type"), "unheard of")]
            if quoted != expected or not kinds <= {"unknown_type", "unknown_value"}:
                wrong.append(f"{place}: {found}")
    assert wrong == []


@SURFACES
@pytest.mark.parametrize("kind", KINDS)
def test_every_model_names_each_value_of_another_type(kind: Kind, beta: bool) -> None:
    """A value whose JSON type its field does not admit is a deviation that says which it was."""
    wrong = []
    for place, name, annotation in fields(kind, beta):
        if odd := stranger(annotation):
            value = {**place.full, name: odd[0]}
            thing = filed_by(place, kind, beta)
            expected = Deviation("wrong_type", under(place.path, name), thing, odd[1])
            found = check(kind, place.around(value), beta=beta)
            if found != [expected]:
                wrong.append(f"{place} with {name} {odd[0]!r}: {found}")
    assert wrong == []


@SURFACES
@pytest.mark.parametrize("kind", KINDS)
def test_every_model_names_each_value_that_is_not_one_of_its_few(kind: Kind, beta: bool) -> None:
    """A status, reason, code or other word that the SDK does not list is quoted in a deviation."""
    wrong = []
    for place, name, annotation in fields(kind, beta):
        if any(isinstance(each, str) for each in literals(annotation)):
            value = {**place.full, name: "unheard of"}
            thing = filed_by(place, kind, beta)
            expected = Deviation("unknown_value", under(place.path, name), thing, "unheard of")
            found = check(kind, place.around(value), beta=beta)
            if found != [expected]:
                wrong.append(f"{place} with {name}: {found}")
    assert wrong == []


def fields(kind: Kind, beta: bool) -> Iterator[tuple[Place, str, Any]]:
    """Every field of every model but the tags, which say what a thing is."""
    for place in everywhere(kind, beta):
        for name, (annotation, _) in declared(place.model).items():
            if not (name == "type" and tags(place.model)):
                yield place, name, annotation
