"""Deviations as real servers and clients have them: each is one finding, in the same words."""

from typing import Any

import pytest
from parts import (
    CALL,
    REQUEST,
    RESPONSE,
    TOOL,
    USAGE,
    Events,
    answered,
    call_events,
    rows,
    stream,
    streamed,
)

from analytics.validate import ExchangeParts, findings

COMPACTED: dict[str, Any] = {
    "id": "resp_c",
    "object": "response.compaction",
    "created_at": 1790000000,
    "output": [{"type": "compaction", "id": "cmp_a", "encrypted_content": "AAAA"}],
    "usage": USAGE,
}
SEARCH: dict[str, Any] = {"type": "web_search_call", "id": "ws_a", "status": "completed"}


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    """A value that lacks a member."""
    return {each: kept for each, kept in value.items() if each != name}


def in_answer(kind: str, path: str, thing: str, shape: str) -> set[tuple[str, ...]]:
    """The one finding in a Response."""
    return {("response", kind, path, thing, shape)}


def test_usage_without_its_details() -> None:
    """Usage that does not say what was cached lacks a field, once for body and stream alike."""
    lean = {**RESPONSE, "usage": without(USAGE, "input_tokens_details")}
    expected = in_answer("missing_field", "usage.input_tokens_details", "usage", "missing")
    assert rows(answered(lean)) == expected
    events = stream(*call_events()[:-1], {"type": "response.completed", "response": lean})
    assert rows(streamed(events, response=lean)) == expected


def test_events_without_numbers() -> None:
    """Each type of event that has no `sequence_number` is a finding, however often it comes."""
    data = call_events()
    assert rows(streamed(stream(*data, *data, numbered=False))) == {
        ("event", "missing_field", "sequence_number", each["type"], "missing") for each in data
    }


def test_events_without_names() -> None:
    """A stream without `event:` lines is one finding, whatever the number of its events."""
    assert rows(streamed(stream(*call_events(), named=False))) == {
        ("event", "missing_field", "event", "stream", "missing")
    }


def test_done_marker() -> None:
    """`data: [DONE]`, which ends the streams of another API, is one finding that quotes it."""
    events: Events = [*stream(*call_events()), (None, "[DONE]")]
    assert rows(streamed(events)) == {("event", "not_json", "data", "stream", "[DONE]")}


@pytest.mark.parametrize(
    ("number", "shape"), [(None, "null"), (9.0, "number"), (9.5, "number"), ("9", "string")]
)
def test_counts_that_are_no_whole_numbers(number: object, shape: str) -> None:
    """A count that is null, a float or a string is of the wrong type; no sum is held against it."""
    odd = {**RESPONSE, "usage": {**USAGE, "total_tokens": number}}
    assert rows(answered(odd)) == in_answer("wrong_type", "usage.total_tokens", "usage", shape)
    numbers = [{**data, "output_index": number} for data in call_events()[1:2]]
    assert ("event", "wrong_type", "output_index", numbers[0]["type"], shape) in rows(
        streamed(stream(*numbers))
    )


@pytest.mark.parametrize("details", ["input_tokens_details", "output_tokens_details"])
def test_details_that_are_null(details: str) -> None:
    """Details that are null are of the wrong type, where absent ones are missing."""
    odd = {**RESPONSE, "usage": {**USAGE, details: None}}
    assert rows(answered(odd)) == in_answer("wrong_type", f"usage.{details}", "usage", "null")


@pytest.mark.parametrize("created_at", [1790000000, 1790000000.25])
def test_times_may_have_fractions(created_at: float) -> None:
    """The SDK admits a fraction of a second where the API reference has a whole number."""
    assert rows(answered({**RESPONSE, "created_at": created_at})) == set()


def test_item_of_the_future() -> None:
    """An item of a type that nobody knows is named wherever it stands, and hides nothing else."""
    item = {"type": "telepathy_call", "id": "tp_a", "thought": {"deep": [1]}}
    odd = {**RESPONSE, "output": [item, {**CALL, "mood": 1}]}
    request = {**REQUEST, "input": [*REQUEST["input"], item]}
    events = call_events()
    events[4] = {**events[4], "item": item}
    unknown = ("unknown_type", "telepathy_call")
    assert rows(answered(odd, request=request)) == {
        ("request", unknown[0], "input[].type", "input_item", unknown[1]),
        ("response", unknown[0], "output[].type", "response", unknown[1]),
        ("response", "unknown_field", "output[].mood", "function_call", "integer"),
    }
    assert rows(streamed(stream(*events))) == {
        ("event", unknown[0], "item.type", "response.output_item.done", unknown[1])
    }


