"""How exchanges are checked: a clean one has no finding, a server's deviations are each named."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import (
    CALL,
    REQUEST,
    RESPONSE,
    STARTED,
    TOOL,
    USAGE,
    Events,
    answered,
    call_events,
    rows,
    stream,
    streamed,
)

from analytics.validate import ExchangeParts, Finding, findings


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


ENDPOINTS = ["create", "compact", "retrieve", "delete", "input_items", "models"]
ENDPOINTS += ["steer", "message", "connect"]
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


@settings(deadline=None)  # the first exchange of the beta imports its types
@given(
    endpoint=st.sampled_from(
        [
            "create",
            "compact",
            "retrieve",
            "delete",
            "input_items",
            "models",
            "steer",
            "message",
            "connect",
        ]
    ),
    request=JSON | st.binary(max_size=3),
    status=st.none() | st.sampled_from([101, 200, 500]),
    response=JSON | st.binary(max_size=3),
    events=st.lists(
        st.tuples(st.none() | st.text(max_size=3), JSON | st.binary(max_size=3)), max_size=4
    ),
    websocket=st.booleans(),
    beta=st.booleans(),
)
def test_any_exchange_is_annotated(**parts: Any) -> None:
    """Whatever JSON is in its parts, an exchange gets findings, each once, and no exception."""
    found = findings(ExchangeParts(streamed=True, **parts))
    assert len(set(found)) == len(found)
