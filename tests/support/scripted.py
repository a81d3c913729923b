"""Shared by the tests of the scripted server: raw requests, streams and the SDK's types."""

import http.client
import json
from typing import Any, get_args
from urllib.parse import urlsplit

from openai.types import responses as sdk
from pydantic import BaseModel

from respool.demo import tools
from respool.demo.answering import answer
from respool.demo.kinds import waiting
from respool.demo.scenes.trip import TRIP as ON_THE_TRIP
from respool.demo.script import SCENES, Scene
from respool.demo.server import RunningServer

MODEL = "gpt-5.1"
TRIP = "Kyoto or Lisbon?"
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
EVERYTHING: dict[str, Any] = {
    "reasoning": {"effort": "medium", "summary": "auto"},
    "include": [*get_args(sdk.ResponseIncludable)],
    "top_logprobs": 2,
}
WITHOUT_END = ("too_long", "rate_limited_once", "drops")
CASES: list[tuple[str, dict[str, Any]]] = [
    *((s.cue, v) for s in ON_THE_TRIP if s.trouble not in WITHOUT_END for v in VARIANTS),
    *((s.cue, EVERYTHING | {"tools": [*s.tools]}) for s in SCENES if s not in ON_THE_TRIP),
    *((s.cue, {"max_output_tokens": 12}) for s in SCENES if s not in ON_THE_TRIP),
    *(("Something else", variant) for variant in VARIANTS),
]
"""What is said and the settings with it, for tests that hold for every answer."""

EVENTS = {
    get_args(event.model_fields["type"].annotation)[0]: event
    for event in get_args(get_args(sdk.ResponseStreamEvent)[0])
}


def asked(scene: Scene) -> dict[str, Any]:
    """A request that opens a scene, with all that a client can ask for."""
    offered = [*scene.tools] or tools.definitions()
    return {"model": MODEL, "input": scene.cue, **EVERYTHING, "tools": offered}


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


def played(server: RunningServer, scene: Scene, **options: Any) -> list[dict[str, Any]]:
    """The responses of a whole scene, whose calls a client answers, each with its events."""
    history: list[Any] = [{"role": "user", "content": scene.cue}]
    responses = []
    for _ in range(8):
        request = asked(scene) | {"input": history, "stream": True} | options
        _, _, chunks = send(server, request)
        events = parsed(chunks)
        response = events[-1].get("response", {"output": []})
        responses.append(response | {"events": events})
        history += response["output"]
        calls = waiting(response["output"])
        if not calls:
            return responses
        history += filter(None, map(answer, calls))
    raise AssertionError(f"{scene.cue} does not end")
