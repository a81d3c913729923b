"""Slices of JSON text: exact offsets on the fast way and on the slow one, or no answer at all."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from json_texts import EXOTIC, arrays, in_bytes, objects, spaces, values

from wire.slices import (
    Span,
    _fast_items,
    _fast_members,
    _slow_items,
    _slow_members,
    is_json,
    items,
    members,
)


@given(objects(values, unique=True), spaces, spaces)
def test_members_stand_where_the_text_has_them(
    built: tuple[str, list[tuple[int, int]]], before: str, after: str
) -> None:
    """Every member of an object is found at its exact bytes, in the order of the text."""
    text, spans = built
    found = members((before + text + after).encode())
    assert found is not None
    shifted = [(len(before) + a, len(before) + b) for a, b in (in_bytes(text, s) for s in spans)]
    assert [tuple(span) for span in found.values()] == shifted
    assert list(found) == list(json.loads(text, parse_int=str))


@given(arrays(values), st.text(max_size=5))
def test_items_stand_where_the_text_has_them(
    built: tuple[str, list[tuple[int, int]]], before: str
) -> None:
    """Every item of an array that stands anywhere in a text is found at its exact bytes."""
    text, spans = built
    raw, start = text.encode(), len(before.encode())
    found = items(before.encode() + raw + b", 7]", Span(start, start + len(raw)))
    assert found is not None
    expected = [(start + a, start + b) for a, b in (in_bytes(text, span) for span in spans)]
    assert [tuple(span) for span in found] == expected


@given(st.one_of(values.map(str.encode), st.text().map(str.encode)))
@example(b"")
@example(b" {} ")
@example(b"{}")
@example(b'{"a":1}x')
@example(b'{"a":NaN}')
@example(b'\xef\xbb\xbf{"a":1}')
@example(b'{"a":{"q":1,"b":55,"c":0},"b":2,"a":123456}')
def test_the_fast_way_and_the_slow_way_agree(text: bytes) -> None:
    """Where the fast way has an answer, the slow one has the same."""
    whole = Span(0, len(text))
    fast, slow = _fast_members(text), _slow_members(text)
    assert fast is None or fast == slow
    listed, slowly = _fast_items(text, whole), _slow_items(text, whole)
    assert listed is None or listed == slowly


@given(objects(values, keys=st.sampled_from(['"a"', '"b"', r'"\u0061"', '"é"'])))
def test_a_member_named_twice_is_refused(built: tuple[str, list[tuple[int, int]]]) -> None:
    """An object that names a member twice, in whatever spelling, has no slices."""
    text, spans = built
    named = json.loads(text, parse_int=str, object_pairs_hook=lambda pairs: [k for k, _ in pairs])
    assert (members(text.encode()) is None) == (len(set(named)) < len(spans))


@given(values)
def test_only_arrays_have_items_and_only_objects_members(text: str) -> None:
    """A value of another type has no slices, and neither has an array that only begins later."""
    raw = text.encode()
    whole = Span(0, len(raw))
    if text[:1] != "{":
        assert members(raw) is None
    if text[:1] != "[":
        assert items(raw, whole) is None
    assert items(b" " + raw, Span(0, len(raw) + 1)) is None


@given(st.binary())
def test_no_bytes_make_slicing_fail(text: bytes) -> None:
    """Bytes of any kind are answered, and what is not JSON has neither members nor items."""
    found = members(text), items(text, Span(0, len(text)))
    if found != (None, None):
        json.loads(text.decode(errors="replace"))
    assert not is_json(text) or json.loads(text, parse_int=str) is not ...


@pytest.mark.parametrize("value", EXOTIC)
def test_exotic_values_are_sliced_as_they_stand(value: str) -> None:
    """Big numbers, lone surrogates and odd escapes come back as the sender wrote them."""
    text = f'{{"a":{value},"é":[{value},{value}]}}'.encode()
    found = members(text)
    assert found is not None
    assert found["a"].of(text) == value.encode()
    listed = items(text, found["é"])
    assert listed is not None
    assert [span.of(text) for span in listed] == [value.encode()] * 2


@pytest.mark.parametrize(
    "text",
    [r'"\ud800"', '"\t"', "NaN", "01", "[1,]", "{} {}", "", "\ufeff{}", "'a'", '{"a":1,}'],
)
def test_what_some_parser_refuses_is_not_called_json(text: str) -> None:
    """`is_json` is strict: what cannot stand in a line that others parse is refused."""
    assert not is_json(text.encode())


def test_json_that_can_only_just_be_parsed_is_not_called_json() -> None:
    """JSON called so can still be parsed when it is nested in something else."""
    deepest = max(n for n in range(0, 12_000, 500) if is_json(b"[" * n + b"]" * n))
    assert deepest >= 1000
    nested = b'{"json":' * 100 + b"[" * deepest + b"]" * deepest + b"}" * 100
    json.loads(nested)
    assert not is_json(b"[1],[2]" + b"[" * 2000)
    assert not is_json(b"[" * 600 + b"]" * 600 + b"," + b"[" * 600 + b"]" * 600)


def test_slicing_slowly_takes_time_in_proportion() -> None:
    """A lone surrogate in a long history of another script does not make slicing crawl."""
    history = '{"content":"%s"},' % ("é" * 400) * 4000
    text = f'{{"input":[{history}"\\ud800"]}}'.encode()
    began = time.process_time()
    found = members(text)
    assert found is not None
    assert len(items(text, found["input"]) or ()) == 4001
    assert time.process_time() - began < 1.0
