"""How exchanges are checked: a clean one has no finding, a server's deviations are each named."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.validate import ExchangeParts, Finding, findings

USAGE: dict[str, Any] = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 25,
}
CALL: dict[str, Any] = {
    "type": "function_call",
    "id": "fc_a",
    "call_id": "call_a",
    "name": "weather",
    "arguments": '{"town": "Delft"}',
    "status": "completed",
}
TOOL: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object"},
    "strict": False,
}
REQUEST: dict[str, Any] = {
    "model": "a-model",
    "stream": True,
    "tools": [TOOL],
    "input": [{"role": "user", "content": "Does it rain in Delft?"}],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_a",
    "object": "response",
    "created_at": 1790000000,
    "status": "completed",
    "model": "a-model",
    "output": [CALL],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [TOOL],
    "usage": USAGE,
}
STARTED: dict[str, Any] = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}

type Events = list[tuple[str | None, Any]]


def stream(*data: dict[str, Any], numbered: bool = True, named: bool = True) -> Events:
    """Events of an SSE stream, with sequence numbers and event names unless told otherwise."""
    counted = (
        {**each, "sequence_number": number} if numbered else each
        for number, each in enumerate(data)
    )
    return [(each["type"] if named else None, each) for each in counted]


def call_events() -> list[dict[str, Any]]:
    """The data of a whole stream that answers with one function call."""
    started = {**CALL, "arguments": "", "status": "in_progress"}
    place = {"item_id": "fc_a", "output_index": 0}
    arguments = CALL["arguments"]
    return [
        {"type": "response.created", "response": STARTED},
        {"type": "response.output_item.added", "output_index": 0, "item": started},
        {"type": "response.function_call_arguments.delta", **place, "delta": arguments},
        {"type": "response.function_call_arguments.done", **place, "arguments": arguments},
        {"type": "response.output_item.done", "output_index": 0, "item": CALL},
        {"type": "response.completed", "response": RESPONSE},
    ]


def streamed(events: Events, **changes: Any) -> ExchangeParts:
    """A streamed exchange of these events; its response is the last event's."""
    parts: dict[str, Any] = {"request": REQUEST, "status": 200, "events": events} | changes
    return ExchangeParts("create", streamed=True, **parts)


def answered(response: object, status: int = 200, **changes: Any) -> ExchangeParts:
    """An exchange whose answer is one body."""
    return ExchangeParts(
        "create", **{"request": REQUEST, **changes}, status=status, response=response
    )


def rows(parts: ExchangeParts) -> set[tuple[str, ...]]:
    """The findings of an exchange as plain rows."""
    return {(f.where, f.kind, f.path, f.type, f.shape) for f in findings(parts)}


def test_clean_exchanges_have_no_findings() -> None:
    """What the API reference describes passes, as a body, as SSE and over WebSocket."""
    events = stream(*call_events())
    frames: Events = [(None, data) for _, data in events]
    request = {"type": "response.create", "model": "a-model", "input": REQUEST["input"]}
    assert findings(answered(RESPONSE)) == []
    assert findings(streamed(events, response=events[-1][1]["response"])) == []
    assert findings(streamed(frames, websocket=True, request=request, status=101)) == []


@pytest.mark.parametrize(
    "parts",
    [
        ExchangeParts("compact", request={"model": "a-model", "previous_response_id": "resp_a"}),
        ExchangeParts("retrieve", status=200, response=RESPONSE),
        ExchangeParts("delete", status=200, response={"id": "resp_a", "deleted": True}),
        ExchangeParts(
            "input_tokens",
            request={"model": "a-model", "input": "Hi"},
            status=200,
            response={"object": "response.input_tokens", "input_tokens": 8},
        ),
        ExchangeParts("models", request="no JSON", status=500, response="no JSON"),
    ],
)
def test_every_endpoint_is_held_against_its_own_types(parts: ExchangeParts) -> None:
    """Each endpoint has its request and answer; exchanges of other APIs are left alone."""
    assert findings(parts) == []


def test_the_same_deviation_is_one_finding_whatever_carries_it() -> None:
    """A body and each Response in a stream file a deviation of a Response in the same words."""
    odd = {**RESPONSE, "timings": {"ms": 3}}
    expected = [Finding("response", "unknown_field", "timings", "response", "object")]
    events = call_events()
    events[0] = {"type": "response.created", "response": {**STARTED, "timings": {}}}
    events[-1] = {"type": "response.completed", "response": odd}
    assert findings(answered(odd)) == expected
    assert findings(streamed(stream(*events), response=odd)) == expected


