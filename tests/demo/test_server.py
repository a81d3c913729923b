"""The scripted server as its clients meet it: the SDK, and raw HTTP where bytes matter."""

import http.client
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any, get_args
from urllib.parse import urlsplit

import openai
import pytest
from openai import OpenAI
from openai.types import responses as sdk
from pydantic import BaseModel

from respool.demo import tools
from respool.demo.answers import tokens
from respool.demo.script import SCENES
from respool.demo.server import (
    BREAK,
    Canned,
    Cannery,
    Gate,
    Received,
    RunningServer,
    Step,
    running_server,
)

MODEL = "gpt-5.1"
TRIP = "Kyoto or Lisbon?"
TEXTS = [scene.cue for scene in SCENES if scene.trouble not in ("too_long", "rate_limited_once")]
THINKING: dict[str, Any] = {
    "reasoning": {"effort": "medium", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"tools": tools.definitions(), **THINKING},
    {"tools": tools.definitions(), **THINKING, "max_output_tokens": 20},
    {"tools": tools.definitions(), "model": "gpt-4.1", "max_output_tokens": 3},
    {"tools": tools.definitions(), "max_output_tokens": 90, "parallel_tool_calls": False},
]
EVENTS = {
    get_args(event.model_fields["type"].annotation)[0]: event
    for event in get_args(get_args(sdk.ResponseStreamEvent)[0])
}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A seeded server for all tests that leave nothing behind in it."""
    with running_server(seed="tests") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[OpenAI]:
    """The SDK on that server, without retries."""
    with OpenAI(base_url=server.base_url, api_key="sk-test", max_retries=0) as sdk_client:
        yield sdk_client


def send(
    server: RunningServer,
    body: object = None,
    headers: dict[str, str] | None = None,
    *,
    path: str = "/v1/responses",
    method: str = "POST",
) -> tuple[int, dict[str, str], list[bytes]]:
    """What came back, with its chunks as they were sent. A broken answer raises HTTPException."""
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, raw, {"authorization": "Bearer sk-test"} | (headers or {}))
        response = connection.getresponse()
        chunks = list(iter(response.read1, b""))
        return response.status, {k.lower(): v for k, v in response.getheaders()}, chunks
    finally:
        connection.close()


def parsed(chunks: list[bytes]) -> list[dict[str, Any]]:
    """The events of a stream; its framing must be exact."""
    blocks = b"".join(chunks).decode().removesuffix("\n\n").split("\n\n")
    events = []
    for block in blocks:
        name, data = block.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
        assert data == "data: " + json.dumps(events[-1], ensure_ascii=False, separators=(",", ":"))
    return events


def strangers(value: object, at: str = "") -> set[str]:
    """The paths of all fields that the SDK's models do not know."""
    if isinstance(value, BaseModel):
        own = {f"{at}.{name}" for name in value.model_extra or {}}
        return own.union(*(strangers(child, f"{at}.{name}") for name, child in value))
    if isinstance(value, list):
        return set().union(*(strangers(child, at) for child in value))
    return set()


def test_the_script_is_sound() -> None:
    """Every move of the script but the last calls tools, and only tools that exist."""
    known = {tool["name"] for tool in tools.definitions()}
    for scene in SCENES:
        *calling, last = scene.moves
        assert all(move.calls for move in calling)
        assert not last.calls
        assert {call.name for move in calling for call in move.calls} <= known


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("text", [*TEXTS, "Something else"])
def test_json_answers_are_complete_responses(
    server: RunningServer, text: str, variant: dict[str, Any]
) -> None:
    """Each JSON answer is a Response in strict mode, indented by two, and counts its tokens."""
    status, headers, chunks = send(server, {"model": MODEL, "input": text} | variant)
    body = b"".join(chunks).decode()
    assert headers["content-type"] == "application/json"
    assert {"x-request-id", "openai-processing-ms", "openai-version"} <= headers.keys()
    assert body == json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    if text == "line goes dead":
        assert status == 500
        return
    response = sdk.Response.model_validate_json(body, strict=True)
    assert strangers(response) == {".store"}
    if response.status != "failed":
        usage = response.usage
        assert usage
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens
        assert usage.input_tokens_details.cached_tokens <= usage.input_tokens
        assert usage.output_tokens_details.reasoning_tokens <= usage.output_tokens
        assert usage.output_tokens <= variant.get("max_output_tokens", 1000)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("text", [*TEXTS, "Something else"])
