"""Single answers of the scripted server: complete, in the SDK's types, and the same streamed."""

import json
from itertools import groupby
from typing import Any

import pytest
from openai import OpenAI
from openai.types import responses as sdk
from scripted import CASES, EVENTS, MODEL, THINKING, TRIP, parsed, send, strangers

from respool.demo import tools
from respool.demo.answers import tokens
from respool.demo.scenes import client, hosted, servers, talk, trip
from respool.demo.script import SCENES, Scene, awaited
from respool.demo.server import (
    RunningServer,
)

WHOLE = ("text", "refusal", "arguments", "input", "code", "command")


def test_the_script_is_sound() -> None:
    """Every move of the script but the last waits for the client; what it calls exists."""
    known = {tool["name"] for tool in tools.definitions()}
    for scene in SCENES:
        *calling, last = scene.moves
        assert all(awaited(move) for move in calling)
        assert not awaited(last)
        assert {call.name for move in calling for call in move.calls} <= known


def test_every_cue_is_written_down() -> None:
    """The table on top of a file of scenes names each of its cues, and no other."""
    for room in (client, hosted, servers, talk, trip):
        scenes: tuple[Scene, ...] = getattr(room, room.__name__.rpartition(".")[2].upper())
        rows = [line for line in (room.__doc__ or "").splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == [scene.cue for scene in scenes]


def test_a_cue_starts_its_own_scene() -> None:
    """No cue stands in another one, so that the order of the scenes does not matter."""
    cues = [scene.cue for scene in SCENES]
    assert not [(a, b) for a in cues for b in cues if a != b and a in b]


@pytest.mark.parametrize(("text", "variant"), CASES)
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


@pytest.mark.parametrize(("text", "variant"), CASES)
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
        if kind.endswith(".delta") and "output_content" not in kind:
            deltas = list(group)
            ends = (event for event in events[deltas[-1]["sequence_number"] :])
            end = next(
                event for event in ends if event["type"] == kind.removesuffix("delta") + "done"
            )
            [whole] = [end[name] for name in WHOLE if name in end]
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
