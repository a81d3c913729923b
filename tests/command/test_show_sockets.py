"""What `show` and `tail` tell of WebSockets and of other HTTP traffic."""

import json
from pathlib import Path

import pytest
from harness import run
from socket_traffic import connection, creating, messages, steering
from traffic import compact, exchange, write

from cassettes.format import Close


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """A cassette with a WebSocket on which a response was steered, and a list of models."""
    first = messages("One two", "resp_1", status="incomplete")
    steer = {"id": "s1", "previous_response_id": "resp_1"}
    accepted = compact({"type": "response.steer.accepted", "steer": steer})
    said = [
        ("client", creating("Count")),
        *first[:2],
        ("client", steering("Shorter", "resp_1")),
        accepted,
        *first[2:],
        *messages("1", "resp_2", previous_response_id="resp_1"),
    ]
    close = Close(code=4001, reason="enough", by="server")
    models = compact({"object": "list", "data": [], "status": "strange", "usage": {}})
    return write(
        tmp_path / "c.jsonl",
        connection(1, *said, close=close),
        exchange(4, b"", models, method="GET", path="/v1/models"),
    )


def test_the_list_names_what_each_exchange_is(tape: Path) -> None:
    """The handshake, what was asked on it, and other traffic stand in one list."""
    rows = run("show", tape, env={"COLUMNS": "100"}).stdout.splitlines()
    words = [row.split() for row in rows[1:5]]
    assert [row[2] for row in words] == ["connect", "gpt-5.1", "steer", "GET"]
    assert words[3][3] == "/v1/models"
    assert "ok" in words[3]


@pytest.mark.parametrize(
    ("ident", "lines"),
    [
        (
            "1",
            [
                "GET /v1/responses",
                "101, a WebSocket, complete",
                "by the server, with 4001: enough",
                "on it: exchanges 2, 3",
            ],
        ),
        ("2", ["response.create  on the WebSocket of exchange 1", "4 messages, complete"]),
        ("3", ["response.steer  on the WebSocket of exchange 1, amid the answer in exchange 2"]),
        ("resp_2", ["exchange 3", "Shorter"]),
        ("4", ["GET /v1/models", '{"object": "list"']),
    ],
)
def test_an_exchange_in_full(tape: Path, ident: str, lines: list[str]) -> None:
    """The full view says what was asked on which connection, and how that ended."""
    shown = " ".join(run("show", tape, ident).stdout.split())  # lines are folded to the terminal
    for line in lines:
        assert " ".join(line.split()) in shown
    assert "type=" not in shown


def test_json_for_scripts(tape: Path) -> None:
    """Transport and connection are among the facts; other traffic has neither usage nor status."""
    facts = [json.loads(line) for line in run("show", tape, "--json").stdout.splitlines()]
    assert [fact["transport"] for fact in facts] == ["websocket"] * 3 + ["json"]
    assert [fact["connection"] for fact in facts] == [None, 1, 1, None]
    assert [fact["endpoint"] for fact in facts] == ["connect", "create", "steer", None]
    assert facts[3]["response_status"] is None
    assert facts[3]["input_tokens"] is None


def test_tail_tells_of_them_too(tape: Path) -> None:
    """Each request on the connection is told when it has ended."""
    shown = run("tail", tape, "--once").stdout
    assert "> user  Count" in shown
    assert "< text  One two" in shown
    assert "> user  Shorter" in shown


def test_a_queued_response_says_that_there_is_nothing_yet(tmp_path: Path) -> None:
    """What was asked for in the background is not shown as a heap of members."""
    queued = compact({"id": "resp_1", "object": "response", "status": "queued", "output": []})
    path = write(tmp_path / "c.jsonl", exchange(1, b'{"background":true}', queued))
    assert "nothing yet: it is queued" in run("show", path, "1").stdout


def test_raw_messages_stand_on_lines(tape: Path) -> None:
    """Of a WebSocket each message is a line, as it came, so that `jq` can read them."""
    asked = run("show", tape, "2", "--raw-request").stdout
    assert asked == creating("Count").decode() + "\n"
    *told, end = run("show", tape, "2", "--raw").stdout.split("\n")
    assert end == ""
    expected = messages("One two", "resp_1", status="incomplete")
    assert told == [text.decode() for text in expected]
