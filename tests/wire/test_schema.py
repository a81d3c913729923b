"""How single things are checked against the SDK's types: valid ones pass, others are named."""

import pytest
from things import ANSWER, DELTA, RESPONSE, TEXT, USAGE, VALID, WEATHER

from wire.schema import Deviation, Kind, check


@pytest.mark.parametrize(("kind", "value"), VALID)
def test_what_the_types_describe_has_no_deviation(kind: Kind, value: object) -> None:
    """A thing as the SDK describes it is valid, whichever of its forms it takes."""
    assert check(kind, value) == []


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (
            "output_item",
            {"type": "telepathy"},
            ("unknown_type", "type", "output_item", "telepathy"),
        ),
        ("output_item", {"id": "msg_a"}, ("missing_field", "type", "output_item", "missing")),
        ("output_item", {"type": None}, ("wrong_type", "type", "output_item", "null")),
        ("output_item", {"type": ["message"]}, ("wrong_type", "type", "output_item", "array")),
        ("output_item", "Four.", ("wrong_type", "", "output_item", "string")),
        ("event", None, ("wrong_type", "", "event", "null")),
        (
            "output_item",
            {**ANSWER, "content": [{**TEXT, "annotations": [{"type": "footnote"}]}]},
            ("unknown_type", "content[].annotations[].type", "message", "footnote"),
        ),
        (
            "output_item",
            {**ANSWER, "content": [{**TEXT, "annotations": [{"type": "file_path", "index": 0}]}]},
            ("missing_field", "content[].annotations[].file_id", "message", "missing"),
        ),
        (
            "output_item",
            {**ANSWER, "content": [{**TEXT, "score": {"deep": 1}}]},
            ("unknown_field", "content[].score", "message", "object"),
        ),
        (
            "output_item",
            {**ANSWER, "status": "done"},
            ("unknown_value", "status", "message", "done"),
        ),
        ("output_item", {**ANSWER, "status": 1}, ("wrong_type", "status", "message", "integer")),
        (
            "output_item",
            {**ANSWER, "content": "Four."},
            ("wrong_type", "content", "message", "string"),
        ),
        (
            "input_item",
            {"role": "user", "content": [{"type": "input_text"}]},
            ("missing_field", "content[].text", "message", "missing"),
        ),
        (
            "input_item",
            {"role": "narrator", "content": "Once."},
            ("unknown_value", "role", "message", "narrator"),
        ),
        (
            "usage",
            {**USAGE, "total_tokens": "15"},
            ("wrong_type", "total_tokens", "usage", "string"),
        ),
        (
            "usage",
            {**USAGE, "total_tokens": 15.0},
            ("wrong_type", "total_tokens", "usage", "number"),
        ),
        (
            "usage",
            {**USAGE, "total_tokens": True},
            ("wrong_type", "total_tokens", "usage", "boolean"),
        ),
        (
            "tool",
            {"type": "function", "name": "weather", "parameters": None},
            ("missing_field", "strict", "function", "missing"),
        ),
        (
            "tool",
            {
                "type": "file_search",
                "vector_store_ids": [],
                "filters": {"type": "eq", "key": 1, "value": 2},
            },
            ("wrong_type", "filters.key", "file_search", "integer"),
        ),
        (
            "response",
            {**RESPONSE, "usage": {**USAGE, "input_tokens_details": None}},
            ("wrong_type", "usage.input_tokens_details", "usage", "null"),
        ),
        (
            "response",
            {**RESPONSE, "output": [{**ANSWER, "mood": "good"}]},
            ("unknown_field", "output[].mood", "message", "string"),
        ),
        (
            "response",
            {**RESPONSE, "tools": [{**WEATHER, "strict": "yes"}]},
            ("wrong_type", "tools[].strict", "function", "string"),
        ),
        (
            "response",
            {**RESPONSE, "instructions": [{"type": "item_reference"}]},
            ("missing_field", "instructions[].id", "item_reference", "missing"),
        ),
        (
            "response",
            {**RESPONSE, "metadata": {"secret name": 5}},
            ("wrong_type", "metadata.*", "response", "integer"),
        ),
        (
            "response",
            {**RESPONSE, "incomplete_details": {"reason": "length"}},
            ("unknown_value", "incomplete_details.reason", "response", "length"),
        ),
        (
            "event",
            {"type": "response.created", "sequence_number": 0, "response": {**RESPONSE, "lane": 1}},
            ("unknown_field", "response.lane", "response", "integer"),
        ),
        (
            "event",
            {**DELTA, "stream_id": "lane"},
            ("unknown_field", "stream_id", "response.output_text.delta", "string"),
        ),
        (
            "create_request",
            {"model": "a-model", "client_metadata": {}},
            ("unknown_field", "client_metadata", "create_request", "object"),
        ),
        (
            "create_request",
            {"model": "a-model", "include": ["everything"]},
            ("unknown_value", "include[]", "create_request", "everything"),
        ),
        (
            "compact_request",
            {"model": "a-model", "input": [{"type": "reasoning", "summary": [{"text": "Hm."}]}]},
            ("missing_field", "input[].summary[].type", "reasoning", "missing"),
        ),
        (
            "input_item",
            {"type": "mcp_call", "id": "m", "arguments": "", "name": "n", "server_label": 5},
            ("wrong_type", "server_label", "mcp_call", "integer"),
        ),
        (
            "create_request",
            {"model": "a-model", "prompt": {"id": "p", "variables": {"<name>": {"type": "x"}}}},
            ("unknown_type", "prompt.variables.*.type", "create_request", "x"),
        ),
        ("error", {"error": "no"}, ("wrong_type", "error", "error", "string")),
        (
            "error",
            {"error": {"type": "x", "message": "no", "code": 404}},
            ("wrong_type", "error.code", "error", "integer"),
        ),
    ],
)
def test_deviation_names_kind_path_tag_and_shape(
    kind: Kind, value: object, expected: tuple[str, str, str, str]
) -> None:
    """A deviation says what is wrong, where, in which tagged thing and what was found there."""
    assert Deviation(*expected) in check(kind, value)


