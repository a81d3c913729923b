"""A WebSocket in a cassette: an exchange for each message of the client, and nothing lost."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socket_traffic import connection, creating, messages, steering
from traffic import asking, compact, exchange, load, record, streaming, user, write

from cassettes.calm import calm_down
from cassettes.encoder import Encoder
from cassettes.exchange import Exchange
from cassettes.format import Close
from cassettes.items import Shelf
from cassettes.notes import Gap, Heard, Note, Sent
from cassettes.redaction import Redactor

KEY = "sk-socket-0123456789abcdef"


def said_by(one: Exchange) -> list[bytes]:
    """The messages that belong to an exchange."""
    return [piece.data for piece in one.events()]


def by_number(path: Path, *notes: list[Note]) -> dict[int, Exchange]:
    """The exchanges of a journal of `notes`, having seen that its calm form says the same."""
    found = load(write(path, *notes))
    assert calm_down(path)
    assert load(path) == found
    return {one.number: one for one in found}


def test_each_message_of_the_client_is_an_exchange(tmp_path: Path) -> None:
    """A handshake, and on it two requests with the messages that answer each."""
    conversation = [
        ("client", creating("a")),
        *messages("A"),
        ("client", creating("b")),
        *messages("B"),
    ]
    found = by_number(tmp_path / "c.jsonl", connection(1, *conversation))
    assert [found[x].route.endpoint for x in (1, 2, 3)] == ["connect", "create", "create"]
    assert [found[x].socket for x in (1, 2, 3)] == [None, 1, 1]
    assert [found[x].transport for x in (1, 2, 3)] == ["websocket"] * 3
    assert (said_by(found[1]), said_by(found[2]), said_by(found[3])) == (
        [],
        messages("A"),
        messages("B"),
    )
    assert found[2].request.body == creating("a")
    assert found[2].request.headers == found[1].request.headers
    assert [found[x].outcome for x in (1, 2, 3)] == ["complete"] * 3
    assert found[1].close == Close(code=1000, reason="", by="client")
    assert found[2].connection_id == found[1].id


def test_a_steer_is_an_exchange_that_knows_what_it_interrupted(tmp_path: Path) -> None:
    """Where in the other answer it came is kept, also in the calm form, where lines move."""
    first = messages("One two", status="incomplete")
    accepted = compact(
        {"type": "response.steer.accepted", "steer": {"id": "s", "previous_response_id": "resp_1"}}
    )
    successor = messages("1", "resp_2", previous_response_id="resp_1")
    steer = ("client", steering("Shorter", "resp_1"))
    conversation = [("client", creating("a")), *first[:3], steer, accepted, first[3], *successor]
    found = by_number(tmp_path / "c.jsonl", connection(1, *conversation))
    assert found[3].route.endpoint == "steer"
    assert found[3].amid == (2, 3)
    assert said_by(found[2]) == first
    assert said_by(found[3]) == [accepted, *successor]
    assert [found[x].outcome for x in (2, 3)] == ["complete", "complete"]


@pytest.mark.parametrize(
    ("outcome", "close", "ended", "error"),
    [
        (
            "complete",
            Close(code=1000, reason="", by="client"),
            "client_gone",
            "the client closed the connection with 1000",
        ),
        (
            "complete",
            Close(code=1011, reason="oh no", by="server"),
            "upstream_gone",
            "the server closed the connection with 1011: oh no",
        ),
        ("upstream_gone", None, "upstream_gone", None),
        ("client_gone", None, "client_gone", None),
        ("proxy_stopped", None, "proxy_stopped", None),
        ("recorder_overrun", None, "recorder_overrun", None),
        (None, None, "incomplete", None),
    ],
)
def test_an_answer_that_is_cut_says_by_whom(
    tmp_path: Path, outcome: str | None, close: Close | None, ended: str, error: str | None
) -> None:
    """However the connection ends, what had no terminal event is not complete."""
    conversation = [
        ("client", creating("a")),
        *messages("A"),
        ("client", creating("b")),
        *messages("B")[:2],
    ]
    cut = connection(1, *conversation, outcome=outcome, close=close)
    found = by_number(tmp_path / "c.jsonl", cut)
    assert [found[x].outcome for x in (1, 2, 3)] == [outcome or "incomplete", "complete", ended]
    assert found[3].error == error
    assert said_by(found[3]) == messages("B")[:2]


def test_what_nobody_asked_for_is_kept_with_its_place(tmp_path: Path) -> None:
    """Messages that answer nothing stand in the handshake's exchange."""
    hello, news = compact({"type": "hello"}), b"\xff\x00"
    conversation = [hello, ("client", creating("a")), *messages("A"), ("server-binary", news)]
    found = by_number(tmp_path / "c.jsonl", connection(1, *conversation))
    assert [(piece.data, piece.binary, piece.since) for piece in found[1].pieces] == [
        (hello, False, 1),
        (news, True, 2),
    ]


def test_messages_of_any_kind_survive(tmp_path: Path) -> None:
    """Text that is no JSON, JSON that is odd, and binary messages come back byte for byte."""
    odd = [b"", b"junk", b'{"a":1e400,"a":"\\ud800"}', b"\xff\xfe", compact({"type": "future"})]
    conversation = [("client-binary" if b"\xff" in text else "client", text) for text in odd]
    found = by_number(tmp_path / "c.jsonl", connection(1, *conversation))
    assert [found[x].request.body for x in range(2, 7)] == odd
    assert [found[x].request.binary for x in range(2, 7)] == [False, False, False, True, False]
    assert {found[x].route.endpoint for x in range(2, 7)} == {"message"}


