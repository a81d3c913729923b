"""What an exchange says: read once for all who tell about it, and nothing made up."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import EXOTIC, values
from traffic import JSON, answering, asking, compact, exchange, load, sse, streaming, write

from cassettes.exchange import Exchange
from cassettes.summary import Usage, load_json, read_usage, summarise


def one(path: Path, *arguments: Any, **options: Any) -> Exchange:
    """A single recorded exchange."""
    [found] = load(write(path, exchange(1, *arguments, **options)))
    return found


def test_a_json_answer_is_read(scratch: Path) -> None:
    """Model, id, status, usage and the raw output items are those of the body."""
    found = summarise(one(scratch, asking("Hi"), compact(answering("Hello", "resp_7"))))
    assert found.request["model"] == found.requested_model == "gpt-5.1"
    assert (found.model, found.response_id) == ("gpt-5.1-2025-11-13", "resp_7")
    assert (found.status, found.incomplete_reason) == ("completed", None)
    assert found.usage == Usage(9, 4, 6, 2, 15)
    assert found.output == [compact(answering("Hello", "resp_7")["output"][0])]
    assert (found.error_code, found.error_message) == (None, None)
    assert (found.events, found.first_event_ms, found.first_token_ms) == ([], None, None)


def test_a_stream_is_read(scratch: Path) -> None:
    """A stream says what its last response says, and when its events came."""
    found = summarise(one(scratch, asking("Hi", stream=True), streaming("Hello you", "resp_7")))
    assert (found.response_id, found.status) == ("resp_7", "completed")
    assert found.usage == Usage(9, 4, 6, 2, 15)
    assert found.output == [compact(answering("Hello you", "resp_7")["output"][0])]
    assert [event.type.removeprefix("response.") for event in found.events] == [
        "created",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 2,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.t_ms for event in found.events] == [20.0 + 10 * n for n in range(9)]
    assert (found.first_event_ms, found.first_token_ms) == (20.0, 50.0)
    assert sum(event.size for event in found.events) == len(
        b"".join(streaming("Hello you", "resp_7"))
    )
    assert json.loads(found.events[0].data)["type"] == found.events[0].name


def test_a_stream_that_broke_off_says_what_it_got(scratch: Path) -> None:
    """Without its last event, a stream has the items that were done and the response so far."""
    blocks = [*streaming("Hello you")[:-1], b": ping\n\n"]
    found = summarise(one(scratch, asking("Hi"), blocks, outcome="upstream_gone"))
    assert found.output == [compact(answering("Hello you")["output"][0])]
    assert (found.status, found.usage) == ("in_progress", None)
    assert len(found.events) == len(blocks) - 1


def test_output_items_are_the_servers_own_bytes(scratch: Path) -> None:
    """Numbers and strings that parsers flatten stand in the items as they came."""
    items = [f'{{"n": {value}}}' for value in EXOTIC]
    body = f'{{"output": [{" , ".join(items)}]}}'.encode()
    assert [item.decode() for item in summarise(one(scratch, b"{}", body)).output] == items
    event = b'data: {"type":"response.completed","response":' + body + b"}\n\n"
    assert [i.decode() for i in summarise(one(scratch, b"{}", [event])).output] == items


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (401, b'{"error":{"code":"bad_key","message":"No."}}', "bad_key", "No."),
        (400, b'{"error":{"type":"invalid","code":null,"message":"No."}}', "invalid", "No."),
        (500, b'{"error":{"code":500}}', "500", '{"code": 500}'),
        (500, b'{"error":"a bare string"}', None, "a bare string"),
        (400, b'{"detail":"not this way"}', None, "not this way"),
        (400, b'{"message":"flat"}', None, "flat"),
        (422, b'{"detail":[{"loc":[]}]}', None, '{"detail":[{"loc":[]}]}'),
        (502, b"<h1>Bad \xff gateway</h1>\n", None, "<h1>Bad \ufffd gateway</h1>"),
        (503, b"", None, None),
        (200, b'{"error":null}', None, None),
        (200, b'{"status":"failed","error":{"code":"e","message":"m"}}', "e", "m"),
    ],
)
def test_errors_are_read_in_every_shape(
    scratch: Path, status: int, body: bytes, code: str | None, message: str | None
) -> None:
    """Nested, flat, bare or no JSON at all: servers have errors in all of these shapes."""
    found = summarise(one(scratch, b"{}", body, status=status))
    assert (found.error_code, found.error_message) == (code, message)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "overloaded", "message": "Later."},
        {"type": "error", "error": {"code": "overloaded", "message": "Later."}},
        {
            "type": "response.failed",
            "response": {"error": {"code": "overloaded", "message": "Later."}},
        },
    ],
)
def test_errors_in_a_stream_are_read(scratch: Path, event: dict[str, Any]) -> None:
    """An error event, flat or nested, and a failed response are the exchange's error."""
    found = summarise(one(scratch, b"{}", [*streaming("Hi")[:3], *sse(event)]))
    assert (found.error_code, found.error_message) == ("overloaded", "Later.")


