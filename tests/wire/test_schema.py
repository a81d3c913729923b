"""How single things are checked against the SDK's types: valid ones pass, others are named."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import responses as sdk

from wire.events import TERMINAL
from wire.schema import Deviation, Kind, check, tags
from wire.schema_derived import Validators
from wire.schema_deviations import translated

TEXT = {"type": "output_text", "text": "Four.", "annotations": [], "logprobs": []}
ANSWER = {
    "type": "message",
    "id": "msg_a",
    "role": "assistant",
    "status": "completed",
    "content": [TEXT],
}
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 6,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
}
WEATHER = {
    "type": "function",
    "name": "weather",
    "strict": True,
    "parameters": {"type": "object", "anything": {"goes": 1}},
}
RESPONSE = {
    "id": "resp_a",
    "object": "response",
    "created_at": 1790000000,
    "status": "completed",
    "model": "a-model",
    "output": [ANSWER],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [WEATHER],
    "usage": USAGE,
}
DELTA = {
    "type": "response.output_text.delta",
    "item_id": "msg_a",
    "output_index": 0,
    "content_index": 0,
    "sequence_number": 4,
    "delta": "Fo",
    "logprobs": [],
}

VALID: list[tuple[Kind, Any]] = [
    ("input_item", {"role": "user", "content": "2 + 2?"}),
    ("input_item", {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]}),
    ("input_item", {"role": "assistant", "content": "Four.", "phase": None}),
    ("input_item", {"id": "msg_a"}),
    ("input_item", ANSWER),
    ("input_item", {"type": "compaction_trigger"}),
    ("input_item", {"type": "function_call_output", "call_id": "call_a", "output": "21 degrees"}),
    (
        "input_item",
        {
            "type": "function_call_output",
            "call_id": "call_a",
            "output": [{"type": "input_image", "image_url": "https://example.test/a.png"}],
        },
    ),
    ("output_item", {"type": "reasoning", "id": "rs_a", "summary": [], "content": None}),
    (
        "output_item",
        {
            "type": "function_call",
            "call_id": "call_a",
            "name": "weather",
            "arguments": "{}",
            "async": True,
        },
    ),
    ("item", {"type": "message", "id": "msg_b", "role": "user", "content": []}),
    ("tool", WEATHER),
    ("tool", {"type": "web_search_2025_08_26"}),
    (
        "tool",
        {
            "type": "file_search",
            "vector_store_ids": ["vs_a"],
            "filters": {
                "type": "and",
                "filters": [
                    {"type": "eq", "key": "year", "value": 2031},
                    {"type": "or", "filters": []},
                ],
            },
        },
    ),
    ("response", RESPONSE),
    ("response", {**RESPONSE, "created_at": 1790000000.25, "instructions": [ANSWER]}),
    (
        "compacted_response",
        {
            "id": "resp_c",
            "object": "response.compaction",
            "created_at": 1790000000,
            "usage": USAGE,
            "output": [
                {
                    "type": "message",
                    "id": "msg_b",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "2 + 2?"}],
                },
                {"type": "compaction", "id": "cmp_a", "encrypted_content": "AAAA"},
            ],
        },
    ),
    (
        "item_page",
        {
            "object": "list",
            "data": [ANSWER],
            "first_id": "msg_a",
            "last_id": "msg_a",
            "has_more": False,
        },
    ),
    ("input_token_count", {"object": "response.input_tokens", "input_tokens": 9}),
    ("usage", USAGE),
    ("event", DELTA),
    (
        "event",
        {
            "type": "response.output_item.done",
            "sequence_number": 7,
            "output_index": 0,
            "item": ANSWER,
        },
    ),
    (
        "event",
        {"type": "error", "code": None, "message": "no", "param": None, "sequence_number": 1},
    ),
    ("websocket_event", {**DELTA, "stream_id": "lane"}),
    ("websocket_event", {"type": "error", "error": {"type": "x", "message": "no"}, "status": 400}),
    (
        "client_event",
        {"type": "response.create", "model": "a-model", "generate": False, "input": [ANSWER]},
    ),
    (
        "create_request",
        {
            "model": "a-model",
            "input": "2 + 2?",
            "stream": True,
            "tools": [WEATHER],
            "metadata": {"a": "b"},
        },
    ),
    ("create_request", {"model": "a-model", "stream": False, "store": False, "tools": []}),
    ("compact_request", {"model": "a-model", "previous_response_id": "resp_a"}),
    ("input_tokens_request", {"model": "a-model", "input": "2 + 2?"}),
    ("error", {"error": {"type": "x", "message": "no", "code": None, "param": None}}),
]


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


@pytest.mark.parametrize(
    ("message", "lacking"),
    [
        ({"role": "user", "content": [{"text": "Hi"}]}, {"content[].type"}),
        ({"type": "message", "role": "user", "content": [{"type": "input_image"}]}, set()),
        ({"type": "message", "content": [{"type": "output_text"}]}, {"id", "role", "status"}),
        ({"type": "message", "role": "assistant", "id": "m", "content": []}, {"status"}),
        ({"type": "message", "role": "system", "status": "completed"}, {"content"}),
    ],
)
def test_message_is_judged_by_what_it_was_meant_to_be(
    message: dict[str, Any], lacking: set[str]
) -> None:
    """Role, fields and parts tell the SDK's messages apart, so that only what is missing counts."""
    found = check("input_item", message)
    assert {each.type for each in found} <= {"message"}
    assert {each.kind for each in found} <= {"missing_field"}
    assert lacking <= {each.path for each in found}


