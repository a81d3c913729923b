"""The official SDK's whole `client.responses`, through record and, with the server gone, replay."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from harness import KEY, recording, replaying
from openai import AsyncOpenAI, OpenAI
from openai.resources.responses import Responses
from sdk_sockets import converse, converse_async
from sdk_surface import STEPS, run_async, run_sync

from respool.demo.server import running_server


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Where the recording goes."""
    return tmp_path / "out.jsonl"


def over_http(base_url: str) -> Any:
    """All steps, with the SDK's ordinary client."""
    with OpenAI(base_url=base_url, api_key=KEY) as client:
        return run_sync(client)


def over_http_async(base_url: str) -> Any:
    """All steps, with the SDK's asynchronous client."""

    async def program() -> Any:
        async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
            return await run_async(client)

    return asyncio.run(program())


def over_websocket(base_url: str) -> Any:
    """A conversation on `client.responses.connect()`."""
    with OpenAI(base_url=base_url, api_key=KEY) as client:
        return converse(client)


def over_websocket_async(base_url: str) -> Any:
    """The same with the SDK's asynchronous client."""

    async def program() -> Any:
        async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
            return await converse_async(client)

    return asyncio.run(program())


# What the SDK's own synchronous WebSocket does, since websockets 17.1.
@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")
@pytest.mark.parametrize(
    "program", [over_http, over_http_async, over_websocket, over_websocket_async]
)
def test_the_surface_is_recorded_and_replayed(tape: Path, program: Any) -> None:
    """Each call gets what it gets from the server itself, and the same again without it."""
    with running_server(seed="s") as server:
        direct = program(server.base_url)
    with running_server(seed="s") as server, recording(server.base_url, tape) as proxy:
        recorded = program(proxy.base_url)
        assert proxy.stop() == 0
    assert recorded == direct
    with replaying(tape) as player:
        replayed = program(player.base_url)
        player.stop()
    assert replayed == recorded
    assert player.said[-1].endswith(", 0 misses"), player.said


def test_only_what_must_fail_fails() -> None:
    """The steps that show errors get them, and no other does; each gets something."""
    with running_server(seed="s") as server:
        seen = over_http(server.base_url)
    failed = {
        name for name, got in seen.items() if isinstance(got, list) and "Error" in str(got[0])
    }
    assert failed == {"cancel_what_cannot_be", "retrieve_what_is_gone"}
    polls = ("create_in_the_background", "poll", "poll_again", "poll_until_it_is_done")
    assert [seen[name]["status"] for name in polls] == [
        "queued",
        "in_progress",
        "completed",
        "completed",
    ]
    assert seen["cancel"]["status"] == "cancelled"
    assert len(seen["retrieve_as_a_stream"]) - len(seen["retrieve_the_rest_of_a_stream"]) == 4
    assert len(seen["input_items"]) == 4  # page after page: two questions, a thought and an answer
    assert seen["delete"] is None
    assert [name for name, got in seen.items() if got is None] == ["delete"]


def test_no_method_of_the_sdk_is_left_out() -> None:
    """A method that a later SDK adds to `client.responses` fails here, by its name."""
    used = {"create", "retrieve", "cancel", "compact", "delete", "parse", "stream", "connect"}
    used |= {"input_items", "input_tokens", "with_raw_response", "with_streaming_response"}
    assert {name for name in dir(Responses) if not name.startswith("_")} == used
    assert len(STEPS) > len(used)