def test_one_fault_is_one_deviation() -> None:
    """An unknown tag deep inside gives one deviation, not one for every type that it is not."""
    item = {**ANSWER, "content": [TEXT, {"type": "hologram", "anything": 1}]}
    assert check("input_item", item) == [
        Deviation("unknown_type", "content[].type", "message", "hologram")
    ]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (
            "output_item",
            {"type": "reasoning", "id": "rs_a", "summary": [{"type": "gist", "text": 5}]},
            ("unknown_type", "summary[].type", "reasoning", "gist"),
        ),
        (
            "create_request",
            {"model": "a-model", "tool_choice": 5},
            ("wrong_type", "tool_choice", "create_request", "integer"),
        ),
        (
            "input_item",
            {"type": "function_call_output", "call_id": "c", "output": {"type": "input_text"}},
            ("wrong_type", "output", "function_call_output", "object"),
        ),
        (
            "event",
            {
                "type": "response.output_item.added",
                "sequence_number": 0,
                "output_index": 0,
                "item": "x",
            },
            ("wrong_type", "item", "response.output_item.added", "string"),
        ),
        (
            "event",
            {"type": "response.created", "sequence_number": 0, "response": []},
            ("wrong_type", "response", "response.created", "array"),
        ),
    ],
)
def test_what_has_no_place_in_a_union_is_reported_by_none_of_its_arms(
    kind: Kind, value: object, expected: tuple[str, str, str, str]
) -> None:
    """A value of a type or tag that a union does not have is one deviation, at its own place."""
    assert check(kind, value) == [Deviation(*expected)]


def test_repeated_deviation_is_reported_once() -> None:
    """A hundred elements with the same fault are one deviation."""
    assert check("output_item", {**ANSWER, "content": [{**TEXT, "x": 1}] * 100}) == [
        Deviation("unknown_field", "content[].x", "message", "integer")
    ]


def test_no_more_than_sixty_characters_of_content_are_kept() -> None:
    """A value or name from the wire is cut short, and can always be written as UTF-8."""
    long = "\ud800" + "x" * 1000
    found = check("output_item", {**ANSWER, "status": long, long: 1})
    found += check("output_item", {"type": long})
    assert {each.kind for each in found} == {"unknown_value", "unknown_field", "unknown_type"}
    for each in found:
        assert "x" * 60 not in each.path + each.shape
        (each.path + each.shape).encode()


def test_lone_surrogates_are_checked_around() -> None:
    """Half a character, which JSON may hold and UTF-8 may not, hides no other deviation."""
    assert check("input_item", {"role": "user", "content": "\udcff"}) == []
    assert set(check("usage", {**USAGE, "\ud83d": 1, "total_tokens": None})) == {
        Deviation("unknown_field", '["?"]', "usage", "integer"),
        Deviation("wrong_type", "total_tokens", "usage", "null"),
    }


def test_odd_field_names_stay_one_step_of_the_path() -> None:
    """A name with points or brackets is quoted, so that a path reads only one way."""
    for name in ("a.b[]", "<message>0", "<>*", ""):
        (found,) = check("usage", {**USAGE, name: 1})
        assert found.path == f'["{name}"]'


def test_nullable_fields_must_be_there_in_what_a_client_sends() -> None:
    """A tool without its nullable `strict` deviates, as does a null where there may be none."""
    tool = {name: value for name, value in WEATHER.items() if name != "strict"}
    assert check("create_request", {"model": "a-model", "tools": [tool]}) == [
        Deviation("missing_field", "tools[].strict", "function", "missing")
    ]
    assert check(
        "input_item", {"type": "reasoning", "id": "r", "summary": [], "content": None}
    ) == [Deviation("wrong_type", "content", "reasoning", "null")]


def test_nullable_fields_may_be_missing_in_an_answer() -> None:
    """The SDK's models call optional what may be null, so absence cannot be told from null."""
    assert check("response", {**RESPONSE, "error": None}) == check("response", RESPONSE) == []
