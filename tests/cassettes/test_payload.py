"""How bytes stand in a line: whatever they are, they come back as they were."""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from json_texts import EXOTIC, values
from msgspec import UNSET, Raw

from cassettes import format as lines
from cassettes.payload import Payload, pack, unpack


def through_a_line(data: bytes) -> bytes:
    """`data` packed, written as a line, read and unpacked."""
    raw = lines.encode(lines.Body(x=1, **pack(data).members()))
    assert raw.count(b"\n") == 1
    assert json.loads(raw, parse_int=str)
    return unpack(lines.decode(raw))


def indented(value: object, indent: int | str, ascii_only: bool, after: str) -> bytes:
    """JSON as Python writes it for people."""
    return (json.dumps(value, indent=indent, ensure_ascii=ascii_only) + after).encode()


written = st.builds(
    indented,
    st.recursive(
        st.none() | st.text() | st.integers(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)
    ),
    st.sampled_from([0, 1, 2, 4, 8, 9, "\t"]),
    st.booleans(),
    st.sampled_from(["", "\n", " \r\n\t"]),
)


@given(st.binary() | values.map(str.encode) | st.text().map(str.encode) | written)
@example(b"")
@example(b"\n")
@example(b'{\n  "a": 1\n}\n')
@example(b'{\n  "a" : 1\n}')
@example(b'{"a":"\xff"}')
@example(b'\xef\xbb\xbf{"a":1}')
@example(b"[" * 9999 + b"]" * 9999)
@example(b"[\n " * 9998 + b"]" * 9998)
@example(b"{" + b" " * 70 + b"}")
def test_all_bytes_come_back_as_they_were(data: bytes) -> None:
    """Packing and unpacking gives the same bytes, directly and through a line of a file."""
    assert unpack(pack(data)) == data
    assert through_a_line(data) == data


@pytest.mark.parametrize("value", EXOTIC)
@pytest.mark.parametrize("style", ["%s", "[%s]", '{"a": %s}', '{\n  "a": %s\n}', '{"a":%s,"a":2} '])
def test_exotic_json_comes_back_as_it_was(value: str, style: str) -> None:
    """Big numbers, lone surrogates and members named twice survive in every style."""
    data = (style % value).encode()
    assert through_a_line(data) == data


@pytest.mark.parametrize(
    ("data", "members"),
    [
        (b"", {}),
        (b'{"a":1}', {"json": Raw(b'{"a":1}')}),
        (b'{"a": 1}\n', {"json": Raw(b'{"a": 1}'), "after": "\n"}),
        (b'{\n  "a": [\n    1\n  ]\n}', {"json": Raw(b'{"a":[1]}'), "indent": 2}),
        (b'{\r\n  "a": 1\r\n}', {"text": '{\r\n  "a": 1\r\n}'}),
        (b'{"a":"\\ud800"}', {"text": '{"a":"\\ud800"}'}),
        (b'"a"', {"text": '"a"'}),
        ("größer".encode(), {"text": "größer"}),
        (b"\x89PNG", {"base64": "iVBORw=="}),
    ],
)
def test_bytes_stand_in_the_plainest_way(data: bytes, members: dict[str, object]) -> None:
    """JSON is embedded where that is exact, other text is a string, and only the rest is base64."""
    assert pack(data).members() == members


@pytest.mark.parametrize(
    "payload", [Payload(base64="a"), Payload(base64="§§§§"), Payload(json=Raw(b"{"), indent=2)]
)
def test_a_payload_that_contradicts_itself_is_an_error(payload: Payload) -> None:
    """What a person may have edited wrongly raises ValueError."""
    with pytest.raises(ValueError, match=r"\S"):
        unpack(payload)


@pytest.mark.parametrize("build", [lambda m: Payload(**m), lambda m: lines.Event(x=1, **m)])
def test_members_build_a_line_of_another_kind(build: Callable[..., Payload]) -> None:
    """The members that are set are carried over, those that are not stay unset."""
    carried = build(pack(b"[1]").members())
    assert unpack(carried) == b"[1]"
    assert carried.text is UNSET
