"""Whatever JSON there is, checking it ends with deviations: of any kind of thing, near and far."""

import json

from hypothesis import given
from hypothesis import strategies as st
from things import VALID

from wire.schema import Deviation, Kind, check

TEXTS = st.text(st.characters(exclude_categories=()), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)
KINDS: list[Kind] = sorted({kind for kind, _ in VALID})


def mutations(value: object) -> st.SearchStrategy[object]:
    """Values like a valid one, with any part replaced by any JSON."""
    if isinstance(value, dict):
        parts = {name: mutations(each) for name, each in value.items()}
        return JSON | st.fixed_dictionaries({}, optional=parts)
    if isinstance(value, list):
        return JSON | st.lists(st.one_of([mutations(each) for each in value] or [JSON]), max_size=2)
    return st.just(value) | JSON


@given(kind=st.sampled_from(KINDS), value=JSON, beta=st.booleans())
def test_any_json_is_checked(kind: Kind, value: object, beta: bool) -> None:
    """Whatever JSON comes, checking it answers with deviations and raises nothing."""
    assert all(isinstance(each, Deviation) for each in check(kind, value, beta=beta))


@given(st.sampled_from(VALID).flatmap(lambda case: st.tuples(st.just(case[0]), mutations(case[1]))))
def test_near_misses_are_checked(case: tuple[Kind, object]) -> None:
    """Things with parts missing or replaced are checked without raising, the same way each time."""
    kind, value = case
    before = json.dumps(value)
    found = check(kind, value)
    assert found == check(kind, value)
    assert len(set(found)) == len(found)
    assert json.dumps(value) == before
