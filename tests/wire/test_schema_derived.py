"""Types that the SDK may have one day: derived, checked, and never a reason to stop."""

from collections.abc import Mapping
from typing import Literal, Required, TypedDict

import pytest

from wire.schema_derived import Validators
from wire.schema_deviations import Deviation, translated


class Plain(TypedDict):
    """A model that has no tag."""

    size: Required[int]


class Leaf(TypedDict):
    """A model that has one, and values that are no strings."""

    type: Required[Literal["leaf"]]
    on: Literal[True, "maybe"]
    nothing: None


class DryLeaf(TypedDict):
    """A model of the same tag, with fields of which little can be said at a glance."""

    type: Required[Literal["leaf"]]
    falls: Required[Plain]
    age: Mapping[str, int] | bytes


class Tree(TypedDict):
    """A model that holds itself."""

    type: Required[Literal["tree"]]
    parts: "list[Tree | Leaf | DryLeaf] | list[Plain]"
    notes: Mapping[str, int] | None
    more: bytes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "tree", "more": 1, "notes": None}, None),
        ({"type": "tree", "parts": [{"type": "tree"}, {"type": "leaf", "on": "maybe"}]}, None),
        (
            {"type": "tree", "parts": [{"type": "tree", "parts": [{"type": "leaf", "on": False}]}]},
            ("wrong_type", "parts[].parts[].on", "tree", "boolean"),
        ),
        (
            {"type": "tree", "parts": [{"type": "leaf", "falls": {"size": 1}, "age": b"1"}]},
            None,
        ),
        (
            {"type": "tree", "parts": [{"type": "leaf", "nothing": 0}]},
            ("wrong_type", "parts[].nothing", "tree", "integer"),
        ),
        (
            {"type": "tree", "parts": [{"type": "bush", "size": 1}]},
            ("unknown_field", "parts[].type", "tree", "string"),
        ),
        ({"type": "tree", "parts": [{}]}, ("missing_field", "parts[].size", "tree", "missing")),
        ({"type": "tree", "notes": {"<a>": "b"}}, ("wrong_type", "notes.*", "tree", "string")),
    ],
)
def test_types_that_the_sdk_may_yet_have(
    value: object, expected: tuple[str, str, str, str] | None
) -> None:
    """Models that hold themselves or have no tag are checked; what is not understood is let be."""
    validator = Validators({Tree: ""}).validator(Tree)
    found = translated(validator(value), "tree")
    assert list(found) == ([Deviation(*expected)] if expected else [])
