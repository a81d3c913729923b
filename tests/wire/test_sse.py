"""Cutting event streams: every byte is kept, and the cuts do not depend on how the bytes came."""

import time
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from traffic import cut

from wire.sse import Event, Splitter, blocks, parse

streams = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"data: 1", b"event: x", b":", "é".encode(), b"\xff"])
).map(b"".join)


def fed(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """The blocks of a stream that came in chunks, cut at the given places."""
    splitter = Splitter()
    found = [block for chunk in cut(stream, places) for block in splitter.feed(chunk)]
    return found + list(filter(None, [splitter.finish()]))


@given(streams, st.lists(st.integers(0, 100)))
@example(b"data: 1\r\r\ndata: 2\r\n\r\n", [8, 9])
@example(b"a\r\n\r\nb\n\r\nc\n\n\n", [2, 3, 4])
def test_blocks_do_not_depend_on_the_chunks(stream: bytes, places: list[int]) -> None:
    """However a stream is cut into chunks, its blocks are the same and join to its bytes."""
    found = fed(stream, places)
    assert b"".join(found) == stream
    assert found == list(blocks(stream)) == fed(stream, range(len(stream)))


@given(st.lists(st.binary(min_size=1).filter(lambda b: not {10, 13} & set(b)), min_size=1))
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_blank_line_ends_a_block(end: bytes, texts: list[bytes]) -> None:
    """Blocks of each line end that the standard allows are found one by one, bytewise too."""
    whole = [text + end + end for text in texts]
    stream = b"".join(whole)
    assert fed(stream, []) == fed(stream, range(len(stream))) == whole


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"a\n\r\nb\r\n\nc\r\r\nd\r\n\rx", [b"a\n\r\n", b"b\r\n\n", b"c\r\r\n", b"d\r\n\r", b"x"]),
        (b"a\r\nb\r\n\r\n", [b"a\r\nb\r\n\r\n"]),
        (b"\n\n\n\n", [b"\n\n", b"\n\n"]),
        (b"a\nb", [b"a\nb"]),
        (b"", []),
    ],
)
def test_line_ends_may_be_mixed(stream: bytes, expected: list[bytes]) -> None:
    """A blank line is one whatever line end came before it, and one CRLF is never two."""
    assert list(blocks(stream)) == expected


def test_a_block_is_handed_on_as_soon_as_it_is_whole() -> None:
    """The blank line itself completes a block; only a CR waits for the LF that may follow."""
    splitter = Splitter()
    assert list(splitter.feed(b"data: 1\n\n")) == [b"data: 1\n\n"]
    assert list(splitter.feed(b"data: 2\r\r")) == []
    assert list(splitter.feed(b"data: 3")) == [b"data: 2\r\r"]
    assert splitter.finish() == b"data: 3"
    assert splitter.finish() == b""


def test_a_long_event_in_small_chunks_takes_time_in_proportion() -> None:
    """What was searched for a blank line once is not searched again."""
    splitter = Splitter()
    began = time.process_time()
    for _ in range(40_000):
        assert not list(splitter.feed(b"x" * 100))
    assert list(splitter.feed(b"\n\n")) == [b"x" * 4_000_000 + b"\n\n"]
    assert time.process_time() - began < 5.0


@pytest.mark.parametrize(
    ("block", "event"),
    [
        (b'event: a\ndata: {"b":1}\n\n', Event("a", '{"b":1}')),
        (b"data:one\r\ndata: two\r\n\r\n", Event(None, "one\ntwo")),
        (b"data\rid: 7\rretry: 30\r\r", Event(None, "", "7", 30)),
        (b"\xef\xbb\xbfdata:  x\n\n", Event(None, " x")),
        (b": ping\n\n", Event()),
        (b"retry: soon\nretry: \xc2\xb2\nother: 1\n", Event()),
        (b"data: \xff\n\n", Event(None, "\ufffd")),
        (b"data: a\xe2\x80\xa8b\n\n", Event(None, "a\u2028b")),
        (b"", Event()),
    ],
)
def test_a_block_is_read_as_the_standard_says(block: bytes, event: Event) -> None:
    """Fields, joined data lines, comments, byte order mark and damaged UTF-8 are read as asked."""
    assert parse(block) == event


@given(st.binary())
def test_no_block_makes_reading_fail(block: bytes) -> None:
    """Any bytes are an event, perhaps one that says nothing."""
    assert parse(block).retry is None or parse(block).retry >= 0
