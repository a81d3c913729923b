"""What `show` and `tail` say of items of every type, and in a word of exchanges."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tapes import Told, message, response, write_tape

from cassettes.reader import Cassette
from cassettes.summary import StreamEvent
from respool.view.facts import read
from respool.view.gist import inventory
from respool.view.item_lines import view
from respool.view.partial_output import unfinished_items
from respool.view.plain_text import (
    printable,
)
from respool.view.printing import Paper
from respool.view.row import row
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


def test_a_new_day_has_a_line(tmp_path: Path) -> None:
    """A list that goes on over midnight says which day it is."""
    with Cassette.open(write_tape(tmp_path / "out.jsonl", [Told(answer=response(1))])) as tape:
        first = replace(row(read(tape, 1)), day=date(2026, 1, 31))
    rows = [first, first, replace(first, day=date(2026, 2, 1)), replace(first, day=None)]
    lines = [str(line) for line in listed(rows, 100)]
    assert lines[3] == "Sunday, 2026-02-01"
    assert len(lines) == 6


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
