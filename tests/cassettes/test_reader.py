"""Reading a cassette: whole after any crash, exact about damage, and at ease with what is newer."""

import json
import os
import re
import time
import uuid
from pathlib import Path

import pytest
from traffic import HEADER, JSON, asking, exchange, load, streaming, write

from cassettes import format as lines
from cassettes import reader
from cassettes.exchange import Exchange, exchange_id
from cassettes.journal import Journal
from cassettes.reader import Cassette
from wire.errors import BadCassette

VERSION_1 = Path(__file__).parent / "formats/version-1.jsonl"
TOOLS = b'[{"type":"function","name":"weather","parameters":{"type":"object"}}]'
STARTED = (
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,'
    b'"response":{"id":"resp_1","status":"in_progress"}}\n\n'
)
IN_VERSION_1 = {
    1: (
        b'{"model":"gpt-5.1","stream":true,"instructions":"Be brief.","tools":' + TOOLS + b","
        b'"input":[{"role":"user","content":"2 + 2?"}]}',
        STARTED + b": ping\n\n"
        b'event: response.output_text.delta\ndata: {"type": "response.output_text.delta", '
        b'"sequence_number": 1, "delta": "Vier. \\u00e9"}\n\n'
        b'event: response.completed\ndata: {"type":"response.completed","sequence_number":2,'
        b'"response":{"id":"resp_1","status":"completed","output":[]}}\r\n\r\n',
        "complete",
    ),
    2: (
        b'{"model":"gpt-5.1","instructions":"Be brief.","tools":' + TOOLS + b","
        b'"input":[{"role":"user","content":"2 + 2?"},'
        b'{"role":"assistant","content":"Vier. \xc3\xa9"},'
        b'{"role":"user","content":"My key is [secret:fc32c8152095], '
        b'seed 123456789012345678901234567890"}]}',
        b'{\n  "id": "resp_2",\n  "status": "completed",\n  "output": []\n}\n',
        "complete",
    ),
    3: (
        (
            b'{"model": "gpt-5.1", "input": [{"role": "user", "content": "\\ud800"}, '
            b'{"role": "user", "content": "1e400"}]}'
        ),
        b'{"id":"resp_3","output":"\xe6\x97\xa5\xff\x00 and then',
        "upstream_gone",
    ),
    4: (b"", b"no such response", "complete"),
    5: (b"\x89PNG\r\n", b"", "upstream_unreachable"),
    6: (b'{"input":"cut off","stream":true}', STARTED, "incomplete"),
    7: (
        (
            b'{\n    "model": "gpt-5.1",\n    "stream": true,\n    "input": [\n        {\n'
            b'            "role": "user",\n            "content": "2 + 2?"\n        }\n    ]\n}'
        ),
        b'data: {"type":"response.output_text.delta","delta":"4"}\n\ndata: [DONE]\n\n',
        "complete",
    ),
}
"""Request, answer and outcome of each exchange in the file."""


def conversation(path: Path) -> Path:
    """A journal of a stream, a body that builds on its request, and an exchange in flight."""
    return write(
        path,
        exchange(1, asking("Hi", tools=[{"name": "t"}], stream=True), streaming("Hello you")),
        exchange(2, asking("Hi", "more", tools=[{"name": "t"}])),
        exchange(3, asking("Hi", "more", "é"), [b"{", b"}"], got=JSON, outcome=None),
    )