def test_a_key_in_a_message_is_replaced(tmp_path: Path) -> None:
    """The key of the handshake does not reach the file by way of a message or a close reason."""
    path = tmp_path / "c.jsonl"
    notes = connection(
        1,
        ("client", creating(f"my key is {KEY}")),
        *messages(f"your key is {KEY}"),
        close=Close(code=4000, reason=KEY, by="server"),
    )
    began = notes[0]
    began.headers.append(("Authorization", f"Bearer {KEY}"))
    assert record(path, notes) == []
    assert KEY.encode() not in path.read_bytes()
    assert path.read_bytes().count(b"[secret:") >= 4


def test_a_key_in_a_subprotocol_is_replaced(tmp_path: Path) -> None:
    """Browsers can put the API key nowhere but in the list of subprotocols."""
    path = tmp_path / "c.jsonl"
    notes = connection(1, ("client", creating(f"my key is {KEY}")), *messages("A"))
    notes[0].headers.append(("Sec-WebSocket-Protocol", f"realtime, openai-insecure-api-key.{KEY}"))
    assert record(path, notes) == []
    assert KEY.encode() not in path.read_bytes()


def test_a_session_grows_with_what_it_adds(tmp_path: Path) -> None:
    """A client that resends tools and history with every message does not make the file square."""
    tools = [{"type": "function", "name": f"tool_{n}", "description": "x" * 500} for n in range(20)]

    def size(turns: int) -> int:
        conversation: list[bytes | tuple[str, bytes]] = []
        for turn in range(turns):
            history = [user(f"turn {n} " + "y" * 300) for n in range(turn + 1)]
            message = {"type": "response.create", "model": "m", "tools": tools, "input": history}
            conversation += [("client", compact(message)), *messages("A", f"resp_{turn}")]
        path = write(tmp_path / f"{turns}.jsonl", connection(1, *conversation))
        return path.stat().st_size

    assert size(80) - size(40) < 1.1 * (size(40) - size(0))


def test_what_is_missing_costs_what_was_open(tmp_path: Path) -> None:
    """Where the disk could not keep up, what was open lacks bytes; what comes later does not."""
    path = tmp_path / "c.jsonl"
    first, *rest = messages("A B")
    said = [
        ("client", creating("a")),
        first,
        *rest,
        ("client", creating("b")),
        *messages("B", "resp_2"),
    ]
    began, answered, sent, heard, *later = connection(1, *said)
    gap = Gap(1, heard.at_ns)
    assert record(path, [began, answered, sent, heard, gap, *later[2:]]) == []
    found = {one.number: one for one in load(path)}
    assert [found[x].outcome for x in (1, 2, 3)] == ["complete", "recorder_overrun", "complete"]
    assert said_by(found[3]) == messages("B", "resp_2")
    assert said_by(found[1]) == rest[2:]  # what came of the answer after the gap is nobody's


def test_notes_about_a_connection_that_is_over_add_nothing() -> None:
    """What comes after the end of a connection, or before there is one, is no error."""
    encoder = Encoder(Redactor("00"), Shelf())
    for note in (Sent(2, 0, 0, 1, b"{}"), Heard(1, 0, b"{}")):
        assert list(encoder.take(note)) == []


def test_an_idle_connection_is_not_in_the_middle_of_an_answer() -> None:
    """Whoever stops the proxy need not wait for a WebSocket on which nothing is asked."""
    encoder = Encoder(Redactor("00"), Shelf())
    conversation = connection(1, ("client", creating("a")), *messages("A"), outcome=None)
    answering = []
    for note in conversation:
        list(encoder.take(note))
        answering.append(encoder.answering)
    assert answering == [True, False, True, True, True, False]
    assert encoder.in_flight == [1]


@given(st.data())
def test_whatever_is_said_is_in_the_cassette_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any conversation: all messages are there, in their order, in one exchange each."""
    texts = st.one_of(
        st.sampled_from(
            [
                *(creating("a", stream_id=lane) for lane in ("l", "m")),
                creating("b"),
                steering("s", "resp_1"),
                b"junk",
                *messages("A"),
                *messages("A", "resp_1", "l"),
                compact({"type": "error"}),
                compact(
                    {"type": "response.steer.accepted", "steer": {"previous_response_id": "resp_1"}}
                ),
            ]
        ),
        st.text(max_size=5).map(str.encode),
    )
    steps = data.draw(
        st.lists(st.tuples(st.sampled_from(["client", "server"]), texts), max_size=20)
    )
    outcome = data.draw(st.sampled_from(["complete", "upstream_gone", None]))
    path = tmp_path_factory.mktemp("sockets") / "c.jsonl"
    found = by_number(path, connection(1, *steps, outcome=outcome))
    sent = [one.request.body for x, one in found.items() if x != 1]
    assert sent == [text for side, text in steps if side == "client"]
    heard = [piece for one in found.values() for piece in one.pieces]
    assert sorted(piece.data for piece in heard) == sorted(
        t for side, t in steps if side == "server"
    )
    for one in found.values():
        assert [piece.t for piece in one.pieces] == sorted(piece.t or 0 for piece in one.pieces)


def test_http_and_websockets_share_a_cassette(tmp_path: Path) -> None:
    """Exchanges of both kinds alternate, and share items."""
    path = tmp_path / "c.jsonl"
    question = {"model": "gpt-5.1", "input": [user("Hi")], "type": "response.create"}
    notes = [
        exchange(1, asking("Hi", stream=True), streaming("A")),
        connection(2, ("client", compact(question)), *messages("A")),
        exchange(4, asking("Hi")),
    ]
    assert record(path, *notes) == []
    kinds = [json.loads(line)["kind"] for line in path.read_bytes().splitlines()]
    assert kinds.count("item") == 1
    assert [one.transport for one in load(path)] == ["sse", "websocket", "websocket", "json"]
