"""Playing what broke off, or has no answer: it breaks off again, and is said to have none."""

import http.client
import json
from pathlib import Path

import openai
import pytest
from playing import playing
from traffic import (
    JSON,
    SSE,
    asking,
    exchange,
    streaming,
)

from cassettes.format import Headers

STREAM = streaming("Hello you there")


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Where a test's cassette is."""
    return tmp_path / "c.jsonl"


@pytest.mark.parametrize("pace", [0.0, 1.0])
@pytest.mark.parametrize("outcome", ["upstream_gone", "client_gone", "proxy_stopped", None])
@pytest.mark.parametrize(("answer", "got"), [(STREAM[:3], SSE), ([b'{"id":'], JSON), ([], JSON)])
def test_what_broke_off_breaks_off_again(
    cassette: Path, answer: list[bytes], got: Headers, outcome: str | None, pace: float
) -> None:
    """The client gets what there is, and then a connection that ends before the answer does."""
    if outcome is None and got == JSON:
        answer = []  # of a body in flight nothing is on disk yet
    notes = exchange(1, answer=answer, got=got, outcome=outcome, step_ms=1)
    with playing(cassette, notes, pace=pace) as played:
        with pytest.raises(http.client.IncompleteRead) as raised:
            played.send(b"{}")
        assert raised.value.partial == b"".join(answer)


def test_the_sdk_sees_a_stream_break_off(cassette: Path) -> None:
    """The events that came are there, and then the SDK raises as it did live."""
    notes = exchange(1, asking("Hi", stream=True), STREAM[:4], outcome="upstream_gone")
    with playing(cassette, notes) as played, played.client() as client:
        got = []
        stream = client.responses.create(**json.loads(asking("Hi")), stream=True)
        with pytest.raises(openai.APIConnectionError):
            got.extend(event.type for event in stream)
    assert got == [json.loads(block.split(b"data: ")[1])["type"] for block in STREAM[:4]]


def test_a_truncated_stream_ends_properly(cassette: Path) -> None:
    """A server that ended its stream too early, but in good order, does so again."""
    with playing(cassette, exchange(1, answer=STREAM[:3])) as played:
        assert played.send(b"{}")[2] == b"".join(STREAM[:3])


@pytest.mark.parametrize("outcome", ["proxy_stopped", "client_gone", None])
def test_an_exchange_without_an_answer_is_said_to_have_none(
    cassette: Path, outcome: str | None
) -> None:
    """There is nothing to play: the client gets an error that it does not try again."""
    notes = exchange(1, asking("Hi"), None, outcome=outcome)
    with playing(cassette, notes, exchange(2, asking("Hi"))) as played:
        with (
            played.client(max_retries=5) as client,
            pytest.raises(openai.InternalServerError, match="has no answer in the cassette") as e,
        ):
            client.responses.create(**json.loads(asking("Hi")))
        assert e.value.status_code == 502
        assert e.value.response.headers["x-respool-synthesised"] == "true"
        why = outcome or "incomplete"
        assert played.said == [f"exchange 1 has no answer in the cassette ({why})"]
        assert played.send(asking("Hi"))[0] == 200


@pytest.mark.parametrize("outcome", ["upstream_gone", "upstream_unreachable"])
def test_a_retry_that_was_recorded_is_replayed(cassette: Path, outcome: str) -> None:
    """Where the client got a 502 of the proxy's and tried again, it does so in replay."""
    notes = exchange(1, asking("Hi"), None, outcome=outcome)
    with (
        playing(cassette, notes, exchange(2, asking("Hi"))) as played,
        played.client(max_retries=1) as client,
    ):
        client.responses.create(**json.loads(asking("Hi")))
        assert len(played.said) == 1