def test_streams_are_the_response_piece_by_piece(
    server: RunningServer, text: str, variant: dict[str, Any]
) -> None:
    """Events are numbered and the SDK's in strict mode, and join to the items of the response."""
    request = {"model": MODEL, "input": text, "stream": True} | variant
    _, headers, chunks = send(server, request)
    events = parsed(chunks)
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        model = EVENTS[event["type"]].model_validate(event, strict=True)
        assert strangers(model) <= {".obfuscation", ".response.store"}
    if text == "line goes dead":
        assert events[-1]["type"] == "error"
        return
    last = events[-1]
    assert last["type"] == f"response.{last['response']['status']}"
    done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
    assert done == last["response"]["output"]
    for kind, group in groupby(events, key=lambda event: event["type"]):
        if kind.endswith(".delta"):
            deltas = list(group)
            end = events[deltas[-1]["sequence_number"] + 1]
            whole = end.get("text", end.get("arguments", end.get("refusal")))
            assert end["type"] == kind.removesuffix("delta") + "done"
            assert "".join(delta["delta"] for delta in deltas) == whole


def test_a_thinking_and_calling_answer_streams_in_the_vendors_order(client: OpenAI) -> None:
    """Reasoning, its two summary parts and three calls open and close one after the other."""
    stream = client.responses.create(
        model=MODEL, input=TRIP, tools=tools.definitions(), stream=True, **THINKING
    )
    kinds = [kind for kind, _ in groupby(event.type for event in stream)]
    part = ["part.added", "text.delta", "text.done", "part.done"]
    call = ["added", "arguments.delta", "arguments.done", "done"]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        *[f"response.reasoning_summary_{step}" for step in part * 2],
        "response.output_item.done",
        *[
            f"response.{'function_call_' if '.' in step else 'output_item.'}{step}"
            for step in call * 3
        ],
        "response.completed",
    ]


def test_the_sdks_accumulator_accepts_the_stream(client: OpenAI) -> None:
    """The stream helper rebuilds the same text that the final response holds."""
    with client.responses.stream(model=MODEL, input="What to pack?", **THINKING) as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert "".join(texts) == stream.get_final_response().output_text
    assert "🧳" in texts[-1]


def test_obfuscation_can_be_turned_off(client: OpenAI) -> None:
    """Deltas carry padding that hides their length, unless the request declines it."""

    def padded(**options: Any) -> set[bool]:
        events = client.responses.create(model=MODEL, input="Hi", stream=True, **options)
        return {"obfuscation" in event.model_extra for event in events if "delta" in event.type}

    assert padded() == {True}
    assert padded(stream_options={"include_obfuscation": False}) == {False}


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


def test_reasoning_shows_only_what_was_asked_for(client: OpenAI) -> None:
    """Summary and encrypted content come on request, and effort none means no reasoning."""
    [plain, _] = client.responses.create(model=MODEL, input="What to pack?").output
    assert plain.type == "reasoning"
    assert (plain.summary, plain.encrypted_content) == ([], None)
    [shown, _] = client.responses.create(model=MODEL, input="What to pack?", **THINKING).output
    assert shown.type == "reasoning"
    assert shown.summary
    assert shown.encrypted_content
    silent = client.responses.create(
        model=MODEL, input="What to pack?", reasoning={"effort": "none"}
    )
    assert [item.type for item in silent.output] == ["message"]


def test_a_small_budget_leaves_the_answer_incomplete(client: OpenAI) -> None:
    """max_output_tokens cuts the text at that many tokens, and the response says so."""
    answer = client.responses.create(
        model=MODEL, input="Tell me of the Golden Pavilion", max_output_tokens=16
    )
    assert answer.status == "incomplete"
    assert answer.incomplete_details
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output_text
    assert tokens(answer.output_text) <= 16
    assert answer.usage
    assert answer.usage.output_tokens == 16


@pytest.mark.parametrize("stream", [False, True])
def test_half_a_character_is_no_reason_to_fail(server: RunningServer, stream: bool) -> None:
    """A lone surrogate, which JSON can name and UTF-8 cannot hold, is answered as a "?"."""
    text = "\ud83c" + "." * 200
    request = {"model": MODEL, "input": text, "instructions": "\udc00", "stream": stream}
    status, _, chunks = send(server, request)
    assert status == 200
    assert "“?..." in b"".join(chunks).decode() or stream


