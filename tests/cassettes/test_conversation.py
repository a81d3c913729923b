"""Playing WebSockets to real clients: matched by meaning, ended as they ended in the recording."""

import gzip
import json
from pathlib import Path

import pytest
from playing import playing
from socket_traffic import connection, creating, messages
from talking import asked, told
from traffic import asking, compact, exchange, streaming
from websockets.exceptions import InvalidStatus


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Where a test's cassette is."""
    return tmp_path / "c.jsonl"


def test_messages_are_played_byte_for_byte(cassette: Path) -> None:
    """Several responses in one connection, whatever is odd about the text of their messages."""
    odd = [
        b'{"type":"response.created","response":{"id":"resp_2"},"n":1e400,"s":"\\ud800"}',
        *messages("B")[1:],
    ]
    said = [("client", creating("a")), *messages("A é"), ("client", creating("b")), *odd]
    with playing(cassette, connection(1, *said)) as played, played.connect() as socket:
        assert asked(socket, creating("a"), 4) == messages("A é")
        assert asked(socket, creating("b"), 3) == odd


def test_requests_are_matched_by_meaning(cassette: Path) -> None:
    """Order, connection, key order, spacing, secrets and lanes of the recording do not matter."""
    first = connection(1, ("client", creating("a", stream_id="l1")), *messages("A", "resp_1", "l1"))
    second = connection(3, ("client", creating("b")), *messages("B", "resp_2"))
    with playing(cassette, first, second) as played, played.connect() as socket:
        again = compact(
            {"stream_id": "other", "input": "b", "model": "gpt-5.1", "type": "response.create"}
        )
        assert [json.loads(text)["stream_id"] for text in asked(socket, again, 3)] == ["other"] * 3
        assert asked(socket, creating("a"), 3) == messages("A", "resp_1")
    with playing(cassette) as played, played.connect() as socket:
        assert asked(socket, creating("a", stream_id="l2"), 3) == messages("A", "resp_1", "l2")


def test_lanes_are_answered_side_by_side(cassette: Path) -> None:
    """An answer that takes long in one lane does not hold up another lane."""
    slow = connection(
        1, ("client", creating("a", stream_id="s")), *messages("A", "resp_1", "s"), step_ms=400
    )
    quick = connection(
        3, ("client", creating("b", stream_id="q")), *messages("B", "resp_2", "q"), step_ms=1
    )
    with playing(cassette, slow, quick, pace=1.0) as played, played.connect() as socket:
        socket.send(creating("a", stream_id="s"), text=True)
        socket.send(creating("b", stream_id="q"), text=True)
        assert told(socket, 6) == [*messages("B", "resp_2", "q"), *messages("A", "resp_1", "s")]


def test_a_miss_says_why_and_the_connection_goes_on(cassette: Path) -> None:
    """A message that was not recorded gets a nested error in its lane, as the API has it."""
    with (
        playing(cassette, connection(1, ("client", creating("a")), *messages("A"))) as played,
        played.connect() as socket,
    ):
        (error,) = asked(socket, creating("z", stream_id="l"), 1)
        said = json.loads(error)
        assert (said["type"], said["status"], said["stream_id"]) == ("error", 404, "l")
        assert said["error"]["code"] == "respool_miss"
        assert "the nearest is exchange 2, which differs in input" in said["error"]["message"]
        assert asked(socket, creating("a"), 3) == messages("A")
        assert b"all answers were used" in asked(socket, creating("a"), 1)[0]
    assert [line.partition(": no ")[0] for line in played.said[:1]] == [
        "miss: WebSocket response.create"
    ]
    assert played.player.misses == 2


@pytest.mark.parametrize(
    ("recorded", "wanted"),
    [("a stream", "a WebSocket message"), ("a WebSocket message", "a stream")],
)
def test_another_transport_is_named(cassette: Path, recorded: str, wanted: str) -> None:
    """What was recorded over HTTP does not yet answer a WebSocket, and the other way round."""
    over_http = exchange(1, asking("a", stream=True), streaming("A"))
    asked_for = asking("a", type="response.create")
    over_socket = connection(3, ("client", asked_for), *messages("A"))
    notes = [over_http, connection(2)] if recorded == "a stream" else [over_socket]
    with playing(cassette, *notes) as played:
        if recorded == "a stream":
            with played.connect() as socket:
                reason = asked(socket, asked_for, 1)[0].decode()
        else:
            reason = played.refusal(asking("a", stream=True))
    assert f"was recorded as {recorded}" in reason
    assert f"asks for {wanted}" in reason


