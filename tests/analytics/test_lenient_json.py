"""What only lenient parsers read is in the tables all the same, with a finding."""

import json
from pathlib import Path

import duckdb
import pytest
from retold import ask, call
from tapes import Told, response, sse, write_tape

from analytics.ingest import ingest

ASKED = (
    '{"model":"m","input":[{"role":"user","content":"tide?"}],"instructions":"Be kind.",'
    '"tools":[{"type":"function","name":"tide"}]'
)
ANSWER = json.dumps(response(1, output=[call(1)]))
BEGUN = [sse({"type": "response.created", "response": response(1, output=[])})]
DONE = json.dumps({"type": "response.output_item.done", "item": call(1)})
DELTA = '{"type":"response.output_text.delta","delta":"a","logprobs":[{"logprob":-Infinity}]}'


def rows(db: Path, query: str) -> list[tuple]:
    with duckdb.connect(db, read_only=True) as connection:
        return connection.execute(query).fetchall()


def tables(tmp_path: Path, *exchanges: Told) -> Path:
    tape, db = tmp_path / "out.jsonl", tmp_path / "traffic.duckdb"
    write_tape(tape, exchanges)
    list(ingest([tape], db))
    return db


def event(text: str) -> bytes:
    return f"event: {json.loads(text)['type']}\ndata: {text}\n\n".encode()


def completed(answer: str) -> str:
    return '{"type":"response.completed","response":' + answer + "}"


@pytest.mark.parametrize(
    ("request_text", "answer", "place"),
    [
        (ASKED + ',"top_p":NaN}', ANSWER, "request"),
        ("\ufeff" + ASKED + "}", ANSWER, "request"),
        (ASKED + ',"store":false,"store":true}', ANSWER, "request"),
        (ASKED + ',"user":"\\ud83d","top_p":1e999,"top_k":NaN}', ANSWER, "request"),
        (ASKED + "}", ANSWER[:-1] + ',"top_p":Infinity}', "response"),
        (ASKED + "}", "\ufeff" + ANSWER, "response"),
        (ASKED + "}", ANSWER[:-1] + ',"store":false,"store":true}', "response"),
        (ASKED + "}", [event(completed(ANSWER[:-1] + ',"top_p":NaN}'))], "event"),
        (ASKED + "}", [event(completed(ANSWER[:-1] + ',"user":"a","user":"b"}'))], "event"),
        (ASKED + "}", [event(completed(ANSWER)[:-1] + ',"type":"response.completed"}')], "event"),
        (ASKED + "}", [*BEGUN, event(DONE[:-1] + ',"output_index":NaN}')], "event"),
        (ASKED + "}", [*BEGUN, event(DONE[:-1] + ',"a":1,"a":2}')], "event"),
        (ASKED + "}", [event(DELTA), event(completed(ANSWER))], "event"),
    ],
)
def test_nothing_is_lost(
    tmp_path: Path, request_text: str, answer: str | list[bytes], place: str
) -> None:
    """Items, tools, instructions and calls are told whichever part strict parsers refuse."""
    told = answer.encode() if isinstance(answer, str) else answer
    db = tables(tmp_path, Told(request_text.encode(), told))
    assert rows(db, "SELECT type, text FROM items ORDER BY ALL") == [
        ("function_call", "{}"),
        ("instructions", "Be kind."),
        ("message", "tide?"),
    ]
    assert rows(db, "SELECT name FROM tools") == [("tide",)]
    assert rows(db, "SELECT call_id FROM tool_calls") == [("call_1",)]
    ((params,),) = rows(db, "SELECT params FROM exchanges")
    assert json.loads(params)["model"] == "m"
    shape = "not strict JSON"
    assert rows(db, "SELECT place, shape FROM findings WHERE kind = 'not_json'") == [(place, shape)]


def test_strict_json_is_no_finding(tmp_path: Path) -> None:
    """Lone surrogates and numbers beyond a double are JSON by the letter, and stay as they came."""
    odd = ',"user":"\\ud83d","seed":1e999}'
    db = tables(tmp_path, Told((ASKED + odd).encode(), (ANSWER[:-1] + odd).encode()))
    assert rows(db, "SELECT count(*) FROM findings WHERE kind = 'not_json'") == [(0,)]
    ((params,),) = rows(db, "SELECT params FROM exchanges")
    assert params == '{"model":"m"' + odd


def test_values_of_a_copy(tmp_path: Path) -> None:
    """In what is stored, numbers that are none are null, and the last of two members counts."""
    item = '{"role":"user","content":"é","n":[NaN,-Infinity,1e999,2]}'
    asked = '{"model":"m","store":false,"store":true,"input":[' + item + "]}"
    huge = '{"id":"r","n":' + "9" * 5000 + ',"n":NaN}'
    db = tables(tmp_path, Told(asked.encode(), response(1, output=[])), Told(b"{}", huge.encode()))
    ((stored,),) = rows(db, "SELECT json FROM items")
    assert stored == '{"role": "user", "content": "é", "n": [null, null, null, 2]}'
    found = rows(db, "SELECT params FROM exchanges WHERE number = 1")
    assert found == [('{"model":"m","store":true}',)]


@pytest.mark.parametrize(
    "odd",
    [
        {"input": {"role": "user", "content": "one object"}},
        {"input": 5},
        {"instructions": [{"role": "developer", "content": "be kind"}]},
        {"tools": {"type": "function", "name": "tide"}},
        {"tools": None},
    ],
)
def test_odd_shapes_are_kept(tmp_path: Path, odd: dict[str, object]) -> None:
    """An input, instructions or tools that no table has a place for are among the parameters."""
    db = tables(tmp_path, Told({"model": "m", **odd}, response(1)))
    ((params,),) = rows(db, "SELECT params FROM exchanges")
    assert json.loads(params) == {"model": "m", **odd}


def test_params_are_what_has_no_table(tmp_path: Path) -> None:
    """Of a request of the usual shapes only the rest is among the parameters."""
    db = tables(tmp_path, Told(ask(instructions="Be kind.", tools=[]), response(1)))
    assert rows(db, "SELECT params FROM exchanges") == [('{"model":"gpt-5.1"}',)]


def test_tools_are_kept_in_their_shortest_spelling(tmp_path: Path) -> None:
    """The same tools in two cassettes are stored alike, whichever is ingested first."""
    texts = ('{"type":"function","name":"tide"}', '{ "name" : "tide", "type" : "function" }')
    tapes = [
        write_tape(
            tmp_path / f"{n}.jsonl",
            [Told(('{"model":"m","input":"a","tools":[' + text + "]}").encode(), response(1))],
        )
        for n, text in enumerate(texts)
    ]
    for order in (tapes, tapes[::-1]):
        db = tmp_path / f"{order[0].stem}.duckdb"
        list(ingest(order, db))
        assert rows(db, "SELECT bytes, json FROM tools") == [(len(texts[0]), texts[0])]
