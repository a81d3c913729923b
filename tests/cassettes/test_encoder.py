"""From notes to lines: every byte of an answer, however it came and whenever it was flushed."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace
from traffic import ENCODINGS, HEADER, JSON, SSE, answering, compact, cut, exchange, sse, streaming

from cassettes import format as lines
from cassettes.encoder import Encoder
from cassettes.framing import unframe
from cassettes.items import Shelf
from cassettes.notes import Ended, Got, Note
from cassettes.payload import unpack
from cassettes.redaction import Redactor

KEY = 'sk-proj-A0/b+c=é"x'
LONGER = KEY + "-and-more"
PLACEHOLDERS = [(key.encode(), Redactor(HEADER.salt).placeholder(key)) for key in (LONGER, KEY)]


def encode(notes: list[Note], flush_after: set[int] = frozenset()) -> list[lines.AnyLine]:
    """The lines for `notes`; after the notes with the given positions all that waits is flushed."""
    encoder = Encoder(Redactor(HEADER.salt), Shelf())
    made: list[lines.AnyLine] = []
    for number, note in enumerate(notes):
        made += [lines.decode(lines.encode(line)) for line in encoder.take(note)]
        if number in flush_after:
            made += encoder.flush(note.at_ns + 10**9, 0)  # a busy writer comes late
    assert encoder.in_flight == []
    assert not encoder.waiting
    return made


def bytes_of(made: list[lines.AnyLine]) -> bytes:
    """The answer's body, put together from its lines."""
    events = (unframe(line.frame, line) for line in made if isinstance(line, lines.Event))
    parts = (unpack(line) for line in made if isinstance(line, lines.Body | lines.Chunk))
    return b"".join((*events, *parts))


def redacted(body: bytes) -> bytes:
    """What must stand in a cassette for `body`, by the simplest of rules."""
    for key, placeholder in PLACEHOLDERS:
        body = body.replace(key, placeholder.encode())
    return body


texts = st.lists(
    st.sampled_from(
        [KEY, LONGER, KEY[:9], KEY[-4:], "日本語", "x" * 30, "\n\n", "data: ", "\r\n\r\n"]
    )
).map(lambda parts: "".join(parts).encode())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", [JSON, SSE], ids=["body", "stream"])
@given(
    body=texts | st.binary(max_size=60),
    places=st.lists(st.integers(0, 400), max_size=12),
    flush_after=st.sets(st.integers(2, 14)),
)
@example(body=LONGER.encode() * 3, places=list(range(99)), flush_after=set(range(99)))
@example(body="日本語".encode() * 9, places=list(range(99)), flush_after=set(range(99)))
def test_no_byte_is_lost_and_no_key_kept(
    encoding: str, kind: lines.Headers, body: bytes, places: list[int], flush_after: set[int]
) -> None:
    """The pieces of any answer join to its redacted body, however it was cut and flushed."""
    travelled = cut(ENCODINGS[encoding](body), places)
    made = encode(
        exchange(
            1,
            answer=travelled,
            got=[*kind, ("Content-Encoding", encoding)],
            sent=[("Authorization", f"Bearer {KEY}"), ("X-Api-Key", LONGER)],
        ),
        flush_after,
    )
    assert bytes_of(made) == redacted(body)
    assert made[1].encoding == (encoding or UNSET)
    assert [line.t for line in made[1:]] == sorted(line.t for line in made[1:])


def test_a_text_in_parts_stays_legible() -> None:
    """A flush cuts between characters, so that no part of a text must be base64."""
    body = "日本語".encode() * 9
    made = encode(exchange(1, answer=cut(body, list(range(99))), got=JSON), set(range(99)))
    parts = [line for line in made if isinstance(line, lines.Chunk)]
    assert len(parts) == 27
    assert all(part.base64 is UNSET for part in parts)


def test_a_flush_leaves_young_parts_alone() -> None:
    """What has not waited long enough is not written yet, and an answer in one flush is a body."""
    encoder = Encoder(Redactor(HEADER.salt), Shelf())
    notes = exchange(1, answer=[b"one", b"two"], got=JSON)
    for note in notes[:3]:
        list(encoder.take(note))
    assert encoder.waiting
    first_ns = notes[2].at_ns
    assert list(encoder.flush(first_ns + 99, 100)) == []
    list(encoder.take(notes[3]))
    [part] = encoder.flush(first_ns + 100, 100)
    assert part == lines.Chunk(x=1, t=30.0, text="onetwo")
    assert not encoder.waiting


@pytest.mark.parametrize(
    ("chunks", "seen", "written"),
    [
        (streaming("Hi"), "complete", "complete"),
        (streaming("Hi"), "client_gone", "complete"),
        (streaming("Hi"), "recorder_overrun", "recorder_overrun"),
        (streaming("Hi")[:-1], "complete", "truncated"),
        (streaming("Hi")[:-1], "client_gone", "client_gone"),
        (streaming("Hi")[:-1], "proxy_stopped", "proxy_stopped"),
        ([b"data: {}\n\n", b"data: [DONE]\n\n"], "upstream_gone", "complete"),
        ([b'data: {"type":"response.failed"}'], "upstream_gone", "complete"),
        ([b'data: {"type":\r\ndata: "error"}\r\n\r\n'], "upstream_gone", "complete"),
        (sse({"type": "response.incomplete"}), "complete", "complete"),
        ([b": ping\n\n"], "complete", "truncated"),
        ([], "complete", "truncated"),
    ],
)
def test_a_stream_is_complete_once_its_last_event_is_there(
    chunks: list[bytes], seen: str, written: str
) -> None:
    """The terminal event decides, not who closed the connection after it or before."""
    made = encode(exchange(1, answer=chunks, got=SSE, outcome=seen))
    assert made[-1].outcome == written