def test_rewritten_assistant_message_is_judged_as_an_output_message() -> None:
    """A client that echoes an answer without its ids is told what it dropped, nothing else."""
    echoed = {"role": "assistant", "type": "message", "content": [{"type": "output_text"}]}
    found = check("input_item", echoed)
    assert {each.kind for each in found} == {"missing_field"}
    assert {each.path for each in found} == {
        "id",
        "status",
        "content[].text",
        "content[].annotations",
    }


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


UNIONS: dict[Kind, Any] = {
    "input_item": sdk.ResponseInputItem,
    "output_item": sdk.ResponseOutputItem,
    "item": sdk.ResponseItem,
    "tool": sdk.Tool,
    "event": sdk.ResponseStreamEvent,
    "websocket_event": sdk.ResponsesServerEvent,
}


def models_of(union: Any) -> list[Any]:
    """The classes of one of the SDK's annotated unions."""
    return list(get_args(get_args(union)[0]))


@pytest.mark.parametrize(("kind", "union"), UNIONS.items())
def test_every_tag_of_the_sdk_is_known(kind: Kind, union: Any) -> None:
    """Whatever `type` the installed SDK's union has, the registry has, and nothing else."""
    known = {
        tag
        for model in models_of(union)
        for tag in _literals(model.model_fields["type"].annotation)
    }
    assert sorted(known - tags(kind)) == []
    assert sorted(tags(kind) - known) == []
    assert [tag for tag in sorted(known) if any(_unknown(tag, kind))] == []


def _unknown(tag: str, kind: Kind) -> list[bool]:
    return [each.kind == "unknown_type" for each in check(kind, {"type": tag})]


def _literals(annotation: Any) -> list[str]:
    inner = [each for each in get_args(annotation) if not isinstance(each, str)]
    return [each for each in get_args(annotation) if isinstance(each, str)] + [
        tag for each in inner for tag in _literals(each)
    ]


def test_every_annotation_of_the_sdk_is_understood() -> None:
    """The SDK describes the API in models, unions, literals, lists, maps and scalars only."""
    pending: list[Any] = [*UNIONS.values(), sdk.Response, sdk.CompactedResponse]
    pending += [sdk.ResponsesClientEvent, sdk.ResponseItemList, sdk.ResponsesClientEventParam]
    pending += [sdk.ResponseCompactParams, sdk.InputTokenCountParams]
    met: set[Any] = set()
    strange = set()
    while pending:
        annotation = pending.pop()
        if annotation in met:
            continue
        met.add(annotation)
        origin = get_origin(annotation)
        if hasattr(annotation, "model_fields"):
            pending += [field.annotation for field in annotation.model_fields.values()]
        elif hasattr(annotation, "__required_keys__"):
            pending += get_type_hints(annotation, include_extras=True).values()
        elif origin is None and annotation not in (str, int, float, bool, object, type(None)):
            strange.add(annotation)
        elif origin in (Union, Required, NotRequired, list, dict, Iterable, Sequence):
            pending += get_args(annotation)
        elif hasattr(annotation, "__metadata__"):
            pending.append(get_args(annotation)[0])
        elif origin is Literal:
            strange |= {each for each in get_args(annotation) if not isinstance(each, str)}
        elif origin is not None:
            strange.add(annotation)
    assert strange == set()
    assert len(met) > 1000