def test_an_incomplete_response_says_why(scratch: Path) -> None:
    """The reason stands beside the status."""
    details = {"reason": "max_output_tokens"}
    body = answering("Hi", status="incomplete", incomplete_details=details)
    found = summarise(one(scratch, b"{}", compact(body)))
    assert (found.status, found.incomplete_reason) == ("incomplete", "max_output_tokens")


def test_the_requested_model_stands_in_for_one_that_did_not_answer(scratch: Path) -> None:
    """Without an answer the model is the one that was asked for, and all else is not known."""
    found = summarise(one(scratch, asking("Hi"), None, outcome="upstream_unreachable"))
    assert found.model == "gpt-5.1"
    assert (found.response, found.usage, found.status, found.response_id) == (None,) * 4
    assert summarise(one(scratch, b"", b"[]", got=JSON)).model is None


@pytest.mark.parametrize(
    ("given_usage", "expected"),
    [
        ({}, Usage(None, None, None, None, None)),
        ({"input_tokens": 5.0, "output_tokens": True}, Usage(5, None, None, None, None)),
        ({"input_tokens": -1, "total_tokens": 1 << 63}, Usage(None, None, None, None, None)),
        ({"input_tokens": "5", "output_tokens": 1.5}, Usage(None, None, None, None, None)),
        ({"input_tokens_details": None, "output_tokens_details": [1]}, Usage(*[None] * 5)),
        (
            {"input_tokens": 1, "input_tokens_details": {"cache_write_tokens": 3}},
            Usage(1, None, None, None, None, 3),
        ),
    ],
)
def test_usage_is_what_the_server_said_in_whole_numbers(
    given_usage: dict[str, Any], expected: Usage
) -> None:
    """What is missing, negative, broken or no number is not known, and never zero."""
    assert read_usage(given_usage) == expected


@pytest.mark.parametrize(
    ("status", "used"),
    [("queued", False), ("in_progress", False), ("cancelled", True), ("incomplete", True)],
)
def test_usage_is_that_of_a_finished_response(scratch: Path, status: str, used: bool) -> None:
    """Zeros of a response that is still being made are no usage, nor is an empty object."""
    found = summarise(one(scratch, asking("Hi"), compact(answering("Hello", status=status))))
    assert (found.usage is not None) is used
    assert (
        summarise(one(scratch, asking("Hi"), compact(answering("Hello", usage={})))).usage is None
    )


@given(
    st.one_of(values.map(str.encode), st.binary()),
    st.one_of(values.map(str.encode), st.lists(values.map(lambda v: f"data: {v}\n\n".encode()))),
    st.sampled_from([200, 400, 503]),
)
def test_no_traffic_makes_reading_fail(
    scratch: Path, request_body: bytes, answer: Any, status: int
) -> None:
    """Whatever went over the wire, there is a summary of it."""
    names = (
        "type",
        "response",
        "output",
        "usage",
        "error",
        "item",
        "message",
        "incomplete_details",
    )
    if isinstance(answer, bytes):
        wrapped = b"{" + b",".join(b'"%s":%s' % (n.encode(), answer) for n in names) + b"}"
        summarise(one(scratch, request_body, wrapped, status=status))
    found = summarise(one(scratch, request_body, answer, status=status))
    assert isinstance(found.request, dict)
    assert found.model is None or found.model


@pytest.mark.parametrize(
    ("text", "value"), [(b"{", None), (b"\xff", None), (b'"\\ud800"', "\ud800"), ("1e400", 1e400)]
)
def test_json_is_loaded_where_any_parser_can(text: bytes | str, value: object) -> None:
    """What the strict parser refuses is read by the lenient one, and what both refuse is None."""
    assert load_json(text) == value