def test_a_body_keeps_the_outcome_that_was_seen() -> None:
    """A body that is no stream has no terminal event to look for."""
    for outcome in ("complete", "upstream_gone", "client_gone"):
        made = encode(exchange(1, outcome=outcome, error="why"))
        assert made[-1] == lines.End(x=1, t=30.0, outcome=outcome, error="why")


@pytest.mark.parametrize("kind", [JSON, SSE], ids=["body", "stream"])
def test_a_body_that_cannot_be_decoded_is_kept_as_it_came(kind: lines.Headers) -> None:
    """Damaged input is recorded raw after what could be decoded, and the end says so."""
    good = ENCODINGS["gzip"](b"data: {}\n\ndata: half" + bytes(range(256)) * 40)
    bad = b"\x00not deflate\xff" * 9
    head = good[: len(good) // 2]
    made = encode(exchange(1, answer=[head, bad, bad], got=[*kind, ("content-encoding", "gzip")]))
    body = bytes_of(made)
    assert body.startswith(b"data: {}\n\ndata: half")
    assert body.endswith(bad)
    assert "could not be decoded" in made[-1].error


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name])
def test_a_request_is_written_decoded(encoding: str) -> None:
    """A compressed request stands in the cassette as what it says."""
    body = compact({"model": "m", "input": "é"})
    sent = [("Content-Encoding", encoding)]
    made = encode(exchange(1, ENCODINGS[encoding](body), sent=sent))
    assert unpack(made[0]) == body


def test_a_request_that_cannot_be_decoded_is_kept_as_it_came() -> None:
    """Damaged input is recorded raw, and the end says so."""
    made = encode(exchange(1, b"\xff\x00plain" * 9, sent=[("content-encoding", "gzip")]))
    assert unpack(made[0]) == b"\xff\x00plain" * 9
    assert "request body could not be decoded" in made[-1].error


def test_times_are_ms_since_the_request() -> None:
    """A line's time counts from its own exchange's request; the request says when that was."""
    made = encode([*exchange(1), *exchange(2, answer=streaming("Hi"), step_ms=250)])
    assert [line.t for line in made if line.x == 1 and hasattr(line, "t")] == [10.0, 20.0, 30.0]
    assert [line.t for line in made if line.x == 2 and hasattr(line, "t")][:3] == [250, 500, 750]
    assert made[0].at == "2026-09-21T14:13:21.000+00:00"


def test_notes_of_no_exchange_add_nothing() -> None:
    """What comes after the end, or before the beginning, is no line."""
    late: list[Any] = [Got(1, 0, b"x"), Ended(1, 0, "complete"), *exchange(9)[1:]]
    made = encode([*exchange(1), *late])
    assert made == encode(exchange(1))


def test_exchanges_in_flight_do_not_mix() -> None:
    """The notes of several exchanges may come in any order."""
    one = exchange(1, answer=streaming("One"))
    other = exchange(2, answer=[b"[1,", b"2]"], got=JSON)
    third = [replace(note, x=3) for note in one]
    mixed = [note for group in zip(one[:5], other, third[:5], strict=True) for note in group]
    made = encode([*mixed, *one[5:], *third[5:]])
    by_number = {x: [line for line in made if line.x == x] for x in (1, 2, 3)}
    assert bytes_of(by_number[1]) == bytes_of(by_number[3]) == b"".join(streaming("One"))
    assert bytes_of(by_number[2]) == b"[1,2]"


def test_an_answer_without_a_body_has_no_piece() -> None:
    """An empty body is no line, and neither is one that never came."""
    assert [type(line) for line in encode(exchange(1, answer=b"", status=204))] == [
        lines.Request,
        lines.Response,
        lines.End,
    ]
    unanswered = encode(exchange(1, answer=None, outcome="upstream_unreachable"))
    assert [type(line) for line in unanswered] == [lines.Request, lines.End]


def test_an_indented_body_is_json_in_its_line() -> None:
    """A server that indents its JSON is recorded as JSON all the same, and to the byte."""
    body = b'{\n  "id": "resp_1"\n}\n'
    made = encode(exchange(1, answer=body))
    assert (made[2].indent, bytes(made[2].json)) == (2, b'{"id":"resp_1"}')
    assert bytes_of(made) == body
    assert bytes_of(encode(exchange(1, answer=compact(answering("Hi"))))) == compact(
        answering("Hi")
    )


def test_a_terminal_event_is_seen_whatever_it_says() -> None:
    """A lone surrogate, which strict parsers refuse, does not hide that a stream is complete."""
    events = [b'event: response.completed\ndata: {"type":"response.completed","t":"\\ud800"}\n\n']
    (*_, end) = encode(exchange(1, b"{}", events))
    assert end.outcome == "complete"
