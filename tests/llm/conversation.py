"""What a program with the official SDK asks a small model: each way of asking once, all short.

It has no clock and no chance in it: as long as the answers are the same, so are its requests.
"""

from dataclasses import dataclass
from typing import Any

from openai import APIStatusError, OpenAI
from openai.types.responses import Response

MODEL = "gemma-3-270m"
LIMIT = 12
"""The `max_output_tokens` of the answer that is cut off, in tokens."""

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Weather of a city",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
OSLO = [
    {"role": "user", "content": "What is the weather in Oslo?"},
    {
        "type": "function_call",
        "call_id": "call_oslo",
        "name": "weather",
        "arguments": '{"city": "Oslo"}',
    },
    {"type": "function_call_output", "call_id": "call_oslo", "output": "rain"},
    {
        "type": "message",
        "id": "msg_oslo",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "It rains in Oslo.", "annotations": []}],
    },
]
"""A call as the model is to make one: a base model learns from the example, not from the tool."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came: the bytes of a body, the JSON of each event, or status and body of an error."""

    came: bytes | list[dict[str, object]] | tuple[int, object]
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks the model that `client` leads to."""

    client: OpenAI

    def whole(self, **asked: Any) -> Turn:  # Any: the test's own JSON, odd on purpose
        """The answer as one body."""
        raw = self.client.responses.with_raw_response.create(**self._settled(asked))
        return Turn(raw.content, raw.parse())

    def streamed(self, **asked: Any) -> Turn:  # Any: as above
        """The answer as raw events, of which the last one carries the response."""
        events = list(self.client.responses.create(**self._settled(asked), stream=True))
        return Turn([event.to_dict(warnings=False) for event in events], events[-1].response)

    def refused(self, **asked: Any) -> Turn:  # Any: as above
        """The error that must come."""
        try:
            self.client.responses.create(**self._settled(asked))
        except APIStatusError as error:
            return Turn((error.status_code, error.body))
        raise AssertionError("no error came")

    def _settled(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"model": MODEL, "temperature": 0, "max_output_tokens": 48, **asked}


def user(text: str) -> dict[str, str]:
    """An input item: what a user says."""
    return {"role": "user", "content": text}


def converse(client: OpenAI) -> dict[str, Turn]:
    """The whole program: every turn by its name, in order."""
    asking = Asking(client)
    turns = {"plain": asking.whole(input="What is the capital of France?")}

    history = [user("What is the capital of France?"), *turns["plain"].response.output]
    history.append(user("What is the capital of Italy?"))
    turns["second"] = asking.whole(input=history)
    history += [*turns["second"].response.output, user("What is the capital of Japan?")]
    turns["third, streamed"] = asking.streamed(input=history)

    endless = "Which whole numbers are there?"
    turns["cut off"] = asking.whole(input=endless, max_output_tokens=LIMIT)
    turns["cut off, streamed"] = asking.streamed(input=endless, max_output_tokens=LIMIT)

    offering: dict[str, Any] = {"tools": [WEATHER], "parallel_tool_calls": False}  # Any: as above
    kyoto = [*OSLO, user("What is the weather in Kyoto?")]
    turns["call"] = asking.whole(input=kyoto, **offering)
    turns["call, streamed"] = asking.streamed(input=kyoto, **offering)
    call = turns["call, streamed"].response.output[-1]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
    turns["called"] = asking.whole(input=[*kyoto, call, output], **offering)

    turns["unsupported"] = asking.refused(input="Go on.", previous_response_id="resp_unknown")
    turns["malformed"] = asking.refused(input=[{"type": "nonsense"}])
    return turns
