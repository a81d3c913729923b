"""How the messages of a WebSocket are checked, and the things of the beta, which it has more of."""

from typing import Any

import pytest
from parts import CALL, REQUEST, RESPONSE, STARTED, Events, call_events, rows, stream

from analytics.validate import ExchangeParts

CREATE: dict[str, Any] = {
    "type": "response.create",
    "model": "a-model",
    "input": REQUEST["input"],
    "tools": REQUEST["tools"],
}
STEER: dict[str, Any] = {
    "type": "response.steer",
    "previous_response_id": "resp_a",
    "input": [{"type": "message", "role": "user", "content": "In Celsius."}],
}
STEERED = {"id": "steer_a", "previous_response_id": "resp_a"}
ACCEPTED = {"type": "response.steer.accepted", "sequence_number": 17, "steer": STEERED}
PENDING = {
    "type": "response.steer.pending",
    "sequence_number": 18,
    "steer": STEERED,
    "reason": "waiting_for_required_input",
    "required_input": [{"type": "function_call_output", "call_id": "call_a", "name": "weather"}],
}
FAILED = {
    "type": "response.steer.failed",
    "sequence_number": 18,
    "steer": {"previous_response_id": "resp_a", "input": "In Celsius."},
    "error": {"type": "invalid_request_error", "code": "response_not_active", "message": "no"},
}
ERROR = {
    "type": "error",
    "status": 400,
    "error": {"type": "invalid_request_error", "code": None, "message": "no", "param": None},
}
INJECT = {
    "type": "response.inject",
    "response_id": "resp_a",
    "input": [{"type": "function_call_output", "call_id": "call_a", "output": "rain"}],
}
INJECTED = {"type": "response.inject.created", "response_id": "resp_a", "sequence_number": 5}
AGENTS = [
    {
        "type": "agent_message",
        "id": "am_a",
        "author": "/root",
        "recipient": "/root/scout",
        "content": [{"type": "encrypted_content", "encrypted_content": "AAAA"}],
    },
    {**CALL, "agent": {"agent_name": "/root/scout"}},
]
NO_END = ("event", "broken_invariant", "", "stream", "no terminal event")


def frames(*data: dict[str, Any], **more: Any) -> Events:
    """A response's events as messages: numbered, and with what a socket adds to each."""
    return [(None, {**each, **more}) for _, each in stream(*data)]


def sent(*messages: object) -> Events:
    """A server's messages as they are."""
    return [(None, each) for each in messages]


def socket(endpoint: str, request: object, events: Events = (), **more: Any) -> ExchangeParts:
    """What became of a client's message."""
    given: dict[str, Any] = {"request": request, "status": 101, "events": events} | more
    return ExchangeParts(endpoint, websocket=True, **given)


@pytest.mark.parametrize(
    "request_members", [{}, {"stream": True}, {"stream_id": "lane"}, {"generate": False}]
)
def test_created_response(request_members: dict[str, Any]) -> None:
    """A response over WebSocket has no event lines, may have lanes, and needs no `stream`.

    The API reference calls `stream` superfluous here, and the SDK's types have it.
    """
    events = frames(*call_events(), stream_id="lane")
    parts = socket("create", CREATE | request_members, events, response=RESPONSE, streamed=True)
    assert rows(parts) == set()


def test_created_response_that_stops_short() -> None:
    """A response that the server ends without its terminal event lacks one."""
    events = frames(*call_events()[:-1])
    assert rows(socket("create", CREATE, events, outcome="truncated")) == {NO_END}
    assert rows(socket("create", CREATE, events, outcome="client_gone")) == set()


def test_errors_are_nested_and_end_a_response() -> None:
    """An error over WebSocket is an object within the event; flat as in SSE, it is none."""
    assert rows(socket("create", CREATE, sent(ERROR))) == set()
    flat = {"type": "error", "code": None, "message": "no", "param": None, "sequence_number": 1}
    assert rows(socket("create", CREATE, sent(flat))) == {
        ("event", "missing_field", "error", "error", "missing"),
        *(
            ("event", "unknown_field", name, "error", shape)
            for name, shape in [("code", "null"), ("message", "string"), ("param", "null")]
        ),
    }


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [ACCEPTED],
        [FAILED],
        [ACCEPTED, PENDING],
        [ACCEPTED, *(data for _, data in frames(*call_events()))],
        [ERROR],
    ],
)
def test_steer_needs_no_successor(answers: list[dict[str, Any]]) -> None:
    """What steers is accepted, refused or kept waiting; a successor counts from zero again."""
    assert rows(socket("steer", STEER, sent(*answers))) == set()


