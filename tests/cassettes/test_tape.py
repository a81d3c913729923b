"""What a tape answers: recorded order, each once; and why it has no answer, in words that help."""

from pathlib import Path

import pytest
from traffic import asking, compact, exchange, streaming, write

from cassettes.format import Headers
from cassettes.miss import Miss
from cassettes.notes import Note
from cassettes.reader import Cassette
from cassettes.tape import Tape


def tape(path: Path, *notes: list[Note]) -> Tape:
    """A tape of a cassette that holds `notes`."""
    return Tape(Cassette.open(write(path, *notes)))


def take(
    tape: Tape,
    body: bytes = b"",
    path: str = "/v1/responses",
    method: str = "POST",
    headers: Headers = (),
) -> int | str:
    """The number of the exchange that answers, or the reason for a miss."""
    taken = tape.take(method, path, list(headers), body)
    return taken.reason if isinstance(taken, Miss) else taken


def test_equal_requests_are_answered_in_recorded_order(tmp_path: Path) -> None:
    """Each recorded answer is given once, in the order of the recording, and then no more."""
    played = tape(
        tmp_path / "c.jsonl",
        *(exchange(x, asking(text)) for x, text in enumerate(["a", "b", "a", "a"], 1)),
    )
    assert [take(played, asking(text)) for text in "abaa"] == [1, 2, 3, 4]
    assert played.served == {1: 1, 2: 1, 3: 1, 4: 1}
    assert "recorded 3 times (exchanges 1, 3, 4) and all answers were used" in (
        take(played, asking("a"))
    )
    assert "recorded once (exchange 2) and all answers were used" in take(played, asking("b"))
    played.rewind()
    assert played.served == {}
    assert take(played, asking("a")) == 1


def test_long_lists_of_numbers_are_cut(tmp_path: Path) -> None:
    """A miss of a request that was recorded often names the first few."""
    played = tape(tmp_path / "c.jsonl", *(exchange(x) for x in range(1, 9)))
    for _ in range(8):
        take(played, b"{}")
    assert "8 times (exchanges 1, 2, 3, 4, 5, ...)" in take(played, b"{}")


def test_other_transport_is_named(tmp_path: Path) -> None:
    """A client that asks for JSON where a stream was recorded is told so, and the reverse."""
    played = tape(
        tmp_path / "c.jsonl",
        exchange(1, asking("a", stream=True), streaming("A")),
        exchange(2, asking("b")),
    )
    assert "recorded as a stream (exchange 1), and the client asks for JSON" in (
        take(played, asking("a"))
    )
    assert "recorded as JSON (exchange 2), and the client asks for a stream" in (
        take(played, asking("b", stream=True))
    )


@pytest.mark.parametrize(
    ("asked", "difference"),
    [
        (asking("a", "x"), "input[1] (2 items asked, 3 recorded)"),
        (asking("a", "b", "c", "d"), "input[3] (4 items asked, 3 recorded)"),
        (asking("a", "b", "c", model="other"), "model;"),
        (asking("a", "b", "c", temperature=1), "temperature (not recorded);"),
        (b'{"input":"a"}', "input, model (only recorded);"),
        (b"not json", "the body"),
        (asking("x", prompt_cache_key="k", stream=False), "input[0] (1 items asked, 3 recorded);"),
    ],
)
def test_the_nearest_recording_is_named(tmp_path: Path, asked: bytes, difference: str) -> None:
    """A miss names the recording that is most alike, and what differs that counts."""
    played = tape(
        tmp_path / "c.jsonl",
        exchange(1, asking("z")),
        exchange(2, asking("a", "b", "c")),
        exchange(3, b'{"input":[]}', path="/v1/responses/compact"),
    )
    if asked == b"not json" or b'"input":"a"' in asked or b'"x"}],' in asked:
        played = tape(tmp_path / "d.jsonl", exchange(2, asking("a", "b", "c")))
    reason = take(played, asked)
    assert "the nearest is exchange 2, which differs in " in reason
    assert difference in reason
    assert "prompt_cache_key" not in reason
    assert f"`respool show {played.cassette.path} 2`" in reason


