"""What the scripted server remembers: stored responses, conversations, compactions, files."""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import responses as sdk
from pydantic import TypeAdapter
from scripted import MODEL, THINKING, TRIP, played, send

from respool.demo.script import SCENES
from respool.demo.server import (
    RunningServer,
)


def test_compaction_keeps_what_the_user_said(server: RunningServer, client: OpenAI) -> None:
    """All user messages and one compaction item come back, and the conversation goes on from it."""
    asked: list[Any] = [{"role": "user", "content": text} for text in (TRIP, "What to pack?")]
    answer = client.responses.create(model=MODEL, input=asked, **THINKING)
    _, _, chunks = send(
        server,
        {"model": MODEL, "input": [*asked, *(i.to_dict() for i in answer.output)]},
        path="/v1/responses/compact",
    )
    compacted = json.loads(b"".join(chunks))
    *users, summary = compacted["output"]
    kept = [sdk.ResponseInputMessageItem.model_validate(user, strict=True) for user in users]
    assert [message.content[0].to_dict() for message in kept] == [
        {"type": "input_text", "text": TRIP},
        {"type": "input_text", "text": "What to pack?"},
    ]
    sdk.CompactedResponse.model_validate(compacted | {"output": [summary]}, strict=True)
    assert summary["type"] == "compaction"
    following = client.responses.create(
        model=MODEL, input=[*compacted["output"], {"role": "user", "content": "Thanks"}]
    )
    assert "Thanks" in following.output_text
    assert following.usage
    assert following.usage.input_tokens_details.cached_tokens == 0


def test_previous_response_stands_for_its_conversation(client: OpenAI) -> None:
    """Naming a stored response counts and answers like sending its whole conversation again."""
    first = client.responses.create(model=MODEL, input=[{"role": "user", "content": TRIP}])
    more: list[Any] = [{"role": "user", "content": "What to pack?"}]
    named = client.responses.create(model=MODEL, input=more, previous_response_id=first.id)
    history: list[Any] = [{"role": "user", "content": TRIP}, *first.output, *more]
    resent = client.responses.create(model=MODEL, input=history)
    assert named.previous_response_id == first.id
    assert named.output_text == resent.output_text
    assert named.usage == resent.usage


def test_what_is_not_stored_is_not_found(client: OpenAI) -> None:
    """A response with store false cannot be gone on from."""
    first = client.responses.create(model=MODEL, input="Hi", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=MODEL, input="And?", previous_response_id=first.id)


def test_a_stored_response_can_be_had_again(client: OpenAI) -> None:
    """It is retrieved as it was, and gone when it is deleted."""
    first = client.responses.create(model=MODEL, input="Hi")
    assert client.responses.retrieve(first.id) == first
    deleted = client.delete(f"/responses/{first.id}", cast_to=object)
    assert deleted == {"id": first.id, "object": "response", "deleted": True}
    for lost in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(openai.NotFoundError) as raised:
            lost(first.id)
        assert isinstance(raised.value.body, dict)
        assert raised.value.body.keys() == {"message", "type", "param", "code"}


def test_input_items_come_in_pages(client: OpenAI) -> None:
    """Newest first or oldest first, so many at a time, each with an id that stays."""
    texts = ["one", "two", "three"]
    asked: list[Any] = [{"role": "user", "content": text} for text in texts]
    first = client.responses.create(model=MODEL, input=asked)
    then = client.responses.create(model=MODEL, input="four", previous_response_id=first.id)
    page = client.responses.input_items.list(then.id, limit=2)
    assert page.has_more
    assert [item.type for item in page] == ["message"] * 5
    newest = [item.id for item in page]
    oldest = client.responses.input_items.list(
        then.id, order="asc", include=["message.input_image.image_url"]
    )
    assert [item.id for item in oldest] == newest[::-1]
    message = oldest.data[0]
    sdk.ResponseInputMessageItem.model_validate(message.to_dict(), strict=True)
    raw = client.get(f"/responses/{then.id}/input_items?limit=1&after={newest[0]}", cast_to=object)
    assert isinstance(raw, dict)
    assert (raw["first_id"], raw["last_id"]) == (newest[1], newest[1])
    with pytest.raises(openai.BadRequestError):
        client.responses.input_items.list(then.id, extra_query={"limit": "many"})


def test_input_items_of_every_scene_are_the_sdks(server: RunningServer, client: OpenAI) -> None:
    """What a conversation holds by its end is listed item by item in the SDK's types."""
    union = TypeAdapter(sdk.ResponseItem)
    for scene in SCENES:
        if scene.trouble is None and len(scene.moves) > 1:
            last = played(server, scene)[-1]
            items = list(client.responses.input_items.list(last["id"], order="asc"))
            assert len({item.id for item in items}) == len(items) > 2
            for item in items:
                union.validate_python(item.to_dict())


def test_input_tokens_are_those_of_the_answer(client: OpenAI) -> None:
    """Counting gives what the usage of an answer to the same input says."""
    counted = client.responses.input_tokens.count(model=MODEL, input=TRIP, instructions="Short.")
    answer = client.responses.create(model=MODEL, input=TRIP, instructions="Short.")
    assert answer.usage
    assert counted.input_tokens == answer.usage.input_tokens


