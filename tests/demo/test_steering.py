"""Steering a response while it is being made, as the SDK documents it."""

import json
from typing import Any

import pytest
from openai import OpenAI
from openai.types.responses.response_steer_pending_event import ResponseSteerPendingEvent
from scripted import asked, send, strangers
from sockets import ENDS, answer, dialled, hear, hear_out, hear_until, say, steer

from respool.demo.answering import answer as answer_of
from respool.demo.kinds import waiting
from respool.demo.script import SCENES
from respool.demo.server import Received, RunningServer, running_server
from respool.demo.steering import Steer

WALK: dict[str, Any] = {"text": "A long walk", "reasoning": {"effort": "none"}}


def begun(socket: Any, **fields: Any) -> tuple[str, list[dict[str, Any]]]:  # Any: a connection
    """The id of a response that has just begun, and its events so far."""
    say(socket, **fields)
    first = hear(socket)
    return first["response"]["id"], [first]


@pytest.mark.parametrize("lane", [{}, {"stream_id": "a"}])
def test_a_steer_ends_the_response_and_begins_its_successor(
    server: RunningServer, client: OpenAI, lane: dict[str, str]
) -> None:
    """It is accepted, the response is incomplete, and the next goes on from it by itself."""
    with dialled(server) as socket:
        target, events = begun(socket, **WALK, **lane, instructions="Short.", metadata={"a": "b"})
        steer(socket, target, "What to pack?")
        events += hear_out(socket)
        successor = hear_out(socket)
    [accepted] = [event for event in events if event["type"] == "response.steer.accepted"]
    assert accepted["steer"]["previous_response_id"] == target
    assert accepted["steer"]["id"].startswith("steer_")
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    ended = events[-1]["response"]
    assert (events[-1]["type"], ended["status"]) == ("response.incomplete", "incomplete")
    assert ended["incomplete_details"] == {"reason": "steered"}
    said = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
    [message] = ended["output"]
    assert (message["status"], message["content"][0]["text"]) == ("incomplete", said)
    assert ended["usage"]["output_tokens"] > 0
    created, completed = successor[0]["response"], successor[-1]["response"]
    assert created["previous_response_id"] == target
    assert (created["instructions"], created["metadata"]) == ("Short.", {"a": "b"})
    assert completed["output"][-1]["content"][0]["text"].startswith("A light coat")
    assert {event.get("stream_id") for event in events + successor} == {lane.get("stream_id")}
    assert client.responses.retrieve(target).status == "incomplete"


def test_a_successor_can_be_steered(server: RunningServer) -> None:
    """What began by itself is steered like any other, and goes on from where it was."""
    with dialled(server) as socket:
        target, _ = begun(socket, **WALK)
        for text in ("Another long walk", "What to pack?"):
            steer(socket, target, text)
            hear_until(socket, "response.incomplete")
            created = hear(socket)["response"]
            assert created["previous_response_id"] == target
            target = created["id"]
        last = hear_out(socket)[-1]["response"]
    assert last["output"][-1]["content"][0]["text"].startswith("A light coat")


def test_a_steer_waits_for_the_clients_tools(server: RunningServer) -> None:
    """Where the response stops for a call, the steer is pending, and leads the next input."""
    with dialled(server) as socket:
        target, events = begun(socket, text="A long errand")
        steer(socket, target, "What to pack?")
        events += hear_until(socket, "response.steer.pending")
        kinds = [event["type"] for event in events]
        assert kinds.index("response.steer.accepted") < kinds.index("response.completed")
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        [call] = [
            item
            for item in events[kinds.index("response.completed")]["response"]["output"]
            if item["type"] == "custom_tool_call"
        ]
        pending = events[-1]
        assert pending["reason"] == "waiting_for_required_input"
        stub = {"type": "custom_tool_call_output", "call_id": call["call_id"]}
        assert pending["required_input"] == [stub]
        done = answer(socket, input=[answer_of(call)], previous_response_id=target)
        assert done["output"][-1]["content"][0]["text"].startswith("A light coat")


def test_steers_that_wait_keep_their_order() -> None:
    """Two steers are both accepted and both pending, and lead the next input as they came."""
    with running_server(delay_ms=10) as server, dialled(server) as socket:
        target, events = begun(socket, text="A long errand")
        for text in ("What to pack?", "Is it far?"):
            steer(socket, target, text)
        for _ in range(2):
            events += hear_until(socket, "response.steer.pending")
        first, second = [e["steer"] for e in events if e["type"] == "response.steer.accepted"]
        assert [event["steer"] for event in events if "reason" in event] == [first, second]
        [_, call] = next(e for e in events if e["type"] == "response.completed")["response"][
            "output"
        ]
        done = answer(socket, input=[answer_of(call)], previous_response_id=target)
        assert "Is it far?" in done["output"][-1]["content"][0]["text"]