def test_llama_cpp_stream() -> None:
    """A stream without numbers and indexes, with a sparse Response, is described field by field."""
    usage = {k: v for k, v in USAGE.items() if k != "output_tokens_details"}
    sparse = {k: v for k, v in RESPONSE.items() if k not in ("tools", "tool_choice")}
    sparse |= {"model": "/models/tiny.gguf", "usage": usage}
    delta = {"type": "response.output_text.delta", "item_id": "msg_a", "delta": "Yes"}
    done = {"type": "response.completed", "response": sparse, "timings": {"ms": 3}}
    found = rows(streamed(stream(delta, done, numbered=False), response=sparse))
    assert found == {
        *(
            ("event", "missing_field", name, "response.output_text.delta", "missing")
            for name in ("sequence_number", "output_index", "content_index", "logprobs")
        ),
        ("event", "missing_field", "sequence_number", "response.completed", "missing"),
        ("event", "unknown_field", "timings", "response.completed", "object"),
        ("response", "missing_field", "tools", "response", "missing"),
        ("response", "missing_field", "tool_choice", "response", "missing"),
        ("response", "missing_field", "usage.output_tokens_details", "usage", "missing"),
    }


def test_litellm_stream() -> None:
    """No event names, `[DONE]`, a model on every event and a price in usage are four findings."""
    priced = {**RESPONSE, "usage": {**USAGE, "cost": 0.01}}
    delta = {**call_events()[2], "model": "a-model"}
    done = {"type": "response.completed", "response": priced}
    found = rows(streamed([*stream(delta, done, named=False), (None, "[DONE]")]))
    assert found == {
        ("event", "missing_field", "event", "stream", "missing"),
        ("event", "not_json", "data", "stream", "[DONE]"),
        ("event", "unknown_field", "model", delta["type"], "string"),
        ("response", "unknown_field", "usage.cost", "usage", "number"),
    }


def test_error_inside_a_stream() -> None:
    """An HTTP-style error body sent as an event has no type, and the stream then has no end."""
    events: Events = [(None, {"error": {"message": "no", "code": "500"}})]
    found = rows(streamed(events, status=500))
    assert ("event", "missing_field", "type", "event", "missing") in found
    assert ("event", "broken_invariant", "", "stream", "no terminal event") in found


def test_compaction_without_id() -> None:
    """A compaction item without its id is named with its place in the answer."""
    answer = {
        "id": "resp_c",
        "object": "response.compaction",
        "created_at": 1790000000,
        "output": [{"type": "compaction", "encrypted_content": "plain words"}],
        "usage": USAGE,
    }
    parts = ExchangeParts("compact", status=200, response=answer)
    assert rows(parts) == {("response", "missing_field", "output[].id", "compaction", "missing")}


def test_incomplete_reason_of_another_server() -> None:
    """A reason that the API does not have is an unknown value, as it was written."""
    cut = {**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "length"}}
    assert rows(answered(cut)) == {
        ("response", "unknown_value", "incomplete_details.reason", "response", "length")
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "no", "type": "x", "param": None, "code": None}}, set()),
        ({"error": "no such model"}, {("wrong_type", "error", "string")}),
        (
            {"error": {"message": "no", "type": "x", "code": 404}},
            {("wrong_type", "error.code", "integer")},
        ),
        (
            {"detail": "no"},
            {("unknown_field", "detail", "string"), ("missing_field", "error", "missing")},
        ),
        ("Internal Server Error", {("not_json", "", "text")}),
        ("", {("not_json", "", "empty")}),
        (None, set()),
    ],
)
def test_error_bodies(body: object, expected: set[tuple[str, str, str]]) -> None:
    """An error is an object with a string for a code; other errors are described, never quoted."""
    found = findings(answered(body, status=500))
    assert {(f.kind, f.path, f.shape) for f in found} == expected
    assert all((f.where, f.type) == ("response", "error") for f in found)


def test_delete_that_fails_is_checked_as_an_error() -> None:
    """Every endpoint answers errors in the same shape."""
    parts = ExchangeParts("delete", status=404, response={"error": "gone"})
    assert rows(parts) == {("response", "wrong_type", "error", "error", "string")}


@pytest.mark.parametrize(
    ("usage", "rule"),
    [
        (
            {"input_tokens_details": {"cached_tokens": 21, "cache_write_tokens": 0}},
            "cached_tokens > input_tokens",
        ),
        ({"output_tokens_details": {"reasoning_tokens": 6}}, "reasoning_tokens > output_tokens"),
        ({"total_tokens": 24}, "total_tokens != input_tokens + output_tokens"),
    ],
)
def test_usage_that_does_not_add_up(usage: dict[str, Any], rule: str) -> None:
    """Each sum that usage breaks is a finding that says which."""
    expected = {("response", "broken_invariant", "usage", "usage", rule)}
    broken = {**RESPONSE, "usage": USAGE | usage}
    assert rows(answered(broken)) == expected
    assert rows(streamed(stream({"type": "response.completed", "response": broken}))) == expected


@pytest.mark.parametrize("usage", [None, {}, [], "25", {**USAGE, "total_tokens": None}])
def test_usage_that_cannot_be_added_breaks_no_sum(usage: object) -> None:
    """Missing or mistyped counts are a matter of types; there is no sum to break."""
    assert not any(
        f.kind == "broken_invariant" for f in findings(answered({**RESPONSE, "usage": usage}))
    )


@pytest.mark.parametrize(
    ("outcome", "missed"),
    [("complete", True), ("truncated", True), ("client_gone", False), ("incomplete", False)],
)
def test_stream_without_its_end(outcome: str, missed: bool) -> None:
    """A stream that the server ended lacks its terminal event; one that was cut off does not."""
    found = rows(streamed(stream(*call_events()[:-1]), outcome=outcome))
    assert (("event", "broken_invariant", "", "stream", "no terminal event") in found) is missed


