"""The travel agent's conversation with the scripted server, and what goes wrong in it."""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from scripted import MODEL, THINKING, TRIP, send

from respool.demo import tools
from respool.demo.server import (
    RunningServer,
    running_server,
)


def test_a_scene_goes_on_with_the_tool_outputs(client: OpenAI) -> None:
    """The model calls three tools at once, then one, then answers, whatever the outputs say."""
    history: list[Any] = [{"role": "user", "content": TRIP}]
    names, cached = [], []
    for _ in range(3):
        answer = client.responses.create(
            model=MODEL, input=history, tools=tools.definitions(), **THINKING
        )
        calls = [item for item in answer.output if item.type == "function_call"]
        names.append([call.name for call in calls])
        assert answer.usage
        cached.append(answer.usage.input_tokens_details.cached_tokens)
        history += answer.output
        history += [
            {"type": "function_call_output", "call_id": call.call_id, "output": "?"}
            for call in calls
        ]
    assert names == [["get_weather", "get_weather", "find_flight"], ["convert"], []]
    assert "京都" in answer.output_text
    assert cached[0] == 0 < cached[1] < cached[2]


def test_calls_come_one_at_a_time_if_asked(client: OpenAI) -> None:
    """Without parallel tool calls, the model makes the same calls in as many answers."""
    history: list[Any] = [{"role": "user", "content": TRIP}]
    names = []
    while True:
        answer = client.responses.create(
            model=MODEL, input=history, tools=tools.definitions(), parallel_tool_calls=False
        )
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            break
        [call] = calls
        names.append(call.name)
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "?"}
        history += [*answer.output, output]
    assert names == ["get_weather", "get_weather", "find_flight", "convert"]


@pytest.mark.parametrize(
    "options", [{}, {"tools": tools.definitions(), "tool_choice": "none"}, {"tools": []}]
)
def test_only_offered_tools_are_called(client: OpenAI, options: dict[str, Any]) -> None:
    """A request that offers no tools gets the message at once."""
    answer = client.responses.create(model=MODEL, input=TRIP, **options)
    assert [item.type for item in answer.output if item.type != "reasoning"] == ["message"]


def test_the_sdk_gets_through_the_rate_limit() -> None:
    """The first try is told to come back in milliseconds, and the SDK's retry succeeds."""
    with running_server() as server, OpenAI(base_url=server.base_url, api_key="k") as client:
        answer = client.responses.create(model="gpt-5-mini", input="Good night in Japanese?")
        assert "18時" in answer.output_text
        assert len(server.requests) == 2
        with pytest.raises(openai.RateLimitError) as raised:
            client.with_options(max_retries=0).responses.create(
                model="gpt-5-mini", input="Good night in Japanese?"
            )
        assert raised.value.response.headers["retry-after-ms"] == "20"


def test_a_server_that_fails_says_so_in_its_transport(client: OpenAI) -> None:
    """A failed response is a terminal event; a dead line is an error event or a 500."""
    failed = client.responses.create(model=MODEL, input="The server is on fire")
    assert failed.status == "failed"
    assert failed.error
    assert failed.error.code == "server_error"
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model=MODEL, input="The line goes dead")
    *_, last = client.responses.create(model=MODEL, input="The line goes dead", stream=True)
    assert last.type == "error"


@pytest.mark.parametrize(
    ("error", "code", "request_body"),
    [
        (openai.BadRequestError, "context_length_exceeded", {"input": "The whole guidebook"}),
        (openai.BadRequestError, "invalid_type", {"input": 7}),
        (openai.BadRequestError, "missing_required_parameter", {"model": None}),
        (
            openai.NotFoundError,
            "previous_response_not_found",
            {"input": "Hi", "previous_response_id": "resp_unknown"},
        ),
    ],
)
def test_a_bad_request_gets_the_vendors_error(
    client: OpenAI, error: type[openai.APIStatusError], code: str, request_body: dict[str, Any]
) -> None:
    """What cannot be answered raises the SDK's own error with the vendor's code."""
    with pytest.raises(error) as raised:
        client.responses.create(extra_body=request_body, model=MODEL)
    assert raised.value.code == code
    assert raised.value.body == raised.value.response.json()["error"]
    assert isinstance(raised.value.body, dict)
    assert raised.value.body.keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (401, {"headers": {"authorization": ""}}),
        (404, {"path": "/v1/other"}),
        (404, {"method": "GET"}),
        (400, {"body": b"{"}),
        (400, {"body": []}),
    ],
)
def test_other_requests_get_an_error_in_the_same_shape(
    server: RunningServer, status: int, options: dict[str, Any]
) -> None:
    """No key, no such endpoint and no JSON are answered with the four members of an error."""
    came, _, chunks = send(server, **options)
    assert came == status
    error = json.loads(b"".join(chunks))["error"]
    assert error.keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize("base", ["", "/v1", "/openai/v1", "/backend-api/codex"])
def test_any_base_path_will_do(server: RunningServer, base: str) -> None:
    """The endpoints are found by how the path ends."""
    for path in ("/responses", "/responses/compact"):
        status, _, _ = send(server, {"model": MODEL, "input": "Hi"}, path=base + path)
        assert status == 200
    status, _, chunks = send(server, path=f"{base}/models", method="GET")
    assert status == 200
    assert json.loads(b"".join(chunks))["data"][0]["id"] == MODEL