def test_what_nobody_asked_for_is_said_again(cassette: Path) -> None:
    """A greeting comes at once, other messages after the exchange that they came after."""
    hello, news = (
        compact({"type": "server.hello"}),
        compact({"type": "server.news", "stream_id": "x"}),
    )
    said = [hello, ("client", creating("a")), *messages("A"), news, ("server-binary", b"\xff\x00")]
    with playing(cassette, connection(1, *said)) as played, played.connect() as socket:
        assert told(socket, 1) == [hello]
        assert asked(socket, creating("a"), 5) == [*messages("A"), news, b"\xff\x00"]


def test_messages_of_any_kind_get_their_answers(cassette: Path) -> None:
    """Text that is no JSON, binary messages and types from the future are matched as they are."""
    error = compact({"type": "error", "status": 400, "error": {"message": "no"}})
    future = compact({"type": "response.inject", "n": 1})
    injected = compact({"type": "response.inject.created"})
    said = [
        ("client", b"junk"),
        error,
        ("client-binary", b"\xff\x00"),
        error,
        ("client", future),
        injected,
    ]
    with playing(cassette, connection(1, *said)) as played, played.connect() as socket:
        assert asked(socket, future, 1) == [injected]
        socket.send(b"\xff\x00")
        assert told(socket, 1) == [error]
        assert asked(socket, b"junk", 1) == [error]


def test_a_refused_handshake_is_refused_again(cassette: Path) -> None:
    """Status, headers and body of a refusal are those that were recorded, also compressed."""
    body = compact({"error": {"message": "use HTTP"}})
    headers = [
        ("Content-Type", "application/json"),
        ("x-reason", "old"),
        ("Content-Encoding", "gzip"),
    ]
    refused = exchange(1, b"", gzip.compress(body), method="GET", status=426, got=headers)
    with playing(cassette, refused) as played:
        for _ in range(2):
            with pytest.raises(InvalidStatus) as caught, played.connect():
                pass
            answer = caught.value.response
            assert (answer.status_code, answer.body) == (426, body)
            assert answer.headers["x-reason"] == "old"


def test_a_plain_request_does_not_get_a_websocket(cassette: Path) -> None:
    """GET /responses without an upgrade is told that a WebSocket was recorded there."""
    with playing(cassette, connection(1)) as played:
        status, headers, body = played.send(method="GET")
    assert (status, headers["x-should-retry"]) == (426, "false")
    assert b"exchange 1 is a WebSocket" in body


def test_handshakes_are_matched_like_requests(cassette: Path) -> None:
    """Head and chosen protocol of the recorded handshake are given again; its query counts."""
    with playing(cassette, connection(1, path="/v1/responses?v=1")) as played:
        with pytest.raises(InvalidStatus) as caught, played.connect():
            pass
        assert caught.value.response.status_code == 426
        for _ in range(3):
            with played.connect("/v1/responses?v=1") as socket:
                socket.ping().wait(20)


def test_large_messages_and_pings(cassette: Path) -> None:
    """Megabytes pass both ways, in fragments and compressed; pings are answered."""
    big = "é" * 3_000_000
    recorded = connection(1, ("client", creating(big)), *messages(big))
    with playing(cassette, recorded) as played, played.connect(max_size=None) as socket:
        text = creating(big).decode()
        socket.send([text[:10], text[10:5000], text[5000:]])
        assert told(socket, 3) == messages(big)
        assert socket.ping().wait(20)


def test_clients_that_vanish_leave_nothing_behind(cassette: Path) -> None:
    """A client that hangs up in the middle of an answer disturbs nobody."""
    recorded = connection(1, ("client", creating("a")), *messages("A B C D"), step_ms=30)
    again = connection(3, ("client", creating("a")), *messages("A B C D"), step_ms=1)
    with playing(cassette, recorded, again, pace=1.0) as played:
        with played.connect() as socket:
            asked(socket, creating("a"), 1)
            socket.socket.shutdown(2)
        with played.connect() as socket:
            assert asked(socket, creating("a"), 6) == messages("A B C D")
    assert played.said == []
