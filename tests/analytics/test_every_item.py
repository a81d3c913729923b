"""Every type of item ends up in the tables with what it says, from a cassette to a database."""

import json
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from item_payloads import DATA_URL, PNG, SEALED, Payload
from item_payloads_more import PAYLOADS
from tapes import Told, response, write_tape

from analytics.ingest import ingest
from analytics.item_text import Contents
from wire.items import ITEMS

COMPARED = (
    *("role", "call_id", "name", "namespace", "phase", "text", "error"),
    *("media_bytes", "encrypted_bytes", "status"),
)
CALL = ("name", "namespace", "arguments", "output", "error")
QUERIES = {
    "items": (
        "SELECT e.response_id, x.direction, x.status, i.* FROM exchange_items x "
        "JOIN items i USING (item_id) JOIN exchanges e USING (exchange_id) "
        "WHERE i.text IS DISTINCT FROM 'hi'"
    ),
    "tool_calls": (
        "SELECT e.response_id, c.* FROM tool_calls c JOIN exchanges e USING (exchange_id)"
    ),
}
PIXELS = "iVBORw0K" * 625
NUMBERS = range(1, len(PAYLOADS) + 1)


def told(payload: Payload, number: int) -> Told:
    """An exchange that has this item and nothing else in its input or output."""
    given = [payload.item] if payload.given else "hi"
    made = [] if payload.given else [payload.item]
    return Told({"model": "gpt-5.1", "input": given}, response(number, output=made))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, dict[str, Any]]]:
    """Rows of `items` and `tool_calls` by the number of the exchange, one for each payload."""
    folder = tmp_path_factory.mktemp("items")
    found: dict[str, dict[int, dict[str, Any]]] = {"items": {}, "tool_calls": {}}
    # Calls apart from the rest, as in one recording they would be joined with their outputs.
    for calls in (True, False):
        numbers = [n for n in NUMBERS if (PAYLOADS[n - 1].call is not None) is calls]
        tape, db = folder / f"{calls}.jsonl", folder / f"{calls}.duckdb"
        write_tape(tape, [told(PAYLOADS[number - 1], number) for number in numbers])
        list(ingest([tape], db))
        with duckdb.connect(db, read_only=True) as connection:
            for table, query in QUERIES.items():
                for row in connection.sql(query).to_arrow_table().to_pylist():
                    found[table][int(row["response_id"].removeprefix("resp_"))] = row
    return found


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: PAYLOADS[number - 1].type)
def test_item(tables: dict[str, dict[int, dict[str, Any]]], number: int) -> None:
    """An item has its type, role, ids, names, text, sizes and status; what it lacks is NULL."""
    payload, row = PAYLOADS[number - 1], tables["items"][number]
    assert row["type"] == payload.type
    assert row["direction"] == ("input" if payload.given else "output")
    assert {name: row[name] for name in COMPARED} == dict.fromkeys(COMPARED) | payload.row
    for unreadable in (PNG, DATA_URL, SEALED):
        assert unreadable not in (row["text"] or "")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: PAYLOADS[number - 1].type)
def test_call(tables: dict[str, dict[int, dict[str, Any]]], number: int) -> None:
    """What a call asks for and what came of it is in `tool_calls`; other items are not."""
    payload, row = PAYLOADS[number - 1], tables["tool_calls"].get(number)
    if payload.call is None:
        assert row is None
        return
    assert row is not None
    assert row["type"] == payload.type
    assert row["call_id"] == payload.row.get("call_id")
    assert row["item_id"] == tables["items"][number]["item_id"]
    assert row["status"] == payload.row.get("status")
    assert {name: row[name] for name in CALL} == dict.fromkeys(CALL) | payload.call


def test_every_type_has_a_payload() -> None:
    """Each type of the registry is among the payloads, but for other names of the same thing."""
    other_names = {"compaction_summary", "context_compaction"}
    assert set(ITEMS) - {payload.type for payload in PAYLOADS} == other_names