def test_a_steer_comes_too_late(server: RunningServer) -> None:
    """A completed response, an unknown one and another connection's take no steers."""
    with dialled(server) as socket, dialled(server) as other:
        done = answer(socket, "Hi", stream_id="a")
        steer(socket, done["id"], "Wait")
        failed = hear(socket)
        assert failed["error"]["code"] == "response_already_completed"
        assert failed["steer"] == {"previous_response_id": done["id"], "input": "Wait"}
        assert failed["stream_id"] == "a"
        for where, target in ((socket, "resp_unknown"), (other, done["id"])):
            steer(where, target, "Wait")
            assert hear(where)["error"]["code"] == "response_not_found"


@pytest.mark.parametrize("given", [None, "", [], [{"role": "system", "content": "x"}], ["x"]])
def test_a_steer_must_be_the_users(server: RunningServer, given: object) -> None:
    """Anything but text or the user's messages is given back, and the response goes on."""
    with dialled(server) as socket:
        target, _ = begun(socket, **WALK)
        steer(socket, target, given)
        event: dict[str, Any] = {"type": ""}
        while event["type"] != "response.steer.failed":  # what it gives back, the SDK refuses too
            event = json.loads(socket.recv(timeout=10))
        assert event["error"]["code"] == "invalid_input"
        assert event["steer"] == {"previous_response_id": target, "input": given}
        assert hear_out(socket)[-1]["type"] == "response.completed"


def test_not_every_response_can_be_steered(server: RunningServer, client: OpenAI) -> None:
    """One that is bound to a conversation cannot."""
    talk = client.conversations.create()
    with dialled(server) as socket:
        target, _ = begun(socket, **WALK, conversation=talk.id)
        steer(socket, target, "Wait")
        failed = hear_until(socket, "response.steer.failed")[-1]
        assert failed["error"]["code"] == "steering_not_supported"


def test_a_successor_can_fail(server: RunningServer) -> None:
    """A steer whose successor cannot be made is given back with its id."""
    with dialled(server) as socket:
        target, _ = begun(socket, **WALK)
        steer(socket, target, "The whole guidebook")
        accepted = hear_until(socket, "response.steer.accepted")[-1]
        assert hear_until(socket, *ENDS)[-1]["type"] == "response.incomplete"
        failed = hear(socket)
        assert failed["error"]["code"] == "successor_creation_failed"
        assert failed["steer"] == accepted["steer"] | {"input": "The whole guidebook"}


@pytest.mark.parametrize(
    ("scene", "required"),
    [
        ("kyoto or lisbon", ["function_call_output"] * 3),
        ("haiku", ["custom_tool_call_output"]),
        ("seat map", ["computer_call_output"]),
        ("my own shell", ["shell_call_output"]),
        ("fix the itinerary", ["apply_patch_call_output"] * 3),
        ("any tool for tides", ["tool_search_output"]),
        ("museum tickets", ["mcp_approval_response"]),
    ],
)
def test_what_a_steer_waits_for_is_named(
    server: RunningServer, scene: str, required: list[str]
) -> None:
    """Each kind of call that a client answers is asked for in the SDK's own stub."""
    [played] = [one for one in SCENES if one.cue == scene]
    _, _, chunks = send(server, asked(played))
    calls = waiting(json.loads(b"".join(chunks))["output"])
    nobody = Received("WEBSOCKET", "/v1/responses", "", (), b"")
    event = Steer("steer_1", "resp_1", "Wait", nobody, 2).pending(calls) | {"sequence_number": 0}
    known = ResponseSteerPendingEvent.model_validate(event, strict=True)
    assert [stub.type for stub in known.required_input] == required
    assert not strangers(known)


def test_a_refusal_can_be_steered_away_from() -> None:
    """With a delay any response is open to a steer, and what it had refused so far is kept."""
    with running_server(delay_ms=10) as slow, dialled(slow) as socket:
        target, _ = begun(socket, text="A passport stamp, please")
        hear_until(socket, "response.refusal.delta")
        steer(socket, target, "What to pack?")
        ended = hear_until(socket, "response.incomplete")[-1]["response"]
        [message] = ended["output"]
        assert "I can't help".startswith(message["content"][0]["refusal"][:5])
        assert hear_out(socket)[-1]["type"] == "response.completed"