def test_a_refusal_is_a_part_of_its_own(client: OpenAI) -> None:
    """A refused question is answered by a message whose only content is the refusal."""
    [message] = client.responses.create(model=MODEL, input="A passport stamp, please").output
    assert message.type == "message"
    assert [part.type for part in message.content] == ["refusal"]


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


def test_compaction_keeps_what_the_user_said(server: RunningServer, client: OpenAI) -> None:
    """All user messages and one compaction item come back, and the conversation goes on from it."""
    asked: list[Any] = [{"role": "user", "content": text} for text in (TRIP, "What to pack?")]
    answer = client.responses.create(model=MODEL, input=asked, **THINKING)
    _, _, chunks = send(
        server,
        {"model": MODEL, "input": [*asked, *(i.to_dict() for i in answer.output)]},
        path="/v1/responses/compact",
    )
    compacted = json.loads(b"".join(chunks))
    *users, summary = compacted["output"]
    kept = [sdk.ResponseInputMessageItem.model_validate(user, strict=True) for user in users]
    assert [message.content[0].to_dict() for message in kept] == [
        {"type": "input_text", "text": TRIP},
        {"type": "input_text", "text": "What to pack?"},
    ]
    sdk.CompactedResponse.model_validate(compacted | {"output": [summary]}, strict=True)
    assert summary["type"] == "compaction"
    following = client.responses.create(
        model=MODEL, input=[*compacted["output"], {"role": "user", "content": "Thanks"}]
    )
    assert "Thanks" in following.output_text
    assert following.usage
    assert following.usage.input_tokens_details.cached_tokens == 0


def test_previous_response_stands_for_its_conversation(client: OpenAI) -> None:
    """Naming a stored response counts and answers like sending its whole conversation again."""
    first = client.responses.create(model=MODEL, input=[{"role": "user", "content": TRIP}])
    more: list[Any] = [{"role": "user", "content": "What to pack?"}]
    named = client.responses.create(model=MODEL, input=more, previous_response_id=first.id)
    history: list[Any] = [{"role": "user", "content": TRIP}, *first.output, *more]
    resent = client.responses.create(model=MODEL, input=history)
    assert named.previous_response_id == first.id
    assert named.output_text == resent.output_text
    assert named.usage == resent.usage


def test_what_is_not_stored_is_not_found(client: OpenAI) -> None:
    """A response with store false cannot be gone on from."""
    first = client.responses.create(model=MODEL, input="Hi", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=MODEL, input="And?", previous_response_id=first.id)


def test_equal_seeds_give_equal_bytes() -> None:
    """Two servers with one seed answer alike to the byte; a repeated request gets fresh ids."""

    def run(seed: str | None) -> list[tuple[int, dict[str, str], list[bytes]]]:
        requests = [{"model": MODEL, "input": TRIP, "stream": on, **THINKING} for on in (0, 1, 1)]
        with running_server(seed=seed) as server:
            return [send(server, request) for request in requests]

    assert run("a") == run("a")
    once, twice = run("a")[1:]
    assert once != twice
    assert run("a")[1] != run("b")[1]
    assert run(None)[1] != run(None)[1]


def test_events_are_sent_one_by_one() -> None:
    """With a delay each event leaves on its own, without one the stream comes in one piece."""
    request = {"model": MODEL, "input": "Hi", "stream": True}
    with running_server(delay_ms=0.1) as server:
        _, _, chunks = send(server, request)
    assert len(chunks) == len(parsed(chunks)) > 10
    with running_server() as server:
        _, _, chunks = send(server, request)
    assert len(chunks) == 1


def test_requests_are_kept_as_they_came() -> None:
    """A test reads method, path, query, headers and body bytes of what the server received."""
    with running_server() as server:
        send(server, b'{ "x": 1e400 }', {"X-Own": "é"}, path="/v1/responses?a=%20b")
        [request] = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/responses", "a=%20b")
    assert request.body == b'{ "x": 1e400 }'
    assert request.header("x-own") == "é"
    assert request.header("x-other") is None