def test_tool_and_content_of_the_future() -> None:
    """So is a tool that is offered, a choice of tools, and a part of a message."""
    request = {
        **REQUEST,
        "tools": [TOOL, {"type": "teleport"}],
        "tool_choice": {"type": "dowsing"},
        "input": [{"role": "user", "content": [{"type": "input_smell", "smell": "rain"}]}],
    }
    assert rows(answered(RESPONSE, request=request)) == {
        ("request", "unknown_type", "tools[].type", "create_request", "teleport"),
        ("request", "unknown_type", "tool_choice.type", "create_request", "dowsing"),
        ("request", "unknown_type", "input[].content[].type", "message", "input_smell"),
    }


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"status": "paused"}, ("status", "paused")),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "length"}},
            ("incomplete_details.reason", "length"),
        ),
        (
            {"status": "failed", "error": {"code": "model_is_tired", "message": "no"}},
            ("error.code", "model_is_tired"),
        ),
        ({"service_tier": "on_demand"}, ("service_tier", "on_demand")),
    ],
)
def test_word_that_the_api_does_not_have(
    members: dict[str, Any], expected: tuple[str, str]
) -> None:
    """A status, reason, code or tier that the SDK does not list is a finding that quotes it."""
    assert rows(answered({**RESPONSE, **members})) == in_answer(
        "unknown_value", expected[0], "response", expected[1]
    )


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
        (b"\xff\xd8", {("not_json", "", "binary")}),
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


def test_error_inside_a_stream() -> None:
    """An HTTP-style error body sent as an event has no type, and the stream then has no end."""
    events: Events = [(None, {"error": {"message": "no", "code": "500"}})]
    assert rows(streamed(events, status=500)) == {
        ("event", "missing_field", "event", "stream", "missing"),
        ("event", "missing_field", "type", "event", "missing"),
        ("event", "broken_invariant", "", "stream", "no terminal event"),
    }


def test_compaction_without_id() -> None:
    """A compaction item without its id is named with its place; plain text in it is no fault."""
    lean = {"type": "compaction", "encrypted_content": "They spoke about the weather."}
    parts = ExchangeParts("compact", status=200, response={**COMPACTED, "output": [lean]})
    assert rows(parts) == in_answer("missing_field", "output[].id", "compaction", "missing")


@pytest.mark.parametrize(
    "action",
    [
        {"type": "search", "queries": ["rain in Delft"]},
        {"type": "search", "query": "rain in Delft"},
        {"type": "search", "queries": ["rain in Delft"], "query": "rain in Delft", "sources": []},
    ],
)
def test_field_that_turned_optional(action: dict[str, Any]) -> None:
    """The `query` of a search was required until the API reference changed; now both pass."""
    item = {**SEARCH, "action": action}
    request = {**REQUEST, "input": [item]}
    assert rows(answered({**RESPONSE, "output": [item]}, request=request)) == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"usage": {**USAGE, "input_tokens_details": {"cached_tokens": 16}}},
            ("usage.input_tokens_details.cache_write_tokens", "usage"),
        ),
        (
            {"usage": without(USAGE, "input_tokens_details")},
            ("usage.input_tokens_details", "usage"),
        ),
        ({"output": [SEARCH]}, ("output[].action", "web_search_call")),
    ],
)
def test_answer_as_the_reference_shows_it(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    """What the SDK requires and the API reference's own examples lack is one missing field."""
    path, thing = expected
    assert rows(answered({**RESPONSE, **changes})) == in_answer(
        "missing_field", path, thing, "missing"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tools": [without(TOOL, "strict")]}, ("tools[].strict", "function")),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]},
            ("input[].content[].detail", "message"),
        ),
    ],
)
def test_request_as_the_reference_shows_it(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    """So it is with requests: the strictness of a function, the detail of an image."""
    path, thing = expected
    assert rows(answered(RESPONSE, request={**REQUEST, **changes})) == {
        ("request", "missing_field", path, thing, "missing")
    }


@pytest.mark.parametrize("name", ["logprobs", "sequence_number"])
def test_event_as_the_reference_shows_it(name: str) -> None:
    """And with events: the worked example of a stream has neither numbers nor logprobs."""
    place = {"item_id": "msg_a", "output_index": 0, "content_index": 0}
    delta = {"type": "response.output_text.delta", **place, "delta": "Yes", "logprobs": []}
    (event,) = stream(delta)
    found = rows(streamed([(event[0], without(event[1], name))], outcome="client_gone"))
    assert found == {("event", "missing_field", name, delta["type"], "missing")}
