"""The agent of the demo: plans a trip with the official SDK, over some dozen turns.

It is what an application looks like to respool: it knows nothing of recording, takes its server and
key from the environment (`OPENAI_BASE_URL`, `OPENAI_API_KEY`), keeps the conversation itself and
sends all of it at every turn. It has no clock and no chance in it: as long as the answers are the
same, so are its requests, byte for byte. What came is written down, so that two runs compare.
"""

import json
from collections.abc import Iterable
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Literal, TypedDict

import click
from openai import BadRequestError, Omit, OpenAI, OpenAIError, omit
from openai.types.responses import (
    FunctionToolParam,
    Response,
    ResponseFunctionToolCall,
    ResponseIncludable,
)
from openai.types.shared_params import Reasoning
from pydantic import BaseModel

from respool.demo import tools
from respool.demo.errands import run_errands
from respool.demo.journal import MODEL, Journal

SMALL_MODEL = "gpt-5-mini"
MAX_ROUNDS = 8
_INSTRUCTIONS = (
    "You plan trips for people who live in Zürich. Look things up before you recommend them, "
    "give prices in CHF, and keep it short."
)

type Way = Literal["json", "stream", "helper"]
"""How an answer travels: as JSON, as raw events, or through the SDK's `responses.stream()`."""

type History = list[Any]
# Any: the SDK takes its own output models back as input, which its annotations do not say.


class _Settings(TypedDict):
    instructions: str
    tools: list[FunctionToolParam]
    store: bool
    include: list[ResponseIncludable]
    reasoning: Reasoning
    max_output_tokens: int | Omit


class Agent:
    """One conversation with one model."""

    def __init__(self, client: OpenAI, journal: Journal, model: str = MODEL) -> None:
        self._client = client
        self._journal = journal
        self._model = model
        self._history: History = []

    def ask(self, question: str, *ways: Way, max_output_tokens: int | None = None) -> None:
        """Ask, and run the tools that the model calls, until it has said what it has to say.

        The turns of this question take the given ways one after the other.
        """
        said = question
        self._history.append({"role": "user", "content": question})
        for way in islice(cycle(ways), MAX_ROUNDS):
            response = self._answer(way, said, max_output_tokens or omit)
            self._history += response.output
            calls = [item for item in response.output if item.type == "function_call"]
            if response.status != "completed" or not calls:
                return
            self._history += [_run(call) for call in calls]
            said = f"({len(calls)} tool output{'s' * (len(calls) > 1)})"
        raise click.ClickException(f"the model still calls tools after {MAX_ROUNDS} rounds")

    def ask_too_much(self, question: str) -> None:
        """Ask what the server rejects; note the error and forget the question."""
        before = len(self._history)
        try:
            self.ask(question, "json")
        except BadRequestError as error:
            del self._history[before:]
            came = f"error {error.status_code}: {error.code}"
            whole = {"status_code": error.status_code, "body": error.body}
            self._journal.add(self._model, "json", question, came, "error", **whole)

    def compact(self) -> None:
        """Have the conversation compacted, and go on from what comes back."""
        compacted = self._client.responses.compact(
            model=self._model, input=self._history, instructions=_INSTRUCTIONS
        )
        asked, came = f"({len(self._history)} items)", f"({len(compacted.output)} items)"
        whole = {"response": _dump(compacted)}
        self._journal.add(self._model, "compact", asked, came, "compaction", **whole)
        # The SDK types compacted user messages as the assistant's and warns when it dumps them.
        self._history = [_dump(item) for item in compacted.output]

    def _answer(self, way: Way, said: str, max_output_tokens: int | Omit) -> Response:
        settings = _Settings(
            instructions=_INSTRUCTIONS,
            tools=tools.definitions(),
            store=False,
            include=["reasoning.encrypted_content"],
            reasoning={"effort": "medium", "summary": "auto"},
            max_output_tokens=max_output_tokens,
        )
        create, history, model = self._client.responses.create, self._history, self._model
        if way == "json":
            response = create(model=model, input=history, **settings)
            came = _summary(response)
            self._journal.add(model, way, said, came, "response", response=_dump(response))
            return response
        if way == "stream":
            with create(model=model, input=history, stream=True, **settings) as stream:
                events: list[Any] = list(stream)
        else:
            with self._client.responses.stream(model=model, input=history, **settings) as parsed:
                events = list(parsed)
        response = _last_response(events)
        whole = {"events": [_dump(event) for event in events]}
        self._journal.add(model, way, said, _summary(response), "stream", **whole)
        return response


def plan_trip(client: OpenAI, journal: Journal) -> None:
    """The whole program. Raises OpenAIError where it does not expect one."""
    agent = Agent(client, journal)
    agent.ask("I have four days off in November. Kyoto or Lisbon?", "stream", "json", "helper")
    agent.ask("Find me a ryokan in Gion for 120 CHF a night.", "json", "stream", "json")
    agent.ask("Can you make me a passport stamp, as a souvenir?", "stream")
    agent.ask("Tell me about the Golden Pavilion.", "stream", max_output_tokens=64)
    agent.ask_too_much("Here is the whole guidebook. What did we miss?")
    agent.compact()
    agent.ask("Good, go ahead and book the flight and the room.", "helper", "stream")
    interpreter = Agent(client, journal, SMALL_MODEL)
    interpreter.ask("How do I say in Japanese that I arrive late, but before six?", "json")
    agent.ask("And what should I pack?", "helper")


def _run(call: ResponseFunctionToolCall) -> dict[str, str]:
    output = tools.run(call.name, call.arguments)
    return {"type": "function_call_output", "call_id": call.call_id, "output": output}


def _last_response(events: Iterable[Any]) -> Response:
    ends = ("response.completed", "response.incomplete", "response.failed")
    last = [event.response for event in events if event.type in ends]
    if not last:
        raise click.ClickException("the stream ended before its response did")
    response: Response = last[-1]
    return response


def _dump(model: BaseModel) -> dict[str, Any]:
    """What the server sent, as the SDK understood it."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)


def _summary(response: Response) -> str:
    """One line about an answer."""
    came = []
    if response.incomplete_details:
        came.append(f"incomplete, {response.incomplete_details.reason}")
    for item in response.output:
        if item.type == "function_call":
            whole = response.status == "completed"
            values = json.loads(item.arguments).values() if whole else [item.arguments]
            came.append(f"{item.name}({', '.join(map(str, values))})")
        elif item.type == "message":
            came += [
                part.text if part.type == "output_text" else f"refused: {part.refusal}"
                for part in item.content
            ]
    return "; ".join(came)


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what came to this file, one JSON line per answer.",
)
@click.option("--errands", is_flag=True, help="Use the rest of the API as well.")
def main(out: Path, errands: bool) -> None:
    """Plan a trip with the server at OPENAI_BASE_URL."""
    try:
        with OpenAI() as client, out.open("w", encoding="utf-8") as transcript:
            journal = Journal(transcript)
            plan_trip(client, journal)
            if errands:
                run_errands(client, journal)
    except OpenAIError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
