"""Several servers in one recording: which of them a request to the player means."""

from pathlib import Path

import pytest
from traffic import BEGAN_S, compact

from cassettes.journal import Journal
from cassettes.miss import Miss
from cassettes.mounts import Mounts
from cassettes.notes import Answered, Began, Ended, Got
from cassettes.reader import Cassette
from cassettes.tape import Tape

VENDOR = "https://api.openai.com/v1"
CODEX = "https://chatgpt.com/backend-api/codex"
LOCAL = "http://127.0.0.1:8000/v1"
BODY = compact({"model": "gpt-5.1", "input": "Hi"})


def recorded(path: Path, *upstreams: str, target: str = "/responses") -> Path:
    """A cassette in which each of the servers, in turn, was asked the same."""
    journal = Journal(path, base="/v1", upstream=VENDOR)
    for x, upstream in enumerate(upstreams, 1):
        at = (BEGAN_S + x) * 10**9
        asked = upstream.partition("//")[2].partition("/")[2]
        where = "" if upstream == VENDOR else upstream
        journal.put(Began(x, at, at, "POST", f"/{asked}{target}", [], BODY, where))
        journal.put(Answered(x, at, 200, [("content-type", "application/json")]))
        journal.put(Got(x, at, compact({"id": f"resp_{x}"})))
        journal.put(Ended(x, at, "complete"))
    journal.close()
    return path


def taken(path: Path, *targets: str) -> list[int | None]:
    """The exchanges that answer requests to these paths, in turn; None for a miss."""
    with Cassette.open(path) as cassette:
        tape = Tape(cassette)
        got = [tape.take("POST", target, [], BODY) for target in targets]
    return [None if isinstance(each, Miss) else each for each in got]


def test_each_server_answers_at_the_base_it_was_recorded_with(tmp_path: Path) -> None:
    """The same request to two servers gets the answer of the one whose base path it has."""
    tape = recorded(tmp_path / "t.jsonl", VENDOR, CODEX, VENDOR)
    codex = "/backend-api/codex/responses"
    assert taken(tape, codex, codex, "/v1/responses", "/v1/responses") == [2, None, 1, 3]


def test_servers_with_one_base_answer_in_recorded_order(tmp_path: Path) -> None:
    """Where the path does not tell them apart, whoever was asked first answers first."""
    tape = recorded(tmp_path / "t.jsonl", LOCAL, VENDOR, LOCAL)
    assert taken(tape, *["/v1/responses"] * 4) == [1, 2, 3, None]


def test_host_before_the_base_tells_them_apart(tmp_path: Path) -> None:
    """Behind its own host each server answers alone."""
    tape = recorded(tmp_path / "t.jsonl", LOCAL, VENDOR, LOCAL)
    own, vendor = "/127.0.0.1:8000/v1/responses", "/api.openai.com/v1/responses"
    assert taken(tape, vendor, vendor, own, own, own) == [2, None, 1, 3, None]


@pytest.mark.parametrize("target", ["/responses", "/any/base/responses"])
def test_base_of_nobody_means_whoever_has_an_answer(tmp_path: Path, target: str) -> None:
    """A client with another base path gets the recorded answers in their order."""
    tape = recorded(tmp_path / "t.jsonl", CODEX, VENDOR)
    assert taken(tape, target, target, target) == [1, 2, None]


def test_other_traffic_is_told_apart_below_each_base(tmp_path: Path) -> None:
    """Of requests to other endpoints, too, each server's are found below its own base path."""
    tape = recorded(tmp_path / "t.jsonl", VENDOR, CODEX, target="/models")
    assert taken(tape, "/backend-api/codex/models", "/v1/models", "/models") == [2, 1, None]


def test_header_that_was_never_recorded_is_no_server(tmp_path: Path) -> None:
    """Where nothing went to the server that the header names, the first recorded one is meant."""
    tape = recorded(tmp_path / "t.jsonl", CODEX)
    with Cassette.open(tape) as cassette:
        mounts = Tape(cassette).mounts
    assert mounts.main == CODEX
    assert mounts.base_of(mounts.main) == "/backend-api/codex"
    assert taken(tape, "/v1/responses") == [1]


def test_others_are_named_with_a_place_of_their_own() -> None:
    """Servers that cannot be reached at the main base are listed, each where it stands alone."""
    azure = [f"https://{name}.openai.azure.com/openai/v1" for name in ("east", "west")]
    mounts = Mounts([VENDOR, LOCAL, CODEX, *azure], VENDOR, "/v1")
    assert mounts.others() == {
        CODEX: "/backend-api/codex",
        azure[0]: "/east.openai.azure.com/openai/v1",
        azure[1]: "/west.openai.azure.com/openai/v1",
    }