def test_every_terminal_event_is_one_of_the_sdk() -> None:
    """What ends a stream is an event that both transports have."""
    assert tags("event") & tags("websocket_event") >= TERMINAL


class Plain(TypedDict):
    """A model that has no tag."""

    size: Required[int]


class Leaf(TypedDict):
    """A model that has one, and values that are no strings."""

    type: Required[Literal["leaf"]]
    on: Literal[True, "maybe"]
    nothing: None


class DryLeaf(TypedDict):
    """A model of the same tag, with fields of which little can be said at a glance."""

    type: Required[Literal["leaf"]]
    falls: Required[Plain]
    age: Mapping[str, int] | bytes


class Tree(TypedDict):
    """A model that holds itself."""

    type: Required[Literal["tree"]]
    parts: "list[Tree | Leaf | DryLeaf] | list[Plain]"
    notes: Mapping[str, int] | None
    more: bytes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "tree", "more": 1, "notes": None}, None),
        ({"type": "tree", "parts": [{"type": "tree"}, {"type": "leaf", "on": "maybe"}]}, None),
        (
            {"type": "tree", "parts": [{"type": "tree", "parts": [{"type": "leaf", "on": False}]}]},
            ("wrong_type", "parts[].parts[].on", "tree", "boolean"),
        ),
        (
            {"type": "tree", "parts": [{"type": "leaf", "falls": {"size": 1}, "age": b"1"}]},
            None,
        ),
        (
            {"type": "tree", "parts": [{"type": "leaf", "nothing": 0}]},
            ("wrong_type", "parts[].nothing", "tree", "integer"),
        ),
        (
            {"type": "tree", "parts": [{"type": "bush", "size": 1}]},
            ("unknown_field", "parts[].type", "tree", "string"),
        ),
        ({"type": "tree", "parts": [{}]}, ("missing_field", "parts[].size", "tree", "missing")),
        ({"type": "tree", "notes": {"<a>": "b"}}, ("wrong_type", "notes.*", "tree", "string")),
    ],
)
def test_types_that_the_sdk_may_yet_have(
    value: object, expected: tuple[str, str, str, str] | None
) -> None:
    """Models that hold themselves or have no tag are checked; what is not understood is let be."""
    validator = Validators({Tree: ""}).validator(Tree)
    found = translated(validator(value), "tree")
    assert list(found) == ([Deviation(*expected)] if expected else [])


FIRST_CHECKS = """
import sys, time
sys.path.append({tests!r})
from test_schema import VALID, check
began = time.process_time()
for kind, value in VALID:
    if kind in ("create_request", "input_item", "event", "response"):
        assert check(kind, value) == []
print(time.process_time() - began)
"""


@pytest.mark.slow
def test_first_checks_take_no_time_that_is_felt() -> None:
    """In a new process, what a streamed exchange consists of is checked within half a second."""
    script = FIRST_CHECKS.format(tests=str(Path(__file__).parent))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 0.5


TEXTS = st.text(st.characters(exclude_categories=()), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)
KINDS: list[Kind] = sorted({kind for kind, _ in VALID})


def mutations(value: object) -> st.SearchStrategy[object]:
    """Values like a valid one, with any part replaced by any JSON."""
    if isinstance(value, dict):
        parts = {name: mutations(each) for name, each in value.items()}
        return JSON | st.fixed_dictionaries({}, optional=parts)
    if isinstance(value, list):
        return JSON | st.lists(st.one_of([mutations(each) for each in value] or [JSON]), max_size=2)
    return st.just(value) | JSON


@given(kind=st.sampled_from(KINDS), value=JSON)
def test_any_json_is_checked(kind: Kind, value: object) -> None:
    """Whatever JSON comes, checking it answers with deviations and raises nothing."""
    assert all(isinstance(each, Deviation) for each in check(kind, value))


@given(st.sampled_from(VALID).flatmap(lambda case: st.tuples(st.just(case[0]), mutations(case[1]))))
def test_near_misses_are_checked(case: tuple[Kind, object]) -> None:
    """Things with parts missing or replaced are checked without raising, the same way each time."""
    kind, value = case
    before = json.dumps(value)
    found = check(kind, value)
    assert found == check(kind, value)
    assert len(set(found)) == len(found)
    assert json.dumps(value) == before
