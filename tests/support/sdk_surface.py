"""The whole `client.responses` surface of the official SDK, as one program for both its clients.

A step gets a client and what the steps before it got, and answers with whatever the SDK answers
with: a model, a stream, a page, an awaitable of one. `run_sync` and `run_async` take all of it in
and answer with plain values, so that two runs compare. What the SDK raises is a result as well.
"""

import inspect
from collections.abc import Callable
from typing import Any

from openai import APIError, AsyncOpenAI, OpenAI
from pydantic import BaseModel

MODEL = "gpt-5.1"
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}

type Client = OpenAI | AsyncOpenAI
type Seen = dict[str, Any]
type Step = Callable[[Any, Seen], Any]  # Any: the two clients share their methods, not a type


class Trip(BaseModel):
    """What `parse` is asked for."""

    city: str
    days: int
    sights: list[str]


STEPS: dict[str, Step] = {}


def step(call: Step) -> Step:
    """Add a step, under its name."""
    STEPS[call.__name__] = call
    return call


@step
def create(client: Any, _: Seen) -> Any:
    return client.responses.create(model=MODEL, input="What should I pack?")


@step
def create_with_tools(client: Any, _: Seen) -> Any:
    return client.responses.create(model=MODEL, input="Kyoto or Lisbon?", tools=[TOOL])


@step
def create_as_a_raw_stream(client: Any, _: Seen) -> Any:
    return client.responses.create(model=MODEL, input="What should I pack?", stream=True)


@step
def stream_helper(client: Any, _: Seen) -> Any:
    return client.responses.stream(model=MODEL, input="Tell me about the Golden Pavilion.")


@step
def parse(client: Any, _: Seen) -> Any:
    return client.responses.parse(model=MODEL, input="A trip, please.", text_format=Trip)


@step
def stream_helper_that_parses(client: Any, _: Seen) -> Any:
    return client.responses.stream(model=MODEL, input="A trip, please.", text_format=Trip)


@step
def go_on(client: Any, seen: Seen) -> Any:
    return client.responses.create(
        model=MODEL, input="And in winter?", previous_response_id=seen["create"]["id"]
    )


@step
def count_input_tokens(client: Any, _: Seen) -> Any:
    return client.responses.input_tokens.count(model=MODEL, input="How long is this?")


@step
def create_in_the_background(client: Any, _: Seen) -> Any:
    return client.responses.create(model=MODEL, input="What should I pack?", background=True)


@step
def poll(client: Any, seen: Seen) -> Any:
    return client.responses.retrieve(seen["create_in_the_background"]["id"])


@step
def poll_again(client: Any, seen: Seen) -> Any:
    return client.responses.retrieve(seen["create_in_the_background"]["id"])


@step
def poll_until_it_is_done(client: Any, seen: Seen) -> Any:
    return client.responses.retrieve(seen["create_in_the_background"]["id"])


@step
def retrieve_with_include(client: Any, seen: Seen) -> Any:
    return client.responses.retrieve(seen["create"]["id"], include=["message.output_text.logprobs"])


@step
def retrieve_as_a_stream(client: Any, seen: Seen) -> Any:
    return client.responses.retrieve(seen["create"]["id"], stream=True)


@step
def retrieve_the_rest_of_a_stream(client: Any, seen: Seen) -> Any:
    return client.responses.retrieve(seen["create"]["id"], stream=True, starting_after=3)


@step
def resume_with_the_stream_helper(client: Any, seen: Seen) -> Any:
    ident = seen["stream_helper"][-1]["id"]
    return client.responses.stream(response_id=ident, starting_after=2)


@step
def stream_in_the_background(client: Any, _: Seen) -> Any:
    return client.responses.create(
        model=MODEL, input="What should I pack?", background=True, stream=True
    )


@step
def input_items(client: Any, seen: Seen) -> Any:
    return client.responses.input_items.list(seen["go_on"]["id"], limit=1, order="asc")


@step
def input_items_newest_first(client: Any, seen: Seen) -> Any:
    return client.responses.input_items.list(seen["go_on"]["id"])


@step
def compact(client: Any, _: Seen) -> Any:
    given = [
        {"role": "user", "content": "What should I pack?"},
        {"role": "assistant", "content": "A coat."},
    ]
    return client.responses.compact(model=MODEL, input=given, instructions="Keep it short.")


@step
def go_on_from_what_was_compacted(client: Any, seen: Seen) -> Any:
    given = [*seen["compact"]["output"], {"role": "user", "content": "And in winter?"}]
    return client.responses.create(model=MODEL, input=given)


@step
def create_to_cancel(client: Any, _: Seen) -> Any:
    return client.responses.create(model=MODEL, input="Whatever.", background=True)


@step
def cancel(client: Any, seen: Seen) -> Any:
    return client.responses.cancel(seen["create_to_cancel"]["id"])


@step
def cancel_what_cannot_be(client: Any, seen: Seen) -> Any:
    return client.responses.cancel(seen["create"]["id"])


@step
def delete(client: Any, seen: Seen) -> Any:
    return client.responses.delete(seen["create"]["id"])


@step
def retrieve_what_is_gone(client: Any, seen: Seen) -> Any:
    return client.responses.retrieve(seen["create"]["id"])


@step
def raw_response(client: Any, _: Seen) -> Any:
    return client.responses.with_raw_response.create(model=MODEL, input="Raw, please.")


@step
def streaming_response(client: Any, _: Seen) -> Any:
    return client.responses.with_streaming_response.create(model=MODEL, input="Raw, in parts.")


def run_sync(client: OpenAI) -> Seen:
    """What each step gets."""
    seen: Seen = {}
    for name, call in STEPS.items():
        try:
            seen[name] = _taken(call(client, seen))
        except APIError as error:
            seen[name] = [type(error).__name__, str(error)]
    return seen


def _taken(value: Any) -> Any:
    if hasattr(value, "__enter__") and not hasattr(value, "__next__"):
        with value as stream:
            if hasattr(stream, "parse"):
                return [stream.headers["content-type"], plain(stream.parse())]
            events = [plain(event) for event in stream]
            final = getattr(stream, "get_final_response", None)
            return [*events, plain(final())] if final else events
    if hasattr(value, "__next__") or hasattr(value, "has_next_page"):
        return [plain(entry) for entry in value]
    return plain(value)


async def run_async(client: AsyncOpenAI) -> Seen:
    """What each step gets."""
    seen: Seen = {}
    for name, call in STEPS.items():
        try:
            seen[name] = await _awaited(call(client, seen))
        except APIError as error:
            seen[name] = [type(error).__name__, str(error)]
    return seen


async def _awaited(value: Any) -> Any:
    if hasattr(value, "__aiter__"):
        return [plain(entry) async for entry in value]
    if inspect.isawaitable(value):
        value = await value
    if hasattr(value, "__aenter__") and not hasattr(value, "__anext__"):
        async with value as stream:
            if hasattr(stream, "parse"):
                return [stream.headers["content-type"], plain(await stream.parse())]
            events = [plain(event) async for event in stream]
            final = getattr(stream, "get_final_response", None)
            return [*events, plain(await final())] if final else events
    if hasattr(value, "__aiter__"):
        return [plain(entry) async for entry in value]
    return plain(value)


def plain(value: Any) -> Any:
    """What the server sent, as the SDK understood it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    if hasattr(value, "parse") and hasattr(value, "headers"):
        return [value.headers["content-type"], plain(value.parse())]
    return value
