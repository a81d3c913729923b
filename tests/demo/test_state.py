"""What the scripted server remembers: stored responses, conversations, compactions, files."""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import responses as sdk
from scripted import MODEL, THINKING, TRIP, send

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
