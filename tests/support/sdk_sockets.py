"""A conversation of the official SDK over a WebSocket, with both of its clients.

Several responses one after another, one that is only prepared, two lanes at once, a steered
response and an error. What comes is gathered by lane, as lanes may alternate in any way.
"""

from collections.abc import Iterator
from typing import Any

from openai import AsyncOpenAI, OpenAI

MODEL = "gpt-5.1"
ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
QUICKLY: dict[str, Any] = {"model": MODEL, "reasoning": {"effort": "none"}}

type Event = dict[str, Any]
type Heard = dict[str | None, list[Event]]
type Turn = tuple[str, dict[str, Any], int]
"""Method of `connection.response`, its arguments, and how many responses end before the next."""


def script(heard: Heard) -> Iterator[Turn]:
    """The turns; those that depend on what was heard look it up."""
    yield "create", {**QUICKLY, "input": "What should I pack?"}, 1
    before = _last(heard, None)["response"]["id"]
    yield "create", {**QUICKLY, "input": "And in winter?", "previous_response_id": before}, 1
    yield "create", {**QUICKLY, "input": "Get ready.", "generate": False}, 1
    yield "create", {**QUICKLY, "input": "What should I pack?", "stream_id": "a"}, 0
    yield "create", {**QUICKLY, "input": "Something else.", "stream_id": "b"}, 2
    yield "create", {**QUICKLY, "input": "Take me on a long walk.", "store": False}, -1
    begun = _last(heard, None)["response"]["id"]
    yield "steer", {"input": "What should I pack?", "previous_response_id": begun}, 2
    yield "create", {**QUICKLY, "input": "Hm.", "previous_response_id": "resp_unheard_of"}, 1


def _last(heard: Heard, lane: str | None) -> Event:
    return heard[lane][-1]


def _note(heard: Heard, event: Any) -> bool:  # Any: one of the SDK's many event types
    """Keep an event; whether it is the end of a response."""
    said = event.model_dump(mode="json", exclude_unset=True, warnings=False)
    heard.setdefault(said.get("stream_id"), []).append(said)
    return said["type"] in ENDS


def converse(client: OpenAI) -> Heard:
    """What is heard, by lane."""
    heard: Heard = {}
    with client.responses.connect() as connection:
        for method, arguments, ends in script(heard):
            getattr(connection.response, method)(**arguments)
            if ends < 0:  # only its beginning
                _note(heard, connection.recv())
            while ends > 0:
                ends -= _note(heard, connection.recv())
    return heard


async def converse_async(client: AsyncOpenAI) -> Heard:
    """The same."""
    heard: Heard = {}
    async with client.responses.connect() as connection:
        for method, arguments, ends in script(heard):
            await getattr(connection.response, method)(**arguments)
            if ends < 0:
                _note(heard, await connection.recv())
            while ends > 0:
                ends -= _note(heard, await connection.recv())
    return heard
