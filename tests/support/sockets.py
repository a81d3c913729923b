"""Shared by the tests of the scripted server's WebSocket: dialling, asking and hearing."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any, get_args

from openai.types.responses.responses_server_event import ResponsesServerEvent
from scripted import MODEL, strangers
from websockets.sync.client import ClientConnection, connect

from respool.demo.server import RunningServer

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")
SERVER_EVENTS = {
    get_args(event.model_fields["type"].annotation)[0]: event
    for event in get_args(get_args(ResponsesServerEvent)[0])
}


@contextlib.contextmanager
def dialled(
    server: RunningServer,
    headers: dict[str, str] | None = None,
    beneath: str = "",
    **options: Any,
) -> Iterator[ClientConnection]:
    """A WebSocket to the server, with a key."""
    named = {"authorization": "Bearer sk-test"} | (headers or {})
    url = server.websocket_url + beneath
    dialling = connect(url, additional_headers=named, proxy=None, max_queue=None, **options)
    with dialling as socket:
        yield socket


def say(socket: ClientConnection, text: str | None = None, **fields: Any) -> None:
    """Ask for a response."""
    asked = {} if text is None else {"input": text}
    socket.send(json.dumps({"type": "response.create", "model": MODEL} | asked | fields))


def steer(socket: ClientConnection, response_id: str, given: object) -> None:
    """Steer a response."""
    message = {"type": "response.steer", "previous_response_id": response_id, "input": given}
    socket.send(json.dumps(message))


def hear(socket: ClientConnection) -> dict[str, Any]:
    """The next event; it must be one of the SDK's, in strict mode."""
    event: dict[str, Any] = json.loads(socket.recv(timeout=10))
    known = SERVER_EVENTS[event["type"]].model_validate(event, strict=True)
    assert strangers(known) <= {".obfuscation", ".response.store"}
    return event


def hear_until(socket: ClientConnection, *kinds: str) -> list[dict[str, Any]]:
    """Events up to the first of one of these types."""
    events = [hear(socket)]
    while events[-1]["type"] not in kinds:
        events.append(hear(socket))
    return events


def hear_out(socket: ClientConnection) -> list[dict[str, Any]]:
    """Events up to the end of a response."""
    return hear_until(socket, *ENDS)


def answer(socket: ClientConnection, text: str | None = None, **fields: Any) -> dict[str, Any]:
    """The response to what is said."""
    say(socket, text, **fields)
    response: dict[str, Any] = hear_out(socket)[-1]["response"]
    return response
