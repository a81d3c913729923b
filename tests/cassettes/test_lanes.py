"""Which exchange a WebSocket message belongs to: lanes, steers, errors, what nobody asked for."""

import time

from socket_traffic import creating, messages, steering
from traffic import compact

from cassettes.lanes import Lanes, Place


def heard(lanes: Lanes, *texts: bytes) -> list[tuple[int | None, bool]]:
    """Where each message belongs, and whether its exchange is over with it."""
    return [(place.x, place.over) for place in map(lanes.heard, texts)]


def owners(lanes: Lanes, *texts: bytes) -> list[int | None]:
    """The exchange of each message."""
    return [x for x, _ in heard(lanes, *texts)]


def test_a_lane_answers_one_request_after_another() -> None:
    """Two requests that were sent at once are answered in their order."""
    lanes = Lanes()
    assert lanes.sent(1, creating("a")) is None
    assert lanes.sent(2, creating("b")) is None
    assert heard(lanes, *messages("A", "resp_1")) == [(1, False), (1, False), (1, True)]
    assert heard(lanes, *messages("B", "resp_2")) == [(2, False), (2, False), (2, True)]


def test_lanes_run_side_by_side() -> None:
    """Messages of two lanes may alternate; `stream_id` tells whose they are."""
    lanes = Lanes()
    for x, lane in ((1, None), (2, "a"), (3, "b")):
        lanes.sent(x, creating("Hi", **({"stream_id": lane} if lane else {})))
    said = zip(
        *(messages("A B", f"resp_{x}", lane) for x, lane in ((3, "b"), (1, None), (2, "a"))),
        strict=True,
    )
    assert owners(lanes, *(text for texts in said for text in texts)) == [3, 1, 2] * 4


def test_a_steer_is_acknowledged_and_answered_by_the_next_response() -> None:
    """The steered response ends, and the one that follows from the steer is the steer's answer."""
    lanes = Lanes()
    lanes.sent(1, creating("Tell me", stream_id="a"))
    first = messages("One two", "resp_1", "a", status="incomplete")
    assert owners(lanes, *first[:2]) == [1, 1]
    assert lanes.sent(2, steering("Shorter", "resp_1")) == (1, 2)
    lanes.sent(3, creating("Later", stream_id="a"))
    accepted = {
        "type": "response.steer.accepted",
        "steer": {"id": "steer_1", "previous_response_id": "resp_1"},
        "stream_id": "a",
    }
    assert lanes.heard(compact(accepted)) == Place(2, False, (1, 2))
    assert heard(lanes, *first[2:]) == [(1, False), (1, True)]
    successor = messages("1", "resp_2", "a", previous_response_id="resp_1")
    assert heard(lanes, *successor) == [(2, False), (2, False), (2, True)]
    assert owners(lanes, *messages("Now", "resp_3", "a")) == [3, 3, 3]


def test_a_steer_may_fail_or_wait_for_a_tool() -> None:
    """A steer that failed is over; so is one whose input goes into a later request."""
    lanes = Lanes()
    lanes.sent(1, creating("Tell me"))
    first = messages("One", "resp_1")
    heard(lanes, first[0])
    for x in (2, 3, 4):
        lanes.sent(x, steering("Shorter", "resp_1"))

    def about(kind: str, ident: str | None) -> bytes:
        steer = {"previous_response_id": "resp_1"} | ({"id": ident} if ident else {})
        return compact({"type": f"response.steer.{kind}", "steer": steer})

    said = [about("failed", None), about("accepted", "s3"), about("accepted", "s4")]
    assert heard(lanes, *said) == [(2, True), (3, False), (4, False)]
    assert heard(lanes, *first[1:]) == [(1, False), (1, True)]
    assert heard(lanes, about("pending", "s4"), about("pending", "s3")) == [(4, True), (3, True)]
    lanes.sent(5, creating("", previous_response_id="resp_1"))
    assert owners(lanes, *messages("Two", "resp_2", previous_response_id="resp_1")) == [5, 5, 5]


def test_an_error_answers_what_it_can_be_about() -> None:
    """An error ends the request that waits in its lane, but first a message that is no request."""
    error = compact({"type": "error", "status": 400, "error": {"message": "no"}})
    lanes = Lanes()
    lanes.sent(1, creating("a"))
    assert heard(lanes, error) == [(1, True)]
    lanes.sent(2, creating("b"))
    begun = messages("B")
    heard(lanes, begun[0])
    assert lanes.sent(3, b"junk") == (2, 1)
    assert heard(lanes, error, *begun[1:]) == [(3, True), (2, False), (2, True)]
    lanes.sent(4, creating("c", stream_id="unheard of"))
    assert heard(lanes, error) == [(4, True)]


def test_one_response_may_answer_several_steers() -> None:
    """All that was accepted for a response is in the one that follows from it, and over then."""
    lanes = Lanes()
    lanes.sent(1, creating("Tell me"))
    first = messages("One", "resp_1", status="incomplete")
    heard(lanes, first[0])
    for x, ident in ((2, "s2"), (3, "s3")):
        lanes.sent(x, steering("Shorter", "resp_1"))
        steer = {"id": ident, "previous_response_id": "resp_1"}
        heard(lanes, compact({"type": "response.steer.accepted", "steer": steer}))
    heard(lanes, *first[1:])
    successor = messages("1", "resp_2", previous_response_id="resp_1")
    assert lanes.heard(successor[0]) == Place(2, others=((3, True),))
    assert heard(lanes, *successor[1:]) == [(2, False), (2, True)]
    lanes.sent(4, creating("Next"))
    assert owners(lanes, *messages("N", "resp_3")) == [4, 4, 4]