def test_successor_of_a_steer_that_stops_short() -> None:
    """A successor that has begun must end like any response."""
    begun = frames({"type": "response.created", "response": STARTED})
    assert rows(socket("steer", STEER, [*sent(ACCEPTED), *begun])) == {NO_END}
    assert rows(socket("steer", STEER, [*sent(ERROR), *begun])) == {NO_END}


def test_steering_input_is_of_its_own_kind() -> None:
    """What steers a response over WebSocket takes messages and outputs of functions only."""
    reference = {**STEER, "input": [{"type": "item_reference", "id": "msg_a"}]}
    assert rows(socket("steer", reference)) == {
        ("request", "unknown_type", "input[].type", "response.steer", "item_reference")
    }


def test_odd_type_of_an_event_is_a_finding() -> None:
    """An event type that is not a string, or that nobody knows, is described."""
    events: Events = [
        ("response.dreaming", {"type": "response.dreaming", "response": {}}),
        (None, {"type": ["response.completed"], "response": {}}),
    ]
    assert rows(socket("create", None, events)) == {
        ("event", "unknown_type", "type", "websocket_event", "response.dreaming"),
        ("event", "wrong_type", "type", "websocket_event", "array"),
        NO_END,
    }


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("hello", "text"),
        ("", "empty"),
        ("[DONE]", "[DONE]"),
        (b"\x00\x01", "binary"),
        (b"", "binary"),
    ],
)
def test_messages_that_are_no_json(text: str | bytes, shape: str) -> None:
    """Text that is no JSON and binary messages are findings on both sides, and are not quoted."""
    assert rows(socket("message", text, sent(text))) == {
        ("request", "not_json", "", "client_event", shape),
        ("event", "not_json", "", "websocket_event", shape),
    }


@pytest.mark.parametrize(
    ("message", "finding"),
    [
        ({"type": "response.dance"}, ("unknown_type", "type", "client_event", "response.dance")),
        ({"input": "Hi"}, ("missing_field", "type", "client_event", "missing")),
        ([1], ("wrong_type", "", "client_event", "array")),
        (7, ("wrong_type", "", "client_event", "integer")),
    ],
)
def test_other_messages(message: object, finding: tuple[str, ...]) -> None:
    """A message that is none of the API's is a finding, and its error is what is due."""
    assert rows(socket("message", message, sent(ERROR))) == {("request", *finding)}


def test_handshake_has_nothing_that_must_be_there() -> None:
    """A connection has no request and no end; what belongs to no exchange is checked on its own."""
    assert rows(socket("connect", None)) == set()
    stray = [data for _, data in frames(*call_events())[0:3]]
    assert rows(socket("connect", None, sent(*reversed(stray), {"type": "ping"}))) == {
        ("event", "unknown_type", "type", "websocket_event", "ping")
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"type": "x", "message": "no", "code": None, "param": None}}, set()),
        ("Upgrade Required", {("response", "not_json", "", "error", "text")}),
        (None, set()),
    ],
)
def test_refused_handshake_answers_an_error(body: object, expected: set[tuple[str, ...]]) -> None:
    """A server without WebSocket answers the handshake as it does any request that fails."""
    assert rows(socket("connect", None, status=426, response=body)) == expected


def test_injection_is_of_the_beta_by_itself() -> None:
    """Only the beta has `response.inject`, so that it and its answers are held against the beta."""
    assert rows(socket("message", INJECT, sent(INJECTED))) == set()
    assert rows(socket("message", {**INJECT, "input": AGENTS}, sent(INJECTED))) == set()
    assert rows(socket("create", CREATE, sent(INJECTED, ERROR))) == {
        ("event", "unknown_type", "type", "websocket_event", "response.inject.created")
    }


@pytest.mark.parametrize("websocket", [False, True])
def test_agents_are_of_the_beta(websocket: bool) -> None:
    """Items, fields and settings of the beta pass in an exchange of the beta, and in no other."""
    request = {**(CREATE if websocket else REQUEST), "input": AGENTS}
    request["multi_agent"] = {"enabled": True}
    whole = {**RESPONSE, "output": AGENTS}
    data = [*call_events()[:-1], {"type": "response.completed", "response": whole}]
    given: dict[str, Any] = {"request": request, "response": whole, "streamed": True}
    given["events"] = frames(*data) if websocket else stream(*data)
    assert rows(ExchangeParts("create", websocket=websocket, beta=True, **given)) == set()
    kind = "response.create" if websocket else "create_request"
    assert rows(ExchangeParts("create", websocket=websocket, **given)) == {
        ("request", "unknown_type", "input[].type", "input_item", "agent_message"),
        ("request", "unknown_field", "input[].agent", "function_call", "object"),
        ("request", "unknown_field", "multi_agent", kind, "object"),
        ("response", "unknown_type", "output[].type", "response", "agent_message"),
        ("response", "unknown_field", "output[].agent", "function_call", "object"),
    }
