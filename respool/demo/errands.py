"""The demo's errands: everything else that a client can do with the API, each once.

Hosted tools, tools that are not functions, approvals, a response in the background that is fetched
and deleted, compaction by wish and by itself, a WebSocket with a steered response, and endpoints
beside `/responses`. Like the agent they have no clock and no chance in them.
"""

from collections.abc import Iterable
from typing import Any

from openai import OpenAI
from pydantic import BaseModel

from respool.demo.answering import answer
from respool.demo.journal import MODEL, Journal

Json = dict[str, Any]  # Any: what the SDK takes and gives, as JSON objects

_ENDS = ("response.completed", "response.incomplete", "response.failed", "error")
_TOOLS: tuple[tuple[str, Json], ...] = (
    ("Is there a train timetable for Nara?", {"type": "web_search"}),
    ("What do my travel notes say?", {"type": "file_search", "vector_store_ids": ["vs_notes"]}),
    (
        "Split the bill for us.",
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ),
    ("Draw me a postcard.", {"type": "image_generation", "partial_images": 2}),
    (
        "Get us museum tickets.",
        {
            "type": "mcp",
            "server_label": "museum",
            "server_url": "https://museum.example/mcp",
            "require_approval": "always",
        },
    ),
    ("Use my own shell.", {"type": "shell", "environment": {"type": "local"}}),
    ("Please fix the itinerary.", {"type": "apply_patch"}),
    (
        "Any tool for tides?",
        {"type": "tool_search", "execution": "client", "parameters": {"type": "object"}},
    ),
)
"""What is asked, and the tool that it takes."""


def run_errands(client: OpenAI, journal: Journal) -> None:
    """All of them. Raises OpenAIError where it does not expect one."""
    _Errands(client, journal).run()


class _Errands:
    """One run of them."""

    def __init__(self, client: OpenAI, journal: Journal) -> None:
        self._client = client
        self._create: Any = client.responses.create  # Any: it is given JSON, which its types refuse
        self._journal = journal

    def run(self) -> None:
        """One after the other."""
        for question, tool in _TOOLS:
            self._with_tool(question, tool)
        self._in_the_background("What should I pack?")
        self._cancelled("Think it all over again.")
        self._compacted_on_the_way()
        self._over_a_websocket()
        self._elsewhere()

    def _with_tool(self, question: str, tool: Json) -> None:
        """Ask, and answer what the model calls, until nothing waits for an answer."""
        history: list[Any] = [{"role": "user", "content": question}]
        waiting: list[Json] = [{}]
        while waiting:
            asked = {"model": MODEL, "input": history, "tools": [tool], "store": False}
            with self._create(**asked, stream=True) as stream:
                events = [_plain(event) for event in stream]
            items = events[-1]["response"]["output"]
            waiting = [given for item in items if (given := answer(item))]
            history += [*items, *waiting]
            came = ", ".join(item["type"] for item in items)
            self._journal.add(MODEL, "stream", question, came, "stream", events=events)

    def _in_the_background(self, question: str) -> None:
        responses = self._client.responses
        made = responses.create(model=MODEL, input=question, background=True)
        self._note("queue", question, made.status or "", made)
        while made.status in ("queued", "in_progress"):
            made = responses.retrieve(made.id)
            self._note("poll", "(is it done?)", made.status or "", made)
        with responses.retrieve(made.id, stream=True, starting_after=4) as stream:
            events = [_plain(event) for event in stream]
        came = f"{len(events)} events"
        self._journal.add(MODEL, "resume", "(from event 5 on)", came, "stream", events=events)
        items = [_plain(item) for item in responses.input_items.list(made.id, limit=1)]
        self._note(
            "items", "(what was asked?)", f"{len(items)} item{'s' * (len(items) != 1)}", *items
        )
        counted = responses.input_tokens.count(model=MODEL, input=question)
        self._note("count", question, f"{counted.input_tokens} tokens", counted)
        responses.delete(made.id)
        self._note("delete", f"({made.id[:12]}…)", "deleted")

    def _cancelled(self, question: str) -> None:
        made = self._client.responses.create(model=MODEL, input=question, background=True)
        ended = self._client.responses.cancel(made.id)
        self._note("cancel", question, ended.status or "", ended)

    def _compacted_on_the_way(self) -> None:
        """By wish, at the end of an input; and by itself, where the input has become too long."""
        told = {"role": "user", "content": "I like trains, temples and noodles. " * 40}
        ask: Json = {"model": MODEL, "store": False}
        wished = self._create(**ask, input=[told, {"type": "compaction_trigger"}])
        self._note("trigger", "(please compact)", _kinds(wished), wished)
        limit = [{"type": "compaction", "compact_threshold": 200}]
        by_itself = self._create(
            **ask,
            input=[told, {"role": "user", "content": "What should I pack?"}],
            context_management=limit,
        )
        self._note("due", "(a long story)", _kinds(by_itself), by_itself)

    def _over_a_websocket(self) -> None:
        """Two turns in one connection, the second of which is steered."""
        heard: list[Json] = []
        with self._client.responses.connect() as connection:

            def hear(until: Iterable[str]) -> Json:
                heard.append(_plain(connection.recv()))
                while heard[-1]["type"] not in until:
                    heard.append(_plain(connection.recv()))
                response: Json = heard[-1]["response"]
                return response

            ask: Json = {"model": MODEL, "store": False, "reasoning": {"effort": "none"}}
            connection.response.create(**ask, input="What should I pack?")
            first = hear(_ENDS)
            connection.response.create(
                **ask, input="Take me on a long walk.", previous_response_id=first["id"]
            )
            walk = hear(("response.created",))
            connection.response.steer(
                input="No: what should I pack?", previous_response_id=walk["id"]
            )
            hear(_ENDS)
            hear(_ENDS)
        came = f"{len(heard)} messages"
        self._journal.add(MODEL, "socket", "(three turns)", came, "stream", events=heard)

    def _elsewhere(self) -> None:
        """What is no part of `/responses`."""
        models = [_plain(model) for model in self._client.models.list()]
        self._note("models", "(which are there?)", f"{len(models)} models", *models)
        talk = self._client.conversations.create(metadata={"topic": "trip"})
        self._note("talk", "(a conversation)", talk.id[:12] + "…", talk)

    def _note(self, way: str, asked: str, came: str, *whole: BaseModel | Json) -> None:
        got = [_plain(each) if isinstance(each, BaseModel) else each for each in whole]
        self._journal.add(MODEL, way, asked, came, "response", got=got)


def _plain(model: Any) -> Json:  # Any: one of the SDK's many models
    """What the server sent, as the SDK understood it."""
    said: Json = model.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    return said


def _kinds(response: Any) -> str:  # Any: as above
    return ", ".join(item.type for item in response.output)