def test_a_difference_in_the_query_alone_is_named(tmp_path: Path) -> None:
    """Where the bodies agree, the query is what differs."""
    played = tape(tmp_path / "c.jsonl", exchange(1, path="/v1/responses?a=1"))
    assert "differs in its query;" in take(played, b"{}", "/v1/responses?a=2")


def test_the_nearest_travelled_the_same_way(tmp_path: Path) -> None:
    """Of recordings that differ alike, one for the transport that is asked for comes nearest."""
    played = tape(
        tmp_path / "c.jsonl",
        exchange(1, compact({"input": "a"})),
        exchange(2, compact({"input": "b", "stream": True}), streaming("B")),
    )
    reason = take(played, compact({"input": "c", "stream": True}))
    assert "the nearest is exchange 2, which differs in input" in reason


def test_an_endpoint_that_was_not_recorded_is_named(tmp_path: Path) -> None:
    """A request to another endpoint, or no Responses request at all, is told apart."""
    played = tape(tmp_path / "c.jsonl", exchange(1))
    assert take(played, b"", "/v1/responses/resp_9", "GET") == (
        "the cassette has no retrieve/resp_9 request; record one"
    )
    assert take(played, b"", "/v1/models", "GET").startswith(
        "GET /models is not a Responses API request, and none like it was recorded"
    )


def test_a_poll_stays_at_an_answer(tmp_path: Path) -> None:
    """A last poll that got no answer, as the client was stopped, is not what stays."""
    poll = {"method": "GET", "path": "/v1/responses/resp_1"}
    cut = exchange(3, b"", None, outcome="client_gone", **poll)
    played = tape(tmp_path / "c.jsonl", *(exchange(x, b"", **poll) for x in (1, 2)), cut)
    assert [take(played, b"", poll["path"], "GET") for _ in range(4)] == [1, 2, 2, 2]


def test_other_traffic_is_played_too(tmp_path: Path) -> None:
    """An exchange that is no Responses exchange answers the same request again."""
    played = tape(
        tmp_path / "c.jsonl",
        exchange(1, b"", method="GET", path="/v1/models"),
        exchange(2),
        exchange(3, b"{}", path="/v1/conversations"),
    )
    assert take(played, b"{}") == 2
    assert take(played, b"", "/v1/models", "GET") == 1
    assert take(played, b"{}", "/v1/conversations") == 3
    assert "all answers were used" in take(played, b"{}", "/v1/conversations")


def test_polls_advance_and_then_stay(tmp_path: Path) -> None:
    """A client may poll more often than it did in the recording: the last answer stays."""
    poll = {"method": "GET", "path": "/v1/responses/resp_1"}
    played = tape(tmp_path / "c.jsonl", *(exchange(x, b"", **poll) for x in (1, 2, 3)))
    polled = [take(played, b"", poll["path"], "GET") for _ in range(5)]
    assert polled == [1, 2, 3, 3, 3]
    played.rewind()
    assert take(played, b"", poll["path"], "GET") == 1


@pytest.mark.parametrize("where", ["header", "query", "both"])
def test_secrets_match_across_keys(tmp_path: Path, where: str) -> None:
    """A request that carries its own key in header, query and body matches under any key."""

    def request(key: str) -> dict[str, object]:
        headers = [] if where == "query" else [("Authorization", f"Bearer {key}")]
        query = "" if where == "header" else f"?api-key={key}"
        return {
            "body": asking(f"my key is {key}"),
            "path": f"/v1/responses{query}",
            "headers": headers,
        }

    recorded = request("sk-recorded-0123456789")
    played = tape(
        tmp_path / "c.jsonl",
        exchange(1, recorded["body"], path=recorded["path"], sent=recorded["headers"]),
        exchange(2, recorded["body"], path=recorded["path"], sent=recorded["headers"]),
    )
    assert b"sk-recorded" not in played.cassette.path.read_bytes()
    assert take(played, **request("another-key-of-other-length")) == 1
    assert take(played, **request("sk-recorded-0123456789")) == 2
