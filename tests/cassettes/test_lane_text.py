"""A message in another lane: its `stream_id` changes, and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import objects, values

from cassettes.lane_text import in_lane
from wire.words import read_words

LANES = st.one_of(st.none(), st.text(max_size=5))


@pytest.mark.parametrize(
    ("text", "recorded", "lane", "said"),
    [
        (b'{"a":1, "stream_id": "x","n":1e400}', "x", "y", b'{"a":1, "stream_id": "y","n":1e400}'),
        (b'{"a":1,"stream_id":"x"}', "x", None, b'{"a":1}'),
        (b'{"a":1} ', None, "y", b'{"a":1,"stream_id":"y"} '),
        (b'{"a":1}', None, None, b'{"a":1}'),
        (b'{"stream_id":"x"}', "x", "x", b'{"stream_id":"x"}'),
        (b'{"stream_id":"z"}', "x", "y", b'{"stream_id":"z"}'),
        (b"{}", None, "y", b'{"stream_id":"y"}'),
        (b"no json", None, "y", b"no json"),
        (b"[]", None, "y", b"[]"),
        (b'{"a":1,"a":2}', None, "y", b'{"a":1,"a":2}'),
    ],
)
def test_lanes_are_renamed(
    text: bytes, recorded: str | None, lane: str | None, said: bytes
) -> None:
    """A message of the recorded lane gets the new name, loses it, or gets one; others stay."""
    assert in_lane(text, recorded, lane) == said


@given(objects(values, unique=True), LANES)
def test_what_a_message_says_stays(made: tuple[str, object], lane: str | None) -> None:
    """Into another lane and back, a message says what it said; there it is in that lane."""
    text = made[0].encode()
    before = read_words(text).stream_id
    there = in_lane(text, before, lane)
    if there != text:
        assert read_words(there).stream_id == lane
        assert json.loads(in_lane(there, lane, before)) == json.loads(text)
