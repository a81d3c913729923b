"""Every output item and every event of the API: some scene produces it, and the SDK takes it."""

from typing import Any, get_args

import pytest
from openai import OpenAI
from openai.types import responses as sdk
from pydantic import BaseModel
from scripted import EVENTS, MODEL, WITHOUT_END, asked, played, strangers

from respool.demo.scene import Scene
from respool.demo.script import SCENES
from respool.demo.server import RunningServer

PLAYABLE = [scene for scene in SCENES if scene.trouble not in WITHOUT_END]
CALM = [scene for scene in PLAYABLE if scene.trouble is None]
ITEMS = {
    get_args(item.model_fields["type"].annotation)[0]: item
    for item in get_args(get_args(sdk.ResponseOutputItem)[0])
}
NEVER_SENT = {
    "response.audio.delta": "no model answers with sound over this API",
    "response.audio.done": "no model answers with sound over this API",
    "response.audio.transcript.delta": "no model answers with sound over this API",
    "response.audio.transcript.done": "no model answers with sound over this API",
}


class Party(BaseModel):
    """What a program might want to know of a booking."""

    guests: int
    names: list[str]
    paid: bool
    deposit: float | None


@pytest.fixture(scope="module")
def responses(server: RunningServer) -> list[dict[str, Any]]:
    """All responses of all scenes, to their ends, and of one scene in other ways."""
    pack = next(scene for scene in SCENES if scene.cue == "pack")
    compacting = [{"type": "compaction", "compact_threshold": 1}]
    others: list[dict[str, Any]] = [
        {"background": True},
        {"max_output_tokens": 20},
        {"context_management": compacting},
    ]
    return [
        *(response for scene in PLAYABLE for response in played(server, scene)),
        *(response for other in others for response in played(server, pack, **other)),
    ]


@pytest.mark.parametrize("kind", ITEMS)
def test_some_scene_makes_every_item(responses: list[dict[str, Any]], kind: str) -> None:
    """Each member of the SDK's union of output items comes, valid in strict mode."""
    made = [item for response in responses for item in response["output"] if item["type"] == kind]
    assert made, f"no scene makes a {kind}"
    for item in made:
        assert not strangers(ITEMS[kind].model_validate(item, strict=True))


@pytest.mark.parametrize("kind", EVENTS)
def test_some_scene_sends_every_event(responses: list[dict[str, Any]], kind: str) -> None:
    """Each member of the SDK's union of events comes, but for those that no server sends."""
    sent = {event["type"] for response in responses for event in response["events"]}
    assert (kind in sent) == (kind not in NEVER_SENT)


def test_every_annotation_comes_and_stands_where_it_says(responses: list[dict[str, Any]]) -> None:
    """All four kinds of annotations come, with their places inside the text."""
    notes = [
        (note, part["text"])
        for response in responses
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
        for note in part.get("annotations", [])
    ]
    kinds = {"file_citation", "url_citation", "container_file_citation", "file_path"}
    assert {note["type"] for note, _ in notes} == kinds
    for note, text in notes:
        start, end = note.get("start_index", note.get("index")), note.get("end_index", 0)
        assert 0 <= start < max(end, start + 1) <= len(text)


@pytest.mark.parametrize("scene", [s for s in CALM if len(s.moves) > 1], ids=lambda s: s.cue)
def test_a_scene_ends_when_its_calls_are_answered(server: RunningServer, scene: Scene) -> None:
    """With the item that answers each call, every scene goes on, and ends with a message."""
    *calling, last = played(server, scene, include=[])
    assert len(calling) == len(scene.moves) - 1
    assert last["output"][-1]["type"] == "message"


def test_an_approval_is_named_by_the_call_that_it_allowed(server: RunningServer) -> None:
    """The MCP call bears the id of the request that was approved; denied, it does not happen."""
    scene = next(scene for scene in SCENES if scene.cue == "museum tickets")
    first, second = played(server, scene)
    request, call = first["output"][-1], second["output"][0]
    assert call["approval_request_id"] == request["id"]
    client = OpenAI(base_url=server.base_url, api_key="k")
    denied = client.responses.create(
        model=MODEL,
        input=[
            {"role": "user", "content": scene.cue},
            *first["output"],
            {
                "type": "mcp_approval_response",
                "approval_request_id": request["id"],
                "approve": False,
            },
        ],
    )
    client.close()
    assert [item.type for item in denied.output] == ["message"]


def test_results_come_only_if_they_are_asked_for(client: OpenAI) -> None:
    """Search results, code outputs, sources and logprobs are left out without `include`."""
    files, _ = client.responses.create(model=MODEL, input="travel notes").output
    assert files.type == "file_search_call"
    assert files.results is None
    code, message = client.responses.create(model=MODEL, input="split the bill").output
    assert code.type == "code_interpreter_call"
    assert code.outputs is None
    assert message.type == "message"
    assert message.content[0].to_dict()["logprobs"] == []


@pytest.mark.parametrize("scene", CALM, ids=lambda scene: scene.cue)
def test_the_sdk_takes_every_scene(client: OpenAI, scene: Scene) -> None:
    """As JSON, as raw events and through the stream helper, the same kinds of items come."""
    request = asked(scene)
    kinds = [item.type for item in client.responses.create(**request).output]
    *_, last = client.responses.create(**request, stream=True)
    assert last.type == "response.completed"
    assert [item.type for item in last.response.output] == kinds
    with client.responses.stream(**request) as stream:
        stream.until_done()
        assert [item.type for item in stream.get_final_response().output] == kinds


@pytest.mark.parametrize("text", ["What to pack?", "train timetable", "Something else"])
def test_structured_output_fits_its_schema(client: OpenAI, text: str) -> None:
    """Parsed, every answer is an object of the type that was asked for, and streams likewise."""
    parsed = client.responses.parse(model=MODEL, input=text, text_format=Party).output_parsed
    assert parsed
    assert parsed.names[0]
    with client.responses.stream(model=MODEL, input=text, text_format=Party) as stream:
        assert stream.get_final_response().output_parsed == parsed


def test_a_json_object_is_one(client: OpenAI) -> None:
    """Without a schema, what is said stands in an object of one member."""
    answer = client.responses.create(
        model=MODEL, input="haven't got a scene", text={"format": {"type": "json_object"}}
    )
    assert answer.output_text.startswith('{"answer":"You wrote')
