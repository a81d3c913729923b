"""The text of `show` and `tail`: numbers, cuts, items of every type, and traffic of any kind."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tapes import Told, message, response, write_tape

from cassettes.reader import Cassette
from cassettes.summary import StreamEvent
from respool.cli import respool
from respool.view.additions import additions
from respool.view.facts import read
from respool.view.gist import inventory
from respool.view.item_lines import view
from respool.view.partial_output import unfinished_items
from respool.view.plain_text import (
    cells,
    duration,
    excerpt,
    printable,
    short_number,
    shorten,
    text_lines,
    usd,
    wrap,
)
from respool.view.printing import Paper, in_full
from respool.view.readable import readable
from respool.view.row import model_name, row, tokens
from respool.view.styled import Line, folded
from respool.view.table import listed

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TYPES = [
    "message", "reasoning", "function_call", "function_call_output", "custom_tool_call",
    "mcp_call", "web_search_call", "file_search_call", "code_interpreter_call", "shell_call",
    "shell_call_output", "image_generation_call", "computer_call_output", "compaction",
    "item_reference", "mcp_list_tools", "unheard_of",
]  # fmt: skip
MEMBERS = [
    "role", "content", "summary", "encrypted_content", "name", "arguments", "input", "output",
    "call_id", "status", "action", "queries", "code", "result", "text", "id", "server_label",
]  # fmt: skip
ITEMS = st.builds(
    lambda kind, rest: {"type": kind, **rest},
    st.sampled_from(TYPES) | JSON_VALUES,
    st.dictionaries(st.sampled_from(MEMBERS), JSON_VALUES, max_size=6),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Zürich, 東京, 👨‍👩‍👧, e\u0301", "plain, Zürich, 東京, 👨‍👩‍👧, e\u0301"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("one\ntwo\r\ttab", r"one\ntwo\r\ttab"),
        ("\x7f \x85 \x9b", r"\x7f \x85 \x9b"),
        ("\u202e\u2066\u200b\ufeff", r"\u202e\u2066\u200b\ufeff"),
        ("hidden\U000e0041", r"hidden\U000e0041"),
        ("half \ud83d", r"half \ud83d"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    """What a terminal would obey or hide is escaped, and what people write is not."""
    assert printable(text) == shown
    assert printable(shown) == shown


@given(st.text(), st.integers(1, 60))
def test_shorten(text: str, room: int) -> None:
    """A shortened text is one line that fits, and is whole if the whole fits."""
    short = shorten(text, room)
    assert cells(short) <= room
    assert "\n" not in short
    whole = printable(" ".join(text.split()))
    assert short == whole or short.endswith("…")
    assert short == whole or cells(whole) > room


@given(st.text(), st.integers(16, 60))
def test_wrap(text: str, room: int) -> None:
    """Wrapped lines fit, and together say what the line said."""
    for line in text_lines(text):
        wrapped = wrap(line, room)
        assert all(cells(part) <= room for part in wrapped)
        assert "".join("".join(wrapped).split()) == "".join(line.split())
        assert wrap(line, None) == [line]


def test_wrap_keeps_the_margin() -> None:
    """Code stays indented when it is wrapped, and a word without end is broken."""
    assert wrap("    if one and two:", 16) == ["    if one and", "    two:"]
    assert wrap("x" * 40, 16) == ["x" * 16, "x" * 16, "x" * 8]


@given(st.text(st.sampled_from("ab \n"), max_size=400), st.integers(8, 80), st.integers(1, 9))
def test_excerpt_counts_what_it_hides(text: str, characters: int, lines: int) -> None:
    """Beginning, hidden characters and end make up the text; nothing is hidden twice."""
    cut, whole = excerpt(text, characters, lines), "\n".join(text_lines(text))
    shown = "\n".join(cut.head)
    if cut.hidden or cut.tail:
        tail = "".join("\n" + line for line in cut.tail)
        assert whole.startswith(shown)
        assert whole.endswith(tail)
        assert len(shown) + cut.hidden + len(tail) == len(whole)
    else:
        assert shown == whole


def test_numbers() -> None:
    """Numbers are short, have their unit, and are a dash when they are not known."""
    assert [short_number(n) for n in (0, 9_999, 12_345, 118_234, 999_499, 999_500, 1_234_567)] == [
        "0", "9999", "12.3k", "118k", "999k", "1.00M", "1.23M"
    ]  # fmt: skip
    assert [short_number(None), short_number(None, "?"), short_number(12 * 10**12)] == [
        "-",
        "?",
        "12,000G",
    ]
    assert [tokens(None, None), tokens(7, None), tokens(12_345, 0)] == ["-", "7 (?)", "12.3k (0)"]
    assert [usd(None), usd(float("nan")), usd(0), usd(0.000_02), usd(0.0123), usd(1234.5)] == [
        "-", "-", "$0.0000", "$0.000020", "$0.0123", "$1,234.50"
    ]  # fmt: skip
    times = (None, float("inf"), -1, 0, 12.4, 999.6, 1_240, 59_940, 125_000, 3_725_000)
    assert [duration(ms) for ms in times] == [
        "-", "-", "-", "<1ms", "12ms", "1.00s", "1.24s", "59.9s", "2m05s", "1h02m"
    ]  # fmt: skip
    assert duration(1240, " ") == "1.24 s"


def test_model_name() -> None:
    """The date of a snapshot is left out where room is short, and nothing else."""
    names = ["gpt-5.1-2025-11-13", "gpt-5.1", "2025-11-13", "a-2025-1x-13", "/models/x.gguf"]
    assert [model_name(name) for name in names] == ["gpt-5.1", *names[1:]]


def test_readable() -> None:
    """Short JSON stays on a line; a text of several lines stands as it was written."""
    assert readable({"city": "Zürich", "n": [1, None]}) == '{"city": "Zürich", "n": [1, null]}'
    patch = {"path": "a.py", "patch": "import os\n\nprint(1)\n", "more": [{"x": 1}]}
    assert readable(patch).splitlines() == [
        "{",
        '  "path": "a.py",',
        '  "patch":',
        "    | import os",
        "    | ",
        "    | print(1)",
        '  "more": [{"x": 1}]',
        "}",
    ]
    long = readable({"values": list(range(40)), "last": True})
    assert long.splitlines()[:3] == ["{", '  "values": [', "    0,"]
    assert json.loads(long) == {"values": list(range(40)), "last": True}


PNG = "data:image/png;base64," + "iVBORw0KGgo" * 40


@pytest.mark.parametrize(
    ("item", "label", "name", "text"),
    [
        ({"role": "developer", "content": "Be brief."}, "developer", "", "Be brief."),
        (message("Hello."), "text", "", "Hello."),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": PNG}]},
            "user",
            "",
            "[image image/png, 440 bytes of base64]",
        ),
        (
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "output_text",
                        "text": "See there.",
                        "annotations": [{"type": "url_citation", "url": "https://example.org/a"}],
                    }
                ],
            },
            "text",
            "",
            "See there.\n[sources: https://example.org/a]",
        ),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            "refusal",
            "",
            "No.",
        ),
        (
            {
                "type": "mcp_call",
                "server_label": "git",
                "name": "log",
                "arguments": "{}",
                "output": "a1",
            },
            "call",
            "git.log",
            "{}\noutput: a1",
        ),
        (
            {"type": "custom_tool_call", "name": "sql", "input": "select\n1"},
            "call",
            "sql",
            "select\n1",
        ),
        (
            {"type": "web_search_call", "action": {"type": "search", "query": "maples"}},
            "web_search_call",
            "",
            '{"type": "search", "query": "maples"}',
        ),
        (
            {
                "type": "shell_call_output",
                "call_id": "c",
                "output": [{"stdout": "ok\n", "stderr": ""}],
            },
            "shell_call_output",
            "",
            "ok",
        ),
        (
            {"type": "compaction", "encrypted_content": "g" * 9},
            "compaction",
            "",
            "[encrypted, 9 bytes]",
        ),
        ({"type": "item_reference", "id": "msg_1"}, "item_reference", "", "msg_1"),
        ({"type": "hologram", "status": "spinning", "x": [1]}, "hologram", "", '{"x": [1]}'),
        ("not an object", "not an item", "", '"not an object"'),
    ],
)
def test_items(item: Any, label: str, name: str, text: str) -> None:
    """Items have a label, a name and a text, each type its own; unheard-of ones are JSON."""
    seen = view(item)
    assert (seen.label, seen.name, seen.text) == (label, name, text)


def test_inventory() -> None:
    """Items that are not shown are counted by what they are."""
    items = [{"type": "reasoning"}, {"type": "function_call"}, {"type": "function_call"}]
    assert inventory([{"role": "user"}, *items]) == "user message, reasoning, 2 calls"


@given(ITEMS | JSON_VALUES)
def test_any_item(item: Any) -> None:
    """Whatever an item holds, there is a view of it, without its encrypted content."""
    seen = view(item, {"call_1": "known"})
    for line in Paper(width=60).text(seen.text, 4):
        assert str(line) == printable(str(line))
    assert isinstance(seen.in_short, str)


def event(kind: str, **members: Any) -> StreamEvent:
    """An event of a stream."""
    data = json.dumps({"type": kind, **members})
    return StreamEvent(1.0, None, kind, data, len(data))


def test_deltas_without_indexes() -> None:
    """A stream whose server numbers nothing still gives its text and its thoughts."""
    events = [
        event("response.reasoning_summary_text.delta", item_id="rs", delta="Hm"),
        event("response.output_text.delta", item_id="msg", delta="Ye"),
        event("response.reasoning_summary_text.delta", item_id="rs", delta="m."),
        event("response.output_text.delta", item_id="msg", delta="s"),
        event("response.output_text.delta", item_id="msg", delta=None),
        event("response.output_item.done", item={"id": "rs"}),
    ]
    [item] = unfinished_items(events)
    assert item == {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Yes"}],
        "status": "in_progress",
    }


def test_a_line_is_folded_at_blanks() -> None:
    """A line that does not fit goes on below, indented, in its colours."""
    line = Line("  tokens  ", "faint").add("in 10,000  ", "bad").add("out 5")
    parts = ["  tokens  in", "          10,000", "          out 5"]
    assert [str(part) for part in folded(line, 16, 10)] == parts
    assert list(folded(line, None, 10)) == [line]


def test_a_new_day_has_a_line(tmp_path: Path) -> None:
    """A list that goes on over midnight says which day it is."""
    with Cassette.open(write_tape(tmp_path / "out.jsonl", [Told(answer=response(1))])) as tape:
        first = replace(row(read(tape, 1)), day=date(2026, 1, 31))
    rows = [first, first, replace(first, day=date(2026, 2, 1)), replace(first, day=None)]
    lines = [str(line) for line in listed(rows, 100)]
    assert lines[3] == "Sunday, 2026-02-01"
    assert len(lines) == 6


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


FAILED = response(1, status="failed", error={"code": "server_error", "message": "no"}, output=[])
REFUSED = message("") | {"content": [{"type": "refusal", "refusal": "No."}]}


@pytest.mark.parametrize(
    ("told", "grade", "word"),
    [
        (Told(answer=response(1)), "ok", "ok"),
        (Told(answer=[{"type": "response.failed", "response": FAILED}]), "bad", "failed"),
        (Told(answer={"error": "bare words"}, status=404), "bad", "404"),
        (Told(answer=[{"type": "error", "code": "x", "message": "y"}]), "bad", "error"),
        (Told(answer=b"", status=302), "odd", "302"),
        (Told(answer=response(1, status="queued", usage=None)), "odd", "queued"),
        (Told(answer=response(1, output=[REFUSED])), "odd", "refused"),
        (Told(answer=b"hello"), "odd", "unreadable"),
        (Told(answer=response(1), outcome="client_gone"), "odd", "client_gone"),
        (Told(answer=response(1), outcome="truncated"), "bad", "truncated"),
        (Told(), "bad", "no answer"),
        (Told(outcome=None), "odd", "unfinished"),
        (Told(b"", {"deleted": True}, method="DELETE", path="/v1/responses/r"), "ok", "ok"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_verdicts(tmp_path: Path, told: Told, grade: str, word: str) -> None:
    """How an exchange went is one word, and only what went well is ok."""
    with Cassette.open(write_tape(tmp_path / "out.jsonl", [told], calm=False)) as tape:
        verdict = read(tape, 1).verdict
    assert (verdict.grade, verdict.word) == (grade, word)


def test_a_response_that_is_still_made_is_not_unpriced(tmp_path: Path) -> None:
    """A background response has no price yet; one that broke off has one that nobody knows."""
    queued = response(1, status="queued", usage=None)
    told = [Told(answer=queued), Told(answer=queued, outcome="upstream_gone")]
    with Cassette.open(write_tape(tmp_path / "out.jsonl", told)) as tape:
        assert [read(tape, x).unpriced for x in (1, 2)] == [False, True]


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