def test_a_trigger_compacts_the_conversation(client: OpenAI) -> None:
    """An input that ends in a trigger is answered with a compaction item, which can be gone on."""
    trigger: Any = {"type": "compaction_trigger"}
    asked: list[Any] = [{"role": "user", "content": "What to pack?"}]
    answer = client.responses.create(model=MODEL, input=asked)
    asked += [item.to_dict() for item in answer.output]
    events = list(client.responses.create(model=MODEL, input=[*asked, trigger], stream=True))
    assert "response.compaction.compacting" in [event.type for event in events]
    done = events[-1]
    assert done.type == "response.completed"
    [summary] = done.response.output
    assert summary.type == "compaction"
    question = {"role": "user", "content": "And?"}
    resent = client.responses.create(model=MODEL, input=[summary.to_dict(), question])
    named = client.responses.create(
        model=MODEL, input="And?", previous_response_id=done.response.id
    )
    assert "And?" in resent.output_text
    assert resent.output_text == named.output_text
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model=MODEL, input=[trigger, question])


def test_a_long_conversation_is_compacted_by_itself(client: OpenAI) -> None:
    """Above the threshold a compaction item leads the output; below it, and after it, none."""

    def kinds(previous: str | None, threshold: int) -> tuple[str, list[str]]:
        answer = client.responses.create(
            model=MODEL,
            input="Tell me of the golden pavilion",
            previous_response_id=previous,
            context_management=[{"type": "compaction", "compact_threshold": threshold}],
        )
        return answer.id, [item.type for item in answer.output]

    first, short = kinds(None, 400)
    second, long = kinds(first, 200)
    _, after = kinds(second, 400)
    assert (short, long, after) == (["message"], ["compaction", "message"], ["message"])


def test_tokens_are_written_to_the_cache_on_request(client: OpenAI) -> None:
    """With cache options, what was not cached is written, and the details add up."""
    options: Any = {"ttl": "12h"}
    answer = client.responses.create(
        model=MODEL, input="x" * 999, extra_body={"prompt_cache_options": options}
    )
    assert answer.usage
    details = answer.usage.input_tokens_details
    assert details.cached_tokens + details.cache_write_tokens <= answer.usage.input_tokens
    assert details.cache_write_tokens_details
    assert details.cache_write_tokens_details.ttl_12h_tokens == details.cache_write_tokens > 0


def test_a_conversation_grows_with_its_responses(client: OpenAI) -> None:
    """Named by id or as an object, it stands for what was said in it."""
    talk = client.conversations.create(
        items=[{"type": "message", "role": "user", "content": TRIP}], metadata={"a": "b"}
    )
    assert client.conversations.retrieve(talk.id) == talk
    first = client.responses.create(model=MODEL, input="What to pack?", conversation=talk.id)
    assert first.conversation
    assert first.conversation.id == talk.id
    then = client.responses.create(model=MODEL, input="And?", conversation={"id": talk.id})
    kept = client.responses.input_items.list(then.id, order="asc")
    assert [item.type for item in kept] == ["message", "message", "reasoning", "message", "message"]
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=MODEL, input="Hi", conversation="conv_unknown")
    with pytest.raises(openai.BadRequestError):
        client.responses.create(
            model=MODEL, input="Hi", conversation=talk.id, previous_response_id=first.id
        )


def test_an_item_can_be_named_instead_of_sent(client: OpenAI) -> None:
    """A reference stands for an item of a stored response; an unknown one is not found."""
    first = client.responses.create(model=MODEL, input="What to pack?")
    references: list[Any] = [{"type": "item_reference", "id": item.id} for item in first.output]
    asked: list[Any] = [{"role": "user", "content": "What to pack?"}]
    question: list[Any] = [{"role": "user", "content": "And?"}]
    named = client.responses.create(model=MODEL, input=[*asked, *references, *question])
    sent = client.responses.create(model=MODEL, input=[*asked, *first.output, *question])
    assert named.usage == sent.usage
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=MODEL, input=[{"type": "item_reference", "id": "msg_no"}])


def test_a_file_comes_back_as_it_was(client: OpenAI) -> None:
    """An upload has a name, a purpose and a size, and the very bytes that were sent."""
    content = bytes(range(256)) + b"\r\n--\n"
    made = client.files.create(file=("gate.bin", content), purpose="user_data")
    assert (made.filename, made.purpose, made.bytes) == ("gate.bin", "user_data", len(content))
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).content == content
    with pytest.raises(openai.NotFoundError):
        client.files.content("file-unknown")
    with pytest.raises(openai.BadRequestError):
        client.post("/files", body={}, cast_to=object)


def test_models_are_listed_and_found(client: OpenAI) -> None:
    """Each model that is listed can be retrieved, and no other."""
    for model in client.models.list():
        assert client.models.retrieve(model.id) == model
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-0")
