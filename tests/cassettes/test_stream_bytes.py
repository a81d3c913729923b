"""Odd streams the whole way: notes, lines, a file, its calm form, and the bytes that come back."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from json_texts import values
from traffic import ENCODINGS, JSON, SSE, answering, asking, compact, cut, exchange, load, write

from cassettes import encoder as encoder_module
from cassettes.beginnings import JsonText, begins_stream
from cassettes.calm import calm_down
from wire.sse import blocks

PIECES = [
    *("\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n", "\r\n\n", "\ufeff", "data", ":", ": ", " "),
    *("data: ", "data:", "event: a", "id: 1", "retry: 5", ": ping", "[DONE]", "日本語", "🙂"),
    *('{"type":"a"}', '{"type":"response.completed"}', "{", '"', "\\", "\x00", "\u2028"),
]
streams = st.lists(st.sampled_from(PIECES) | values, max_size=25).map(
    lambda pieces: "".join(pieces).encode()
) | st.binary(max_size=60)


@pytest.mark.parametrize("kind", [SSE, JSON, []], ids=["stream", "JSON", "no type"])
@given(
    stream=streams,
    places=st.lists(st.integers(0, 400), max_size=12),
    encoding=st.sampled_from([*ENCODINGS]),
)
@settings(max_examples=60)
@example(stream=b"data: a\r\rdata: b\r\n\r\n", places=list(range(40)), encoding="")
@example(stream=b"\xef\xbb\xbfdata: a\n\n", places=list(range(40)), encoding="")
@example(stream=b"data: \xff\n\n\xf0\x9f", places=[8], encoding="br")
def test_every_byte_comes_back(
    scratch: Path, kind: list, stream: bytes, places: list[int], encoding: str
) -> None:
    """A body reads as it was sent, from the journal and from the calm form, in good order."""
    got = [*kind, ("content-encoding", encoding)]
    parts = cut(ENCODINGS[encoding](stream), places)
    write(scratch, exchange(1, asking("Hi"), parts, got=got))
    [before] = load(scratch)
    assert before.body == stream
    times = [before.head_ms, *(piece.t for piece in before.pieces), before.ended_ms]
    assert all(one <= other for one, other in pairwise(times))
    if kind == SSE:
        assert [piece.data for piece in before.pieces] == list(blocks(stream))
    calm_down(scratch)
    [after] = load(scratch)
    assert (after.body, after.outcome, after.streamed) == (
        stream,
        before.outcome,
        before.streamed,
    )


def test_an_event_has_the_time_at_which_it_was_whole(tmp_path: Path) -> None:
    """Lines that end in CR alone are whole at the CR, although an LF may follow it."""
    parts = [b"data: a\r", b"\r", b"data: b\r\n\r", b"\n", b"data: c\r\r"]
    [found] = load(write(tmp_path / "c.jsonl", exchange(1, b"{}", parts)))
    assert [(piece.t, piece.data) for piece in found.pieces] == [
        (30.0, b"data: a\r\r"),
        (40.0, b"data: b\r\n\r\n"),
        (60.0, b"data: c\r\r"),
    ]


@pytest.mark.parametrize("first", range(1, 12))
def test_a_stream_is_told_by_its_beginning(tmp_path: Path, first: int) -> None:
    """Without a content type, however little of it comes at first."""
    stream = b"\xef\xbb\xbfevent: a\ndata: {}\n\ndata: [DONE]\n\n"
    parts = [stream[:first], stream[first:]]
    [found] = load(write(tmp_path / "c.jsonl", exchange(1, b"{}", parts, got=[("x", "y")])))
    assert found.streamed
    assert (found.body, found.outcome) == (stream, "complete")


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b"", None),
        (b"da", None),
        (b"data:", True),
        (b":", True),
        (b"retry", None),
        (b"\xef\xbb", None),
        (b"\xef\xbb\xbf", None),
        (b"\xef\xbb\xbfid:", True),
        (b"{}", False),
        (b"dat{", False),
        (b"eventually", False),
    ],
)
def test_how_streams_begin(body: bytes, verdict: bool | None) -> None:
    """A beginning is a stream's, is not, or cannot be told yet."""
    assert begins_stream(body) is verdict


def test_json_is_whole_or_not() -> None:
    """Every beginning of a JSON object is cut off, and nothing else is."""
    text = compact(answering("Hi \\ é", n=-1.5e3, more=[True, None]))
    for end in range(len(text)):
        json = JsonText()
        json.feed(text[: end // 2])
        assert json.is_cut(text[end // 2 : end])
    for other in (text, text + b"\n", b"[1]x", b'{"a":1}}', b"oops", b"<html>", b"\xff"):
        assert not JsonText().is_cut(other)


def test_an_event_without_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too long to wait for is written in parts, and comes back as it was."""
    monkeypatch.setattr(encoder_module, "LARGEST_EVENT", 100)
    stream = b"data: " + b"x" * 1000 + b"\n\n"
    parts = cut(stream, range(0, 1000, 30))
    [found] = load(write(tmp_path / "c.jsonl", exchange(1, b"{}", parts)))
    assert found.body == stream
    assert max(len(piece.data) for piece in found.pieces) <= 130
