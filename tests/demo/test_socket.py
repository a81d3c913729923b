"""Responses over WebSocket: the same events as over HTTP, on lanes of one connection."""

import contextlib
import json
import logging
from itertools import groupby
from typing import Any

import pytest
from openai import OpenAI
from scripted import MODEL, THINKING, asked, send
from sockets import answer, dialled, hear, hear_out, say
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from respool.demo import tools
from respool.demo.scene import Scene
from respool.demo.script import SCENES
from respool.demo.server import RunningServer, running_server

CALM = [scene for scene in SCENES if scene.trouble is None and not scene.halts]


@pytest.mark.parametrize("scene", CALM, ids=lambda scene: scene.cue)
def test_every_scene_is_the_same_over_websocket(server: RunningServer, scene: Scene) -> None:
    """The messages are the data of the stream's events, all but what is minted."""
    with dialled(server) as socket:
        say(socket, **asked(scene))
        events = hear_out(socket)
    _, _, chunks = send(server, asked(scene) | {"stream": True})
    data = [line[6:] for line in b"".join(chunks).split(b"\n") if line.startswith(b"data: ")]
    assert [event["type"] for event in events] == [json.loads(line)["type"] for line in data]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


@pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")  # the SDK's way
def test_the_sdk_talks_over_websocket(client: OpenAI) -> None:
    """Several responses come one after the other on the SDK's own connection."""
    with client.responses.connect() as connection:
        for text in ("Hi", "What to pack?"):
            connection.response.create(model=MODEL, input=text)
            kinds = []
            for event in connection:
                kinds.append(event.type)
                if event.type == "response.completed":
                    break
            assert kinds[0] == "response.created"
    assert event.response.output_text.startswith("A light coat")


def test_a_connection_remembers_what_is_not_stored(server: RunningServer) -> None:
    """Its own responses can be gone on from with store false, and nobody else's can."""
    with dialled(server) as socket:
        first = answer(socket, "What to pack?", store=False)
        then = answer(socket, "And?", store=False, previous_response_id=first["id"])
        assert then["usage"]["input_tokens"] > first["usage"]["input_tokens"]
    with dialled(server) as socket:
        say(socket, "And?", previous_response_id=first["id"], stream_id="x")
        error = hear(socket)
    assert error == {
        "type": "error",
        "status": 400,
        "error": {
            "type": "invalid_request_error",
            "code": "previous_response_not_found",
            "message": f"Previous response with id '{first['id']}' not found.",
            "param": "previous_response_id",
        },
        "stream_id": "x",
    }


def test_what_is_stored_is_shared_with_http(server: RunningServer, client: OpenAI) -> None:
    """A stored response of one transport can be gone on from over the other."""
    with dialled(server) as socket:
        first = answer(socket, "What to pack?")
        assert client.responses.retrieve(first["id"]).status == "completed"
        over_http = client.responses.create(
            model=MODEL, input="And?", previous_response_id=first["id"]
        )
        back = answer(socket, "And?", previous_response_id=over_http.id)
        assert back["status"] == "completed"


@pytest.mark.parametrize("wish", [{"generate": False}, {"prompt_cache_options": {"prewarm": True}}])
def test_a_connection_can_be_prepared(server: RunningServer, wish: dict[str, Any]) -> None:
    """Without generating, a response is created and completed at once, and can be gone on from."""
    with dialled(server) as socket:
        say(socket, "Kyoto or Lisbon?", tools=tools.definitions(), store=False, **wish)
        created, completed = hear_out(socket)
        assert (created["sequence_number"], completed["sequence_number"]) == (0, 1)
        assert completed["response"]["output"] == []
        assert completed["response"]["usage"]["output_tokens"] == 0
        then = answer(
            socket, tools=tools.definitions(), previous_response_id=created["response"]["id"]
        )
    assert [item["type"] for item in then["output"]][-3:] == ["function_call"] * 3


def test_lanes_run_side_by_side(server: RunningServer) -> None:
    """Events of two lanes mix, each bears its lane's name, and each lane is in order."""
    with dialled(server) as socket:
        say(socket, "A long walk", stream_id="a")
        say(socket, "What to pack?", stream_id="b")
        events = hear_out(socket)
        events += hear_out(socket)
    lanes = {name: [e for e in events if e["stream_id"] == name] for name in ("a", "b")}
    assert len(list(groupby(events, key=lambda event: event["stream_id"]))) > 4
    for lane in lanes.values():
        assert [event["sequence_number"] for event in lane] == list(range(len(lane)))
        assert lane[-1]["type"] == "response.completed"


@pytest.mark.parametrize("lane", [{}, {"stream_id": "a"}])
def test_a_lane_is_sequential(server: RunningServer, lane: dict[str, str]) -> None:
    """What is asked meanwhile waits for its turn, and may name the response before it."""
    with dialled(server) as socket:
        say(socket, "A long walk", **lane)
        say(socket, "What to pack?", **lane)
        first, second = hear_out(socket), hear_out(socket)
    assert first[-1]["response"]["output"][-1]["content"][0]["text"].startswith("Start at")
    assert second[-1]["response"]["output"][-1]["content"][0]["text"].startswith("A light")


