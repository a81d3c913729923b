"""Responses that are made in the background, and streams that are taken up again."""

import http.client
import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from scripted import MODEL, parsed, send

from respool.demo.server import RunningServer, running_server

BACKGROUND: dict[str, Any] = {"model": MODEL, "input": "What to pack?", "background": True}


def test_each_look_takes_a_background_response_one_step_on(client: OpenAI) -> None:
    """It is queued, then in progress, then completed, and stays so."""
    first = client.responses.create(**BACKGROUND)
    assert first.background
    looks = [client.responses.retrieve(first.id) for _ in range(3)]
    assert [first.status, *(look.status for look in looks)] == [
        "queued",
        "in_progress",
        "completed",
        "completed",
    ]
    assert first.output == looks[0].output == []
    assert looks[1] == looks[2]
    assert looks[2].output_text.startswith("A light coat")
    assert looks[2].usage


def test_a_background_stream_begins_queued(client: OpenAI) -> None:
    """The stream says that it is queued, and its end is what is retrieved afterwards."""
    events = list(client.responses.create(**BACKGROUND, stream=True))
    assert [event.type for event in events[:3]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    last = events[-1]
    assert last.type == "response.completed"
    assert client.responses.retrieve(last.response.id) == last.response


@pytest.mark.parametrize("background", [True, False])
def test_a_stream_can_be_taken_up_again(client: OpenAI, background: bool) -> None:
    """From any number on, the same events come again, with and without obfuscation."""
    events = list(client.responses.create(**BACKGROUND | {"background": background}, stream=True))
    begun = events[0]
    assert begun.type == "response.created"
    for after in (0, 7, len(events) - 1):
        again = client.responses.retrieve(
            begun.response.id,
            stream=True,
            starting_after=after,
            include=["file_search_call.results"],
        )
        assert list(again) == events[after + 1 :]
    bare = client.responses.retrieve(begun.response.id, stream=True, include_obfuscation=False)
    assert not [event for event in bare if "obfuscation" in (event.model_extra or {})]


def test_the_streams_helper_takes_up_a_stream(client: OpenAI) -> None:
    """The SDK's helper goes on from an id and a number to the same final response."""
    first = client.responses.create(**BACKGROUND)
    with client.responses.stream(response_id=first.id, starting_after=4) as stream:
        assert next(event.sequence_number for event in stream) == 5
        assert stream.get_final_response().output_text.startswith("A light coat")


def test_a_stream_that_was_cut_goes_on(server: RunningServer) -> None:
    """In the tunnel the connection ends without a word, and the rest can still be fetched."""
    request = BACKGROUND | {"input": "Into the tunnel", "stream": True}
    connection = http.client.HTTPConnection(server.base_url.split("/")[2], timeout=10)
    headers = {"authorization": "Bearer k"}
    connection.request("POST", "/v1/responses", json.dumps(request), headers)
    response, came = connection.getresponse(), []
    with pytest.raises(http.client.IncompleteRead):
        while True:
            came.append(response.read1())
            if not came[-1]:
                raise http.client.IncompleteRead(b"")
    connection.close()
    first = parsed(came)
    path = f"/v1/responses/{first[0]['response']['id']}?stream=true&starting_after="
    _, _, rest = send(server, path=f"{path}{len(first) - 1}", method="GET")
    events = [*first, *parsed(rest)]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "response.completed"


def test_a_background_response_can_be_cancelled(client: OpenAI) -> None:
    """Until it ends it can be cancelled, more than once, and then it gets no further."""
    first = client.responses.create(**BACKGROUND)
    assert client.responses.cancel(first.id).status == "cancelled"
    again = client.responses.cancel(first.id)
    assert again == client.responses.retrieve(first.id)
    assert (again.status, again.output) == ("cancelled", [])
    assert list(client.responses.retrieve(first.id, stream=True)) == []
    done = client.responses.create(**BACKGROUND)
    for _ in range(2):
        client.responses.retrieve(done.id)
    assert client.responses.cancel(done.id).status == "completed"


def test_what_runs_in_the_foreground_cannot_be_cancelled(client: OpenAI) -> None:
    """Cancelling a response that was not made in the background is a bad request."""
    done = client.responses.create(**BACKGROUND | {"background": False})
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(done.id)


def test_the_background_needs_the_store(client: OpenAI) -> None:
    """A background response that would not be stored is refused."""
    with pytest.raises(openai.BadRequestError):
        client.responses.create(**BACKGROUND, store=False)


def test_a_background_response_can_fail(client: OpenAI) -> None:
    """What goes wrong in the background is found when it is looked for."""
    first = client.responses.create(**BACKGROUND | {"input": "The server is on fire"})
    looks = [client.responses.retrieve(first.id).status for _ in range(2)]
    assert looks == ["in_progress", "failed"]


def test_progress_does_not_depend_on_time() -> None:
    """With one seed, two servers give the same bytes at each look."""

    def run() -> list[bytes]:
        with running_server(seed="a") as server:
            bodies = [b"".join(send(server, BACKGROUND)[2])]
            path = f"/v1/responses/{json.loads(bodies[0])['id']}"
            bodies += [b"".join(send(server, path=path, method="GET")[2]) for _ in range(3)]
        return bodies

    assert run() == run()
