"""Playing steers: the answer waits for what interrupted it, and messages come where they came."""

import json
from pathlib import Path

import pytest
from playing import playing
from socket_traffic import connection, creating, messages, steering
from talking import asked, ended, told
from traffic import compact

from cassettes import conversation
from cassettes.format import Close


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Where a test's cassette is."""
    return tmp_path / "c.jsonl"


def steered() -> list[bytes | tuple[str, bytes]]:
    """A response that is steered after two of its messages, and the one that follows from it."""
    first = messages("One two three", "resp_1", "l", status="incomplete")
    accepted = {"type": "response.steer.accepted", "stream_id": "l"}
    accepted["steer"] = {"id": "s1", "previous_response_id": "resp_1"}
    successor = messages("1", "resp_2", "l", previous_response_id="resp_1")
    steer = ("client", steering("Shorter", "resp_1"))
    return [
        ("client", creating("a", stream_id="l")),
        *first[:2],
        steer,
        first[2],
        compact(accepted),
        *first[3:],
        *successor,
    ]


def by_server(said: list[bytes | tuple[str, bytes]]) -> list[bytes]:
    """What the server said."""
    return [each for each in said if isinstance(each, bytes)]


def test_an_answer_waits_for_the_steer_that_interrupted_it(cassette: Path) -> None:
    """The steered answer halts until the steer comes; then it ends, and the next one follows."""
    said = steered()
    with playing(cassette, connection(1, *said)) as played, played.connect() as socket:
        before = asked(socket, creating("a", stream_id="l"), 2)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.1)
        after = asked(socket, steering("Shorter", "resp_1"), len(by_server(said)) - 2)
    assert before + after == by_server(said)


def test_a_steer_that_does_not_come_is_a_miss(
    cassette: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that does not steer this time is told so, and not left waiting for ever."""
    monkeypatch.setattr(conversation, "PATIENCE_S", 0.2)
    with playing(cassette, connection(1, *steered())) as played, played.connect() as socket:
        *_, last = asked(socket, creating("a", stream_id="l"), 3)
        assert json.loads(last)["stream_id"] == "l"
        assert "was interrupted by a response.steer (exchange 3)" in last.decode()
    assert played.player.misses == 1


def test_a_client_may_steer_as_soon_as_it_likes(cassette: Path) -> None:
    """A steer that comes before its moment is taken; the answer does not wait for another."""
    said = steered()
    with playing(cassette, connection(1, *said)) as played, played.connect() as socket:
        socket.send(creating("a", stream_id="l"), text=True)
        socket.send(steering("Shorter", "resp_1"), text=True)
        assert told(socket, len(by_server(said))) == by_server(said)


def test_the_last_word_may_be_about_a_steer(cassette: Path) -> None:
    """What was said to a steer after all that there is of an answer is said, before the end."""
    said = steered()[:5]  # up to the acknowledgement
    said[4] = by_server(steered())[3]
    boom = Close(code=1011, reason="boom", by="server")
    with (
        playing(cassette, connection(1, *said, close=boom)) as played,
        played.connect() as socket,
    ):
        assert asked(socket, creating("a", stream_id="l"), 2) == by_server(said)[:2]
        assert asked(socket, steering("Shorter", "resp_1"), 1) == by_server(said)[2:]
        assert ended(socket) == boom


def test_a_late_steer_is_answered_in_the_lane_of_now(cassette: Path) -> None:
    """A steer names no lane, but a response: its answer comes in the lane where that was."""
    failed = compact(
        {
            "type": "response.steer.failed",
            "stream_id": "l",
            "steer": {"previous_response_id": "resp_1"},
        }
    )
    said = [
        ("client", creating("a", stream_id="l")),
        *messages("A", "resp_1", "l"),
        ("client", steering("Shorter", "resp_1")),
        failed,
    ]
    with playing(cassette, connection(1, *said)) as played, played.connect() as socket:
        assert asked(socket, creating("a", stream_id="m"), 3) == messages("A", "resp_1", "m")
        (late,) = asked(socket, steering("Shorter", "resp_1"), 1)
        assert json.loads(late)["stream_id"] == "m"


def test_only_a_steer_is_waited_for(cassette: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that a timer sent in the middle of an answer need not come there again."""
    monkeypatch.setattr(conversation, "PATIENCE_S", 60.0)
    tick, tock = compact({"type": "tick"}), compact({"type": "tick.tock"})
    first = messages("A B")
    said = [("client", creating("a")), *first[:2], ("client", tick), tock, *first[2:]]
    with playing(cassette, connection(1, *said)) as played, played.connect() as socket:
        assert asked(socket, creating("a"), 4) == first
        assert asked(socket, tick, 1) == [tock]
