"""How the blocks of an event stream stand in lines: exact for all bytes, short for most."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from json_texts import values
from msgspec import UNSET, Raw
from traffic import compact, streaming

from cassettes import format as lines
from cassettes.framing import DATA_ONLY, frame, unframe
from cassettes.payload import Payload
from wire.words import event_type


def through_a_line(block: bytes) -> bytes:
    """`block` framed, written as a line, read and put together again."""
    name, payload = frame(block)
    line = lines.decode(lines.encode(lines.Event(x=1, frame=name, **payload.members())))
    return unframe(line.frame, line)


PARTS = ["event: ", "data: ", "data:", ": ping", "\n", "\n\n", "\r\n", '{"type":"a"}']
framed = st.builds(
    "".join,
    st.lists(st.sampled_from(PARTS) | values),
).map(str.encode)


@given(st.binary() | framed | values.map(str.encode))
@example(b"data: [DONE]\n\n")
@example(b'event: a\ndata: {"type":"a"}\n\n')
@example(b'event: a\r\ndata: {"type":"a"}\r\n\r\n')
@example(b'event: b\ndata: {"type":"a"}\n\n')
@example(b'event: \ndata: {"a":1}\n\n')
@example(b'event: \ndata: {"type":1}\n\n')
@example(b'data: {"type":"a"}\n\n')
@example(b'data: {"type":"a"} \n\n')
@example(b'{"type":"a"}')
@example(b'{"type":"a"}\n\n')
@example(b'event: a\ndata: {"type":"a"\ndata: }\n\n')
@example(b'event: \xc3\xa9\ndata: {"type":"\xc3\xa9"}\n\n')
@example(b'event: a\ndata: {"type":"a","type":"b"}\n\n')
@example(b'data: {"a":' + b"[" * 9997 + b"]" * 9997 + b"}\n\n")
def test_all_blocks_come_back_as_they_were(block: bytes) -> None:
    """Framing and unframing gives the same bytes, directly and through a line of a file."""
    assert unframe(*frame(block)) == block
    assert through_a_line(block) == block


def test_the_usual_events_are_written_without_their_frame() -> None:
    """An event of the API stands in its line as its JSON alone."""
    for block in streaming("Two words"):
        name, payload = frame(block)
        assert name is UNSET
        assert b"data: " + bytes(payload.json) + b"\n\n" in block
        assert list(payload.members()) == ["json"]


@pytest.mark.parametrize(
    ("block", "name", "members"),
    [
        (b'data: {"a":1}\n\n', DATA_ONLY, {"json": Raw(b'{"a":1}')}),
        (b"data: [DONE]\n\n", UNSET, {"text": "data: [DONE]\n\n"}),
        (b": ping\n\n", UNSET, {"text": ": ping\n\n"}),
        (b'data: {"a":1}\r\n\r\n', UNSET, {"text": 'data: {"a":1}\r\n\r\n'}),
        (b'{"a":1}\n\n', UNSET, {"text": '{"a":1}\n\n'}),
        (b"data: \xff\n\n", UNSET, {"base64": "ZGF0YTog/woK"}),
    ],
)
def test_other_blocks_say_how_they_are_framed(
    block: bytes, name: object, members: dict[str, object]
) -> None:
    """Data alone has a name; all else is kept as the text that it is."""
    found, payload = frame(block)
    assert (found, payload.members()) == (name, members)


def test_an_unknown_frame_is_an_error() -> None:
    """A frame that only a newer respool knows is not guessed at."""
    with pytest.raises(ValueError, match="'later' is not known"):
        unframe("later", Payload(json=Raw(b"{}")))


@pytest.mark.parametrize("data", [b"", b"[DONE]", b"{}", b'{"type":1}', b"[1]", b'{"type":"\xff"}'])
def test_data_without_a_type_has_none(data: bytes) -> None:
    """What is not an object with a text as its type has the empty type."""
    assert event_type(data) == ""


def test_an_event_says_its_type() -> None:
    """The type is read from the event's own JSON."""
    assert event_type(compact({"sequence_number": 1, "type": "response.created"})) == (
        "response.created"
    )
