"""`show` and `tail` of traffic of any kind: no JSON, no text, wrong types, times that cannot be."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from tapes import Told, response, write_tape

from cassettes.reader import Cassette
from respool.cli import respool
from respool.view.additions import additions
from respool.view.facts import read
from respool.view.printing import Paper, in_full

DEEP = b"[" * 3000 + b"]" * 3000
ODD = {
    "no JSON": Told(b"\x1b[2Jhello", b"<html>Bad Gateway</html>", status=502),
    "no text": Told(b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\x00\xff"),
    "nothing": Told(b"", b""),
    "a list": Told([1, 2], [b"data: [DONE]\n\n"]),
    "pings alone": Told(answer=[b": ping\n\n", b"event: ping\n\n"]),
    "items that are none": Told(
        {"model": 7, "input": ["text", 7, None, [1]], "tools": "none", "instructions": ["a"]},
        response(1, output=["text", 5, None, {"no": "type"}, {"type": 9}]),
    ),
    "wrong types": Told(
        {"model": "m", "input": {"a": 1}, "tools": [1, {"type": None}, {"name": []}]},
        {"id": 1, "status": [], "output": {}, "usage": {"input_tokens": "many"}, "model": {}},
    ),
    "beyond numbers": Told(
        b'{"model":"m","input":"\\ud800","temperature":1e999}',
        b'{"output":[{"type":"a","v":1e400,"s":"\\ud800"}],"usage":{"input_tokens":1e400}}',
    ),
    "deep": Told(
        b'{"model":"m","input":[{"role":"user","content":' + DEEP + b'}],"tools":' + DEEP + b"}",
        b'{"output":[{"type":"b","x":' + DEEP + b'}],"error":' + DEEP + b"}",
    ),
    "an error in the stream": Told(answer=[b'data: {"type":"error","message":["x"]}\n\n']),
    "an outcome unheard of": Told(answer=response(1), outcome="meteorite"),
    "another method": Told(b"", b"{}", method="PATCH", path="/v1/responses/a?b#c"),
    "two names": Told(
        b'{"model":"a","model":"b","input":[],"input":[{}]}', b'{"output":[],"output":[{}]}'
    ),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("show", "last"),
        ("show", "last", "--full"),
        ("show", "--json"),
        ("show", "last", "--json"),
        ("tail", "--once"),
    ],
    ids=" ".join,
)
def test_odd_traffic(tmp_path: Path, name: str, arguments: tuple[str, ...]) -> None:
    """Whatever went over the wire is told about, twice in a row too, in every form."""
    tape = write_tape(tmp_path / "out.jsonl", [ODD[name], ODD[name]])
    done = CliRunner().invoke(respool, [arguments[0], str(tape), *arguments[1:]])
    assert done.exit_code == 0, done.exception
    assert done.output
    assert all(line.isprintable() for line in done.output.splitlines())
    if "--json" in arguments:
        for line in done.output.splitlines():
            json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize("at", ["", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00", "soon"])
def test_odd_times(tmp_path: Path, at: str) -> None:
    """A time that cannot be, or has no zone, is shown if it can be and stops nothing."""
    tape = write_tape(tmp_path / "out.jsonl", [Told(answer=response(1)), Told(answer=response(2))])
    edited = re.sub(r'"at":"[^"]*"', f'"at":"{at}"', tape.read_text(), count=1)
    tape.write_text(edited)
    for arguments in (["show", str(tape)], ["show", str(tape), "2"], ["show", str(tape), "--json"]):
        done = CliRunner().invoke(respool, arguments)
        assert done.exit_code == 0, done.exception


@pytest.mark.parametrize("name", ["items that are none", "no JSON", "nothing"])
def test_odd_text(tmp_path: Path, name: str) -> None:
    """What cannot be read as the API's is shown as what it is."""
    expected = {
        "items that are none": '  not an item\n    "text"\n  not an item\n    7\n',
        "no JSON": "\nthe request\n  9 bytes that are no JSON object\n    \\x1b[2Jhello\n",
        "nothing": "\nthe answer\n  nothing",
    }[name]
    with Cassette.open(write_tape(tmp_path / "out.jsonl", [ODD[name]])) as tape:
        reading = read(tape, 1)
        lines = in_full(reading, additions(tape, reading), Paper())
        assert expected in "\n".join(map(str, lines))