def test_canned_answers_are_sent_exactly() -> None:
    """A header or the first user text picks an answer, with its status, headers and bytes."""

    def echo(request: Received) -> Canned:
        return Canned([(request.header("authorization") or "").encode()])

    canned: Cannery = {
        "teapot": Canned([b"\xff", 1, b"\x00"], 418, [("set-cookie", "a=1"), ("set-cookie", "b")]),
        "Who am I?": echo,
        "nothing": Canned(status=204),
    }
    with running_server(canned=canned) as server:
        status, headers, chunks = send(server, headers={"x-scripted": "teapot"}, method="GET")
        assert (status, headers["set-cookie"], chunks) == (418, "b", [b"\xff", b"\x00"])
        assert send(server, {"input": "Who am I?"})[2] == [b"Bearer sk-test"]
        for content in ("Who am I?", [{"type": "input_text", "text": "Who am I?"}]):
            body = {"input": [{"role": "user", "content": content}]}
            assert send(server, body)[2] == [b"Bearer sk-test"]
        assert send(server, {"model": MODEL})[0] == 200
        assert send(server, headers={"x-scripted": "nothing"})[0] == 204
        status, _, chunks = send(server, headers={"x-scripted": "misspelt"})
        assert status == 400
        assert b"misspelt" in chunks[0]
        assert send(server, {"model": MODEL, "input": "Hi"})[0] == 200


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([BREAK], http.client.RemoteDisconnected),
        ([b"", BREAK], http.client.IncompleteRead),
        ([b"data: 1\n\n", 1, BREAK], http.client.IncompleteRead),
    ],
)
def test_a_canned_answer_can_break_off(
    steps: list[Step], error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """The connection ends before the head, behind it or in the body, and nothing is logged."""
    with running_server(canned={"x": Canned(steps)}) as server, pytest.raises(error):
        send(server, headers={"x-scripted": "x"})
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_canned_answer_can_halt() -> None:
    """At a gate the client has all that was sent before, and the rest comes when it is opened."""
    gate = Gate()
    steps: list[Step] = [b"one", gate, b"two"]
    with running_server(canned={"x": Canned(steps)}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        connection.request("GET", "/", headers={"x-scripted": "x"})
        gate.wait_reached()
        response = connection.getresponse()
        assert response.read1() == b"one"
        gate.open()
        assert response.read() == b"two"
        connection.close()
        assert send(server, headers={"x-scripted": "x"})[2] == [b"one", b"two"]


def test_closing_does_not_wait_for_hanging_answers(caplog: pytest.LogCaptureFixture) -> None:
    """A client at a closed gate is hung up on when the server closes."""
    gate = Gate()
    with running_server(canned={"x": Canned([b"one", gate])}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        connection.request("GET", "/", headers={"x-scripted": "x"})
        gate.wait_reached()
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_closing_does_not_wait_for_clients_that_do_not_read() -> None:
    """A client that never reads its answer cannot keep the server open."""
    full = Gate()
    steps: list[Step] = [b"x", full, *[b"x" * 1_000_000] * 20]
    with running_server(canned={"x": Canned(steps)}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        connection.request("GET", "/", headers={"x-scripted": "x"})
        full.wait_reached()
        full.open()
    connection.close()


def test_it_runs_as_a_process() -> None:
    """It prints its base URL first, answers with the given seed, and leaves on SIGTERM."""
    command = [sys.executable, "-P", "-m", "respool.demo.server", "--seed", "s", "--delay-ms", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout
        assert process.stderr
        base_url = process.stdout.readline().strip()
        with OpenAI(base_url=base_url, api_key="k") as client:
            told = client.responses.create(model=MODEL, input="Hi")
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr.read() == ""
    with (
        running_server(seed="s") as server,
        OpenAI(base_url=server.base_url, api_key="k") as client,
    ):
        assert client.responses.create(model=MODEL, input="Hi") == told


def test_it_stands_alone() -> None:
    """Server and agent import nothing of the project outside the demo, and none of its engines."""
    rooms = {"wire", "cassettes", "addons", "analytics", "dashboard"}
    engines = {"mitmproxy", "duckdb", "streamlit", "pandas"}
    code = "import sys, respool.demo.server, respool.demo.agent; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not (rooms | engines) & set(loaded)
