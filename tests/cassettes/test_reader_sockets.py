"""Reading WebSockets out of a cassette that a person has edited: errors that name the line."""

import json
from pathlib import Path

import pytest
from socket_traffic import connection, creating, messages
from traffic import exchange, load, write

from cassettes.reader import Cassette
from wire.errors import BadCassette


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"socket": 9}, "its socket, exchange 9, is no handshake before it"),
        ({"socket": 3}, "its socket, exchange 3, is no handshake before it"),
        ({"socket": 4}, "its socket, exchange 4, is no handshake before it"),
        ({"amid": [9, 1]}, "it came amid exchange 9, which is not in the file"),
        ({"amid": [3]}, "array"),
        ({"socket": "2"}, "int"),
    ],
)
def test_a_message_that_leads_nowhere(tmp_path: Path, members: dict[str, object], why: str) -> None:
    """Where a message was sent, and amid what, must be there; else the line is named."""
    said = [("client", creating("a")), *messages("A"), ("client", creating("b"))]
    path = write(tmp_path / "c.jsonl", exchange(1), connection(2, *said))
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    at = next(n for n, row in enumerate(rows) if row["kind"] == "request" and row["x"] == 4)
    rows[at] |= members
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(BadCassette, match=f"line {at + 1} is damaged: .*{why}"):
        Cassette.open(path)


def test_a_request_needs_its_head(tmp_path: Path) -> None:
    """A request that is no WebSocket message has a method, a path and headers."""
    path = write(tmp_path / "c.jsonl", exchange(1))
    path.write_bytes(path.read_bytes().replace(b'"method":"POST",', b""))
    with pytest.raises(BadCassette, match="line 2 is damaged: a request has a method"):
        Cassette.open(path)


def test_message_lines_of_any_exchange_are_read(tmp_path: Path) -> None:
    """A message under an exchange that is no WebSocket's is read as what it is, and no error."""
    path = write(tmp_path / "c.jsonl", exchange(1, answer=None, outcome=None))
    with path.open("ab") as file:
        file.write(b'{"kind":"message","x":1,"t":1.0,"json":{"type":"response.completed"}}\n')
    (one,) = load(path)
    assert (one.transport, one.streamed) == ("websocket", True)