@pytest.mark.parametrize("numbers", [[0, 1, 1, 3, 4, 5], [5, 4, 3, 2, 1, 0]])
def test_sequence_numbers_must_rise(numbers: list[int]) -> None:
    """A number that is repeated or goes back is one finding, however often it happens."""
    events = [
        (name, {**data, "sequence_number": number})
        for (name, data), number in zip(stream(*call_events()), numbers, strict=True)
    ]
    assert rows(streamed(events)) == {
        ("event", "broken_invariant", "sequence_number", "stream", "not increasing")
    }


def test_resumed_stream_may_begin_anywhere() -> None:
    """`starting_after` skips numbers, which is no deviation."""
    assert findings(streamed(stream(*call_events())[3:])) == []


def test_event_name_that_contradicts_its_data() -> None:
    """The SSE event name must be the type in the data."""
    (_, first), *others = stream(*call_events())
    assert rows(streamed([("message", first), *others])) == {
        ("event", "broken_invariant", "event", "stream", "event name != data.type")
    }


def test_data_that_is_not_json_is_not_quoted() -> None:
    """Of text in place of JSON only its presence is kept."""
    events: Events = [("ping", "my secret"), *stream(*call_events())]
    assert rows(streamed(events)) == {("event", "not_json", "data", "stream", "text")}


def test_item_in_an_event_is_named_by_its_own_tag() -> None:
    """A fault of an item is filed under the item's type, with its path in the event."""
    events = call_events()
    events[4] = {**events[4], "item": {**CALL, "arguments": {"town": "Delft"}}}
    assert rows(streamed(stream(*events))) == {
        ("event", "wrong_type", "item.arguments", "function_call", "object")
    }


def test_odd_type_of_an_event_is_a_finding() -> None:
    """An event type that is not a string, or that nobody knows, is described."""
    events: Events = [
        ("response.dreaming", {"type": "response.dreaming", "response": {}}),
        (None, {"type": ["response.completed"], "response": {}}),
    ]
    assert rows(streamed(events, websocket=True, request=None)) == {
        ("event", "unknown_type", "type", "websocket_event", "response.dreaming"),
        ("event", "wrong_type", "type", "websocket_event", "array"),
        ("event", "broken_invariant", "", "stream", "no terminal event"),
    }


def test_request_items_and_tools_have_their_place_in_the_path() -> None:
    """What a client sends is checked down to its items, tools and settings."""
    request = {
        **REQUEST,
        "client_metadata": {"a": "b"},
        "tools": [{**TOOL, "strict": "no"}],
        "input": [
            {**CALL, "internal": 1},
            {"type": "reasoning", "id": "rs_a", "summary": [], "content": None},
            "loose words",
        ],
    }
    assert rows(answered(RESPONSE, request=request)) == {
        ("request", "unknown_field", "client_metadata", "create_request", "object"),
        ("request", "wrong_type", "tools[].strict", "function", "string"),
        ("request", "unknown_field", "input[].internal", "function_call", "integer"),
        ("request", "wrong_type", "input[].content", "reasoning", "null"),
        ("request", "wrong_type", "input[]", "input_item", "string"),
    }


def test_steering_input_is_of_its_own_kind() -> None:
    """What steers a response over WebSocket takes messages only."""
    request = {
        "type": "response.steer",
        "previous_response_id": "resp_a",
        "input": [{"type": "item_reference", "id": "msg_a"}],
    }
    parts = ExchangeParts("steer", request=request, websocket=True)
    assert rows(parts) == {
        ("request", "unknown_type", "input[].type", "response.steer", "item_reference")
    }


def test_request_that_is_not_json() -> None:
    """A request body that is no JSON is one finding."""
    assert rows(answered(RESPONSE, request="{")) == {
        ("request", "not_json", "", "create_request", "text")
    }


def test_items_seen_before_are_not_checked_again() -> None:
    """An agent that resends its history is checked for what a turn adds."""
    old, new = {**CALL, "old": 1}, {**CALL, "new": 1}
    asked = []

    def seen(item: object) -> bool:
        asked.append(item)
        return item is old

    found = findings(answered(RESPONSE, request={**REQUEST, "input": [old, new]}), seen)
    assert [f.path for f in found] == ["input[].new"]
    assert asked == [old, new]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "response", "usage", "input", "output", "error"]), inner
        )
    ),
    max_leaves=10,
)


@given(
    endpoint=st.sampled_from(["create", "compact", "retrieve", "delete", "input_items", "models"]),
    request=JSON,
    status=st.none() | st.sampled_from([101, 200, 500]),
    response=JSON,
    events=st.lists(st.tuples(st.none() | st.text(max_size=3), JSON), max_size=4),
    websocket=st.booleans(),
)
def test_any_exchange_is_annotated(**parts: Any) -> None:
    """Whatever JSON is in its parts, an exchange gets findings, each once, and no exception."""
    found = findings(ExchangeParts(streamed=True, **parts))
    assert len(set(found)) == len(found)
