"""How a played WebSocket ends: as the recorded one did, and only where that one ended."""

from pathlib import Path

import pytest
from playing import playing
from socket_traffic import connection, creating, messages
from talking import asked, ended, told
from traffic import compact

from cassettes import conversation
from cassettes.format import Close

SERVER_BYE = Close(code=4001, reason="enough", by="server")


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Where a test's cassette is."""
    return tmp_path / "c.jsonl"


def test_the_server_closes_as_it_did(cassette: Path) -> None:
    """After the last answer of a connection comes the recorded close, code and reason."""
    said = [("client", creating("a")), *messages("A"), ("client", creating("b")), *messages("B")]
    closed = connection(1, *said, close=SERVER_BYE)
    with playing(cassette, closed) as played, played.connect() as socket:
        assert asked(socket, creating("a"), 3) == messages("A")
        assert asked(socket, creating("b"), 3) == messages("B")
        assert ended(socket) == SERVER_BYE


@pytest.mark.parametrize("code", [1005, 1006, 1015, 99, 5000])
def test_codes_that_no_frame_may_have_are_not_sent(cassette: Path, code: int) -> None:
    """A close without a code, or with one that a person has written, is an ordinary close."""
    close = Close(code=code, reason="", by="server")
    closed = connection(1, ("client", creating("a")), *messages("A"), close=close)
    with playing(cassette, closed) as played, played.connect() as socket:
        asked(socket, creating("a"), 3)
        assert ended(socket) == Close(code=1000, reason="", by="server")


@pytest.mark.parametrize("outcome", ["upstream_gone", "proxy_stopped", None])
def test_a_connection_that_was_lost_is_lost_again(cassette: Path, outcome: str | None) -> None:
    """A response that broke off in the middle breaks off there, without a close frame."""
    said = [
        ("client", creating("a")),
        *messages("A"),
        ("client", creating("b")),
        *messages("B")[:2],
    ]
    lost = connection(1, *said, outcome=outcome, close=None)
    with playing(cassette, lost) as played, played.connect() as socket:
        assert asked(socket, creating("a"), 3) == messages("A")
        assert asked(socket, creating("b"), 2) == messages("B")[:2]
        assert ended(socket) is None


def test_what_was_open_in_other_lanes_is_played_before_the_connection_is_lost(
    cassette: Path,
) -> None:
    """All that was recorded on a connection has its chance before the recorded end comes."""
    said = [
        ("client", creating("a", stream_id="l1")),
        ("client", creating("b", stream_id="l2")),
        messages("A", "resp_1", "l1")[0],
        *messages("B", "resp_2", "l2"),
    ]
    lost = connection(1, *said, outcome="upstream_gone", close=None)
    with playing(cassette, lost) as played, played.connect() as socket:
        assert asked(socket, creating("a", stream_id="l1"), 1) == messages("A", "resp_1", "l1")[:1]
        assert asked(socket, creating("b", stream_id="l2"), 3) == messages("B", "resp_2", "l2")
        assert ended(socket) is None


def test_a_client_that_left_is_given_time_to_leave_again(
    cassette: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the client hung up it may do so again; one that stays loses the connection."""
    monkeypatch.setattr(conversation, "HANG_UP_S", 0.2)
    left = connection(1, ("client", creating("a")), *messages("A")[:2])
    with playing(cassette, left) as played, played.connect() as socket:
        assert asked(socket, creating("a"), 2) == messages("A")[:2]
        assert ended(socket) is None


@pytest.mark.parametrize("close", [SERVER_BYE, None])
def test_a_server_that_ends_it_before_anything_is_asked(
    cassette: Path, close: Close | None
) -> None:
    """A connection on which the client had said nothing ends as it did, after what was said."""
    refusal = compact({"type": "error", "status": 401})
    left = connection(1, refusal, outcome="complete" if close else "upstream_gone", close=close)
    with playing(cassette, left) as played, played.connect() as socket:
        assert told(socket, 1) == [refusal]
        assert ended(socket) == close


def test_an_answer_without_an_end_does_not_end_the_connection(
    cassette: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the recorded client did not wait for does not stand in the way of what it did next."""
    monkeypatch.setattr(conversation, "HANG_UP_S", 0.0)
    monkeypatch.setattr(conversation, "PATIENCE_S", 0.0)
    said = [
        ("client", creating("a", stream_id="l1")),
        messages("A", "resp_1", "l1")[0],
        ("client", creating("b", stream_id="l2")),
        *messages("B", "resp_2", "l2"),
        ("client", creating("c", stream_id="l2")),
        *messages("C", "resp_3", "l2"),
    ]
    with playing(cassette, connection(1, *said)) as played, played.connect() as socket:
        assert asked(socket, creating("a", stream_id="l1"), 1) == messages("A", "resp_1", "l1")[:1]
        assert asked(socket, creating("b", stream_id="l2"), 3) == messages("B", "resp_2", "l2")
        assert asked(socket, creating("c", stream_id="l2"), 3) == messages("C", "resp_3", "l2")


def test_each_connection_has_its_own_end(cassette: Path) -> None:
    """Two that begin alike may be taken for each other; who asks for the last gets the end."""
    begin = [("client", creating("x")), *messages("X")]
    one = connection(
        1, *begin, ("client", creating("y")), *messages("Y", "resp_y"), close=SERVER_BYE
    )
    other = connection(4, *begin, ("client", creating("z")), *messages("Z", "resp_z"))
    with (
        playing(cassette, one, other) as played,
        played.connect() as second,
        played.connect() as first,
    ):
        assert asked(second, creating("x"), 3) == messages("X")
        assert asked(first, creating("x"), 3) == messages("X")
        assert asked(first, creating("y"), 3) == messages("Y", "resp_y")
        assert ended(first) == SERVER_BYE
        assert asked(second, creating("z"), 3) == messages("Z", "resp_z")