def test_a_long_walk_halts(server: RunningServer) -> None:
    """After three deltas nothing comes until the client says something, whatever it is."""
    with dialled(server) as socket:
        say(socket, "A long walk", reasoning={"effort": "none"})
        kinds = [hear(socket)["type"] for _ in range(7)]
        assert kinds[-3:] == ["response.output_text.delta"] * 3
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)
        socket.send("?")
        assert {event["type"] for event in (hear(socket), hear(socket))} >= {"error"}
        assert hear_out(socket)[-1]["type"] == "response.completed"


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        b"\xff",
        '{"type":"response.destroy"}',
        '{"type":"response.create","model":"m","stream_id":7}',
        '{"type":"response.create","model":"m","background":true}',
        '{"type":"response.create"}',
    ],
)
def test_a_bad_message_gets_an_error(server: RunningServer, message: str | bytes) -> None:
    """What cannot be understood is answered with a nested error, and the connection goes on."""
    with dialled(server) as socket:
        socket.send(message)
        error = hear(socket)
        assert (error["type"], error["status"]) == ("error", 400)
        assert error["error"].keys() == {"message", "type", "param", "code"}
        assert answer(socket, "Hi")["status"] == "completed"


def test_troubles_come_in_the_transports_own_form(server: RunningServer) -> None:
    """A failed response, a broken one, a rate limit and a lost connection are each told apart."""
    with dialled(server) as socket:
        assert answer(socket, "The server is on fire")["status"] == "failed"
        say(socket, "The line goes dead")
        broken = hear_out(socket)[-1]
        assert (broken["status"], broken["error"]["code"]) == (500, "server_error")
        assert broken["sequence_number"] > 0
        say(socket, "Thanks in Japanese?")
        limited = hear(socket)
        assert (limited["status"], limited["error"]["headers"]["retry-after-ms"]) == (429, "20")
        assert answer(socket, "Thanks in Japanese?")["status"] == "completed"
        say(socket, "Into the tunnel")
        with pytest.raises(ConnectionClosedError):
            hear_out(socket)


@pytest.mark.parametrize(
    ("status", "headers", "beneath"),
    [(401, {"authorization": ""}, ""), (404, {}, "/resp_1")],
)
def test_an_upgrade_can_be_refused(
    server: RunningServer,
    status: int,
    headers: dict[str, str],
    beneath: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No key and no such endpoint are refused in the vendor's error shape, and not logged."""
    with pytest.raises(InvalidStatus) as raised, dialled(server, headers, beneath):
        pass
    assert raised.value.response.status_code == status
    assert raised.value.response.body
    assert json.loads(raised.value.response.body)["error"].keys() >= {"message", "code"}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_pings_are_answered_and_compression_is_offered(server: RunningServer) -> None:
    """A ping comes back, and messages are deflated where the client can."""
    with dialled(server) as socket:
        assert socket.ping().wait(10)
        assert [extension.name for extension in socket.protocol.extensions] == [
            "permessage-deflate"
        ]
        assert answer(socket, "x" * 100_000)["status"] == "completed"
    with dialled(server, compression=None) as socket:
        assert socket.protocol.extensions == []
        assert answer(socket, "Hi")["status"] == "completed"


def test_obfuscation_can_be_turned_off_over_websocket(server: RunningServer) -> None:
    """Deltas are padded, unless the request declines it."""
    with dialled(server) as socket:
        for wanted, options in ((True, {}), (False, {"include_obfuscation": False})):
            say(socket, "Hi", stream_options=options)
            deltas = [event for event in hear_out(socket) if "delta" in event]
            assert {"obfuscation" in event for event in deltas} == {wanted}


def test_messages_are_kept_as_they_came() -> None:
    """Each client message is a request of its own, with path and headers of the handshake."""
    with running_server() as server:
        with dialled(server, {"X-Own": "é"}) as socket:
            answer(socket, "Hi")
            socket.send(b"{ }")
            hear(socket)
        first, second = server.requests
    assert (first.method, first.path, first.query) == ("WEBSOCKET", "/v1/responses", "")
    assert (first.header("x-own"), first.json()["input"]) == ("é", "Hi")
    assert second.body == b"{ }"


def test_equal_seeds_give_equal_messages() -> None:
    """Two servers with one seed say the same over WebSocket."""

    def run() -> list[dict[str, Any]]:
        with running_server(seed="a") as server, dialled(server) as socket:
            events = []
            for _ in range(2):
                say(socket, "What to pack?", **THINKING)
                events += hear_out(socket)
            return events

    first = run()
    assert first == run()
    assert first[0] != first[len(first) // 2]


def test_closing_does_not_wait_for_a_halted_answer(caplog: pytest.LogCaptureFixture) -> None:
    """A client whose answer halts is sent a close when the server closes, and nothing is logged."""
    with contextlib.ExitStack() as dialling:
        with running_server() as server:
            socket = dialling.enter_context(dialled(server))
            say(socket, "A long walk", reasoning={"effort": "none"})
            for _ in range(7):
                hear(socket)
        with pytest.raises(ConnectionClosed) as raised:
            socket.recv(timeout=10)
    assert raised.value.rcvd
    assert raised.value.rcvd.code == 1012
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