def test_a_steer_that_led_to_nothing_takes_no_later_answer() -> None:
    """A create is answered by its own response, though an accepted steer still waits."""
    lanes = Lanes()
    lanes.sent(1, creating("Tell me"))
    first = messages("One", "resp_1")
    heard(lanes, first[0])
    lanes.sent(2, steering("Shorter", "resp_1"))
    steer = {"id": "s2", "previous_response_id": "resp_1"}
    heard(lanes, compact({"type": "response.steer.accepted", "steer": steer}), *first[1:])
    lanes.sent(3, creating("Next"))
    assert owners(lanes, *messages("N", "resp_3")) == [3, 3, 3]
    assert list(lanes.close()) == [(2, True)]


def test_a_message_that_nobody_answers_is_not_blamed() -> None:
    """An error is about the request that waits; what was passed over is over with its answer."""
    error = compact({"type": "error", "status": 400, "error": {"message": "no"}})
    lanes = Lanes()
    lanes.sent(1, compact({"type": "response.processed"}))
    lanes.sent(2, creating("b"))
    assert heard(lanes, error) == [(2, True)]
    lanes.sent(3, creating("c"))
    assert lanes.heard(messages("C")[0]) == Place(3, others=((1, True),))


def test_a_lane_that_goes_on_leaves_what_had_no_end() -> None:
    """An answer that ends in a way that is not known here is over when the next one begins."""
    lanes = Lanes()
    lanes.sent(1, creating("a"))
    heard(lanes, *messages("A")[:2], compact({"type": "response.cancelled"}))
    lanes.sent(2, creating("b"))
    assert lanes.heard(messages("B", "resp_2")[0]) == Place(2, others=((1, False),))


def test_messages_without_an_answer_do_not_pile_up() -> None:
    """Of many that a server never answers only some are still waited for."""
    lanes = Lanes()
    expired = []
    for x in range(1, 101):
        expired.append(lanes.expired())
        lanes.sent(x, compact({"type": "keepalive"}))
    assert expired == [None] * 17 + list(range(1, 84))


def test_messages_of_other_types_are_answered_by_their_kind() -> None:
    """An answer that is named after a request ends it, whatever is streaming beside it."""
    lanes = Lanes()
    lanes.sent(1, creating("a"))
    begun = messages("A")
    heard(lanes, begun[0])
    lanes.sent(2, compact({"type": "response.inject", "response_id": "resp_1"}))
    injected = compact({"type": "response.inject.created", "response_id": "resp_1"})
    assert heard(lanes, injected, begun[1]) == [(2, True), (1, False)]


def test_what_nobody_asked_for_belongs_to_the_connection() -> None:
    """A greeting, a response out of nothing and a message that is no JSON are kept all the same."""
    lanes = Lanes()
    greeting = compact({"type": "server.hello"})
    assert heard(lanes, greeting, b"\xff\x00", *messages("A")) == [(None, False)] * 5
    lanes.sent(1, creating("a"))
    assert owners(lanes, *messages("A")) == [1, 1, 1]
    assert heard(lanes, greeting) == [(None, False)]


def test_a_server_that_does_not_announce_its_response_is_understood() -> None:
    """Without `response.created` what comes in a lane is for the request that waits there."""
    lanes = Lanes()
    lanes.sent(1, creating("a"))
    assert heard(lanes, *messages("A")[1:]) == [(1, False), (1, True)]


def test_what_is_open_when_the_connection_ends() -> None:
    """A request without its terminal event is not whole; a message that may need none is."""
    lanes = Lanes()
    lanes.sent(1, creating("a"))
    lanes.sent(2, steering("b", "resp_9"))
    lanes.sent(3, b"\xff")
    assert list(lanes.close()) == [(1, False), (2, True), (3, True)]
    assert list(lanes.close()) == []


def test_lone_surrogates_hide_nothing() -> None:
    """A text that strict parsers refuse is still in its lane, and still an end."""
    lanes = Lanes()
    odd = b'{"type":"response.create","stream_id":"l","input":"\\ud800"}'
    lanes.sent(1, creating("a"))
    lanes.sent(2, odd)
    said = [text.replace(b"A", b"\\ud800") for text in messages("A", "resp_1", "l")]
    assert heard(lanes, *said) == [(2, False), (2, False), (2, True)]


def test_odd_messages_are_understood_as_far_as_they_can_be() -> None:
    """Members of a wrong type, or no object at all, raise nothing."""
    lanes = Lanes()
    for x, text in enumerate(
        [b"[]", b'{"type":7}', b'{"type":"response.create","stream_id":1}', b""], 1
    ):
        assert lanes.sent(x, text) is None
        assert lanes.heard(text).x in range(1, 5)


def test_thousands_may_wait() -> None:
    """A message costs the same however many requests wait in its lane."""
    lanes, many = Lanes(), 20_000
    for x in range(many):
        assert lanes.expired() is None
        lanes.sent(x, creating("Hi"))
    began_s = time.process_time()
    for x in range(0, many, 10):
        assert owners(lanes, *messages("Hello", f"resp_{x}")) == [x // 10] * 3
    assert time.process_time() - began_s < 5  # looking at all of them takes minutes
    assert [x for x, _ in lanes.close()] == [*range(many // 10, many)]