@pytest.mark.parametrize(
    ("item", "text", "media"),
    [
        ({"output": DATA_URL}, None, len(DATA_URL)),
        (
            {"output": f"see ![chart]({DATA_URL})"},
            f"see ![chart]([{len(DATA_URL)} bytes of media])",
            len(DATA_URL),
        ),
        ({"output": [{"type": "image", "data": PNG}, {"text": "ok"}]}, "ok", len(PNG)),
        ({"output": {"image_url": {"url": "https://a.test/b.png"}}}, "https://a.test/b.png", None),
        ({"output": PIXELS[:1024]}, None, 1024),
        ({"output": PIXELS[:1023]}, PIXELS[:1023], None),
        (
            {"output": f'{{"data": "{PIXELS}"}}'},
            f'{{"data": "[{len(PIXELS)} bytes of media]"}}',
            5000,
        ),
        ({"output": f'{{"token": "{PIXELS[:4095]}"}}'}, f'{{"token": "{PIXELS[:4095]}"}}', None),
        ({"output": "ACGT" * 2000}, "ACGT" * 2000, None),
        ({"output": "see " + "c0ffee" * 1000}, "see " + "c0ffee" * 1000, None),
        ({"output": "/usr/share/quay" * 200}, "/usr/share/quay" * 200, None),
        ({"output": [{"type": "image", "data": "AAAA"}]}, None, 4),
        ({"output": "word " * 300}, "word " * 300, None),
        ({"output": {"temp": 5}}, '{"temp": 5}', None),
        ({"output": 42}, "42", None),
        ({"output": False}, "false", None),
        ({"output": {"commands": ["make", "ls", "make"]}}, "make\nls\nmake", None),
        ({"output": {"query": "a", "queries": ["b", "a", "b"]}}, "b\na\nb", None),
        ({"output": {"stdout": "a", "stderr": "a"}}, "a", None),
        ({"output": json.loads("[" * 400 + "]" * 400)}, None, None),
        ({"output": [[["deep"]], 7, None, True]}, "deep", None),
        ({"output": {"future": [1], "content": {"content": "inside"}}}, "inside", None),
        ({"output": ""}, None, None),
    ],
)
def test_text_and_media_are_told_apart(
    tmp_path: Path, item: dict[str, Any], text: str | None, media: int | None
) -> None:
    """Base64 is counted and never text, wherever it stands."""
    tape, db = tmp_path / "out.jsonl", tmp_path / "traffic.duckdb"
    given = [{"type": "function_call_output", "call_id": "call_1", **item}]
    write_tape(tape, [Told({"model": "m", "input": given}, response(1, output=[]))])
    list(ingest([tape], db))
    with duckdb.connect(db, read_only=True) as connection:
        answer = connection.execute("SELECT text, media_bytes FROM items").fetchall()
    assert answer == [(text, media)]


def test_long_texts_are_read_at_once() -> None:
    """However long the words are in which media might begin, each letter is looked at once."""
    texts = ("a" * 1000 + " ", "c0ffee" * 85 + "\n", "data:a/b;x=" + "y" * 500)
    began = time.perf_counter()
    for text in texts:
        found = Contents()
        found.read(text * (5_000_000 // len(text)))
        assert found.media == 0
    assert time.perf_counter() - began < 2.0


def test_tools_of_every_kind(tmp_path: Path) -> None:
    """Tools are named by name, label or type; those of a namespace follow it, in it."""
    tools: list[dict[str, Any]] = [
        {"type": "function", "name": "tide", "description": "Tides of a port", "parameters": {}},
        {"type": "mcp", "server_label": "port", "server_description": "Berths and locks"},
        {
            "type": "namespace",
            "name": "sea",
            "description": "At sea",
            "tools": [
                {"type": "function", "name": "depth", "parameters": {}},
                {"type": "custom", "name": "log", "description": "Free text"},
            ],
        },
        {"type": "web_search_preview"},
        {"type": "sonar"},
    ]
    tape, db = tmp_path / "out.jsonl", tmp_path / "traffic.duckdb"
    asked = {"model": "m", "input": "hi", "tools": tools}
    write_tape(tape, [Told(asked, response(1)), Told({**asked, "input": "more"}, response(2))])
    list(ingest([tape], db))
    with duckdb.connect(db, read_only=True) as connection:
        answer = connection.execute(
            "SELECT position, member, type, name, namespace, description FROM tools "
            "ORDER BY position, member NULLS FIRST"
        ).fetchall()
    assert answer == [
        (0, None, "function", "tide", None, "Tides of a port"),
        (1, None, "mcp", "port", None, "Berths and locks"),
        (2, None, "namespace", "sea", None, "At sea"),
        (2, 0, "function", "depth", "sea", None),
        (2, 1, "custom", "log", "sea", "Free text"),
        (3, None, "web_search_preview", "web_search_preview", None, None),
        (4, None, "sonar", "sonar", None, None),
    ]