def error(path: Path) -> str:
    """The one line that says why a file cannot be read."""
    with pytest.raises(BadCassette) as raised:
        load(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_format_version_1_is_read() -> None:
    """The committed file of version 1 gives every byte, outcome and time that was recorded."""
    found = {e.number: e for e in load(VERSION_1)}
    assert {
        number: (one.request.body, one.body, one.outcome) for number, one in found.items()
    } == IN_VERSION_1
    first = found[1]
    assert (first.status, first.encoding, first.streamed) == (200, "gzip", True)
    assert (first.request.method, first.request.path) == ("POST", "/v1/responses")
    assert first.header("openai-organization") == "[secret:269392981d9c]"
    assert [piece.t for piece in first.events()] == [20.0] * 4
    assert (first.head_ms, first.ended_ms, first.error) == (10.0, 30.0, None)
    assert str(first.began) == "2026-09-21 14:13:21+00:00"
    assert first.id == uuid.uuid5(uuid.UUID("6f0c5f3e-5c7e-4d6c-9a53-0d3f3c1f5a10"), "1")
    assert found[3].error == "the connection was reset"
    assert [piece.t for piece in found[3].pieces] == [20.0, 30.0, 40.0]
    assert list(found[3].events()) == []
    assert (found[5].status, found[5].pieces, found[5].error) == (None, [], "connection refused")
    assert (found[6].ended_ms, found[6].error) == (None, None)
    with Cassette.open(VERSION_1) as cassette:
        assert [entry.parent for entry in cassette.exchanges.values()] == [None, 1, *[None] * 4, 1]
        assert not cassette.has_unknown_lines


def test_every_prefix_of_a_journal_is_a_cassette(tmp_path: Path) -> None:
    """Killed at any byte, a recording keeps every whole line, and what was in flight shows so."""
    whole = conversation(tmp_path / "whole.jsonl").read_bytes()
    expected = {e.number: e for e in load(tmp_path / "whole.jsonl")}
    first_line = whole.index(b"\n") + 1
    cut = tmp_path / "cut.jsonl"
    for length in range(len(whole) + 1):
        cut.write_bytes(whole[:length])
        if length < first_line:
            assert ("its first line is cut off" if length else "it is empty") in error(cut)
            continue
        found = load(cut)
        lines_read = whole[: whole.rindex(b"\n", 0, length) + 1]
        assert len(found) == lines_read.count(b'"kind":"request"')
        assert [e.outcome for e in found].count("complete") == lines_read.count(b'"kind":"end"')
        for one in found:
            want = expected[one.number]
            assert one.request == want.request
            assert one == want or (want.body.startswith(one.body) and one.outcome == "incomplete")


@pytest.mark.parametrize("back", [1, 2, 20, 60])
def test_recording_goes_on_after_a_torn_line(tmp_path: Path, back: int) -> None:
    """A recorder closes the line that a crash cut off, says so, and what was whole stays whole."""
    path = conversation(tmp_path / "c.jsonl")
    before = path.read_bytes()[:-back]
    path.write_bytes(before)
    whole = load(path)
    with Cassette.open(path) as cassette:
        counted = cassette.size
    journal = Journal(path, base="/v1", upstream="")
    written = path.read_bytes()
    assert written.startswith(before)
    assert written.count(b'{"kind":"torn"}\n') == (back > 1)
    if back > 1:
        assert load(path) == whole
        assert counted < len(before)
    for note in exchange(journal.next_number, asking("Hi", "more", "é", "on")):
        journal.put(note)
    journal.close()
    assert [e.number for e in load(path)][-1] == 4
    assert [e.outcome for e in load(path)] == ["complete", "complete", "incomplete", "complete"]


def test_a_file_that_is_being_written_can_be_followed(tmp_path: Path) -> None:
    """Polling tells which exchanges got new lines; a line counts once its end is there."""
    whole = conversation(tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "growing.jsonl"
    path.write_bytes(whole[0])
    with Cassette.open(path) as cassette, path.open("ab", buffering=0) as growing:
        assert cassette.poll() == []
        seen: list[int] = []
        for line in whole[1:]:
            growing.write(line[:-1])
            assert cassette.poll() == []
            growing.write(line[-1:])
            seen += cassette.poll()
        assert sorted(set(seen)) == [1, 2, 3]
        assert cassette.exchange(1) == load(path)[0]
        assert cassette.size == path.stat().st_size
        assert not cassette.replaced()
        os.truncate(path, 100)
        assert cassette.replaced()
        path.unlink()
        assert cassette.replaced()


@pytest.mark.parametrize("damage", [b'{"kind":', b"", b"\x00\x00\x00", b'["kind"]', b'{"x":1}'])
def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, damage: bytes) -> None:
    """A line that is none, before lines that are, is an error with its number; so is a last one."""
    written = conversation(tmp_path / "c.jsonl").read_bytes().splitlines(keepends=True)
    for number in (2, 5, len(written)):
        path = tmp_path / f"damaged-{number}.jsonl"
        changed = [*written[: number - 1], damage + b"\n", *written[number:]]
        changed[number:number] = [damage + b"\n"] * (number == 5)
        path.write_bytes(b"".join(changed))
        assert f"{path}, line {number} is damaged" in error(path)


@pytest.mark.parametrize(
    ("found", "put"),
    [
        (b'"method":"POST"', b'"method":7'),
        (b'"status":200', b'"status":"200"'),
        (b'{"kind":"event","x":1,"t":20.0,"json"', b'{"kind":"event","x":1,"frame":"?","json"'),
        (b'"content":"more"}}', b'"content":"more"},"base64":"?"}'),
        (b'"outcome":"complete"', b'"outcome":null'),
        (b'"input":["^1"', b'"input":["*1"'),
        (b'"refs":{', b'"refs":{"other":",",'),
    ],
)
def test_a_line_with_damaged_members_is_named(tmp_path: Path, found: bytes, put: bytes) -> None:
    """A line that is JSON and still not what its kind says is an error with its number."""
    path = conversation(tmp_path / "c.jsonl")
    whole = path.read_bytes()
    at = whole.index(found)
    path.write_bytes(whole[:at] + put + whole[at + len(found) :])
    assert f"line {whole[:at].count(b'\n') + 1} is damaged" in error(path)


def test_a_damaged_request_is_named(tmp_path: Path) -> None:
    """A body that cannot be put together is an error that names the request's line."""
    path = write(tmp_path / "c.jsonl", exchange(1), exchange(2, b"\xff\xfe"))
    path.write_bytes(path.read_bytes().replace(b'"base64":"//4="', b'"base64":"?"'))
    assert "line 6 is damaged" in error(path)


def test_items_are_read_again_when_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few items are kept in memory, requests are whole."""
    path = conversation(tmp_path / "c.jsonl")
    expected = load(path)
    monkeypatch.setattr(reader, "_KEPT", 10)
    assert load(path) == expected


def test_a_deleted_exchange_is_named_by_the_line_that_needs_it(tmp_path: Path) -> None:
    """Without the exchange that another builds on, the error names line and exchange."""
    path = conversation(tmp_path / "c.jsonl")
    written = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in written if b'"x":1,' not in line]
    path.write_bytes(b"".join(kept))
    needing = next(n for n, line in enumerate(kept, 1) if b'"^1"' in line)
    assert f"line {needing} is damaged: it builds on exchange 1, which is not in the file" in (
        error(path)
    )


def test_a_deleted_request_is_named_by_its_answer(tmp_path: Path) -> None:
    """Lines whose request was deleted are an error that names the first of them."""
    path = conversation(tmp_path / "c.jsonl")
    written = path.read_bytes().splitlines(keepends=True)
    asked = next(n for n, line in enumerate(written) if b'"kind":"request","x":1' in line)
    path.write_bytes(b"".join(written[:asked] + written[asked + 1 :]))
    assert f"line {asked + 1} is damaged: it belongs to exchange 1, whose request is not" in (
        error(path)
    )


def test_two_cassettes_in_one_file_are_an_error(tmp_path: Path) -> None:
    """Joining files gives two exchanges with one number, which is said."""
    path = conversation(tmp_path / "c.jsonl")
    path.write_bytes(path.read_bytes() * 2)
    assert "there is an exchange 1 already" in error(path)


@pytest.mark.parametrize("kind", ["request", "event", "end"])
def test_lines_without_a_number_are_damaged(tmp_path: Path, kind: str) -> None:
    """A line of an exchange that does not say of which is not passed over."""
    path = conversation(tmp_path / "c.jsonl")
    whole = path.read_bytes()
    at = whole.index(f'{{"kind":"{kind}","x":1,'.encode())
    changed = re.sub(rb'"x":1,', b'"x":0,', whole[at:], count=1)
    path.write_bytes(whole[:at] + changed)
    assert f"line {whole[:at].count(b'\n') + 1} is damaged" in error(path)


def test_unknown_lines_and_members_are_skipped(tmp_path: Path) -> None:
    """Kinds and members that only a later respool knows do not disturb what is known."""
    path = conversation(tmp_path / "c.jsonl")
    expected = load(path)
    written = path.read_bytes().splitlines(keepends=True)
    later = [
        *(b'{"kind":"hologram","x":1,"t":5.0,"json":{}}\n', b'{"kind":"later"}\n'),
        *(b'{"kind":"link","x":[1,2]}\n', b'{"kind":"mark","ref":7,"at":null}\n'),
    ]
    for number in range(len(written), 0, -1):
        written.insert(number, later[number % 4])
    path.write_bytes(b"".join(written).replace(b'"kind":"end",', b'"kind":"end","mood":"good",'))
    assert load(path) == expected
    with Cassette.open(path) as cassette:
        assert cassette.has_unknown_lines


def test_members_may_stand_in_any_order(tmp_path: Path) -> None:
    """A file that a tool wrote anew, members sorted and spaced, says the same."""
    path = conversation(tmp_path / "c.jsonl")
    expected = load(path)
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    path.write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in rows))
    found = load(path)
    assert [e.number for e in found] == [1, 2, 3]
    assert [json.loads(e.request.body) for e in found] == [
        json.loads(e.request.body) for e in expected
    ]


def test_a_newer_version_is_an_error(tmp_path: Path) -> None:
    """A file of a version that this respool does not know is not guessed at."""
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"kind":"cassette","version":2,"anything":["else"]}\n{"new":1}\n')
    assert "format version 2, and this respool reads up to version 1: install a newer" in (
        error(path)
    )


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b'{"log":{"version":"1.2"}}',
        b'{"log":{"version":"1.2"}}\n',
        b'{\n  "kind": "cassette"\n}\n',
        b'{"kind":"request","x":1}\n',
        b"[1]\n",
        b"\n",
        b"x" * (3 << 20),
        b"\xff" * 100,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_another_file_is_no_cassette(tmp_path: Path, data: bytes) -> None:
    """A picture, JSON of another kind or a lone line is told apart from an empty cassette."""
    path = tmp_path / "other"
    path.write_bytes(data)
    assert "is not a cassette: its first line is not a cassette header" in error(path)


def test_a_header_that_lacks_something_is_an_error(tmp_path: Path) -> None:
    """A header of this version without its members is damaged."""
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"kind":"cassette","version":1}\n')
    assert "line 1 is damaged: " in error(path)


def test_what_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    """A missing file, a directory and a file of somebody else say what is wrong."""
    assert "No such file or directory" in error(tmp_path / "missing.jsonl")
    assert "it is a folder; give a cassette in it" in error(tmp_path)


def test_a_file_cut_short_while_open_is_an_error(tmp_path: Path) -> None:
    """What was indexed and is gone when it is wanted is not made up."""
    path = conversation(tmp_path / "c.jsonl")
    with Cassette.open(path) as cassette:
        os.truncate(path, len(lines.encode(HEADER)))
        with pytest.raises(BadCassette, match="was cut short while it was read"):
            cassette.exchange(1)


def test_a_long_line_is_read_whole(tmp_path: Path) -> None:
    """Lines may be longer than what is read at a time."""
    body = b'{"a":"' + b"x" * (5 << 20) + b'"}'
    path = write(tmp_path / "c.jsonl", exchange(1, body, body), exchange(2))
    assert [(e.request.body, e.body) for e in load(path)] == [(body, body), (b"{}", b"{}")]


def test_a_very_long_line_takes_time_in_proportion(tmp_path: Path) -> None:
    """A body of tens of megabytes is indexed without copying its beginning again and again."""
    path = write(tmp_path / "c.jsonl", exchange(1, b"\xff" + bytes(64 << 20), None))
    began = time.process_time()
    Cassette.open(path).close()
    assert time.process_time() - began < 2.0


def test_a_closed_cassette_may_be_closed_again(tmp_path: Path) -> None:
    """Closing is done once, however often it is asked for."""
    cassette = Cassette.open(conversation(tmp_path / "c.jsonl"))
    cassette.close()
    cassette.close()


def test_an_id_is_derived_from_cassette_and_number() -> None:
    """The id is the same wherever the file lies; a cassette's id that is no UUID will do."""
    assert exchange_id(HEADER.id, 1) == exchange_id(HEADER.id, 1) != exchange_id(HEADER.id, 2)
    assert exchange_id("my cassette", 1) == exchange_id("my cassette", 1)
    assert exchange_id("my cassette", 1) != exchange_id("your cassette", 1)


def test_a_time_that_is_none_is_not_known(tmp_path: Path) -> None:
    """An edited or missing beginning is no error and no time."""
    path = conversation(tmp_path / "c.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"at":"2026', b'"at":"MMXXVI'))
    assert [e.began for e in load(path)] == [None] * 3


def test_an_exchange_knows_its_route(tmp_path: Path) -> None:
    """What an exchange is about is read from its request."""
    path = write(tmp_path / "c.jsonl", exchange(1), exchange(2, path="/v1/models", method="GET"))
    found: list[Exchange] = load(path)
    assert found[0].route is not None
    assert found[0].route.endpoint == "create"
    assert found[1].route is None
    assert found[0].header("content-type") == "application/json"
    assert found[0].header("x-missing") == ""
