"""Captures in several files: the same links wherever files begin, in whatever order they come."""

import json
import shutil
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from retold import fetch
from tapes import Told, notes, response, stream
from test_ingest import contents, rows
from test_ingest_captures import PARENTS, REPEATED, rotated, talking

from analytics.ingest import Ingested, ingest
from cassettes.capture import SMALLEST, Capture
from cassettes.folder import expanded
from cassettes.notes import Answered, Began, Ended, Heard, Sent


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "traffic.duckdb"


def test_an_input_that_is_sent_again_and_again_over_two_files(tmp_path: Path, db: Path) -> None:
    """Each repetition names the first request, which is in another file than they are."""
    path = tmp_path / "c.jsonl"
    capture = Capture(path, base="/v1", upstream="http://127.0.0.1:1/v1", rotate=SMALLEST)
    said = {"model": "m", "input": [{"role": "user", "content": "x"}]}
    long = {"model": "m", "input": [{"role": "user", "content": "x" * SMALLEST}]}
    for x, request in enumerate([said, long, said, said], 1):
        capture.put(*notes(x, Told(request, {"error": {}}, 500), x * 10**9))
    capture.close()
    assert len(expanded([tmp_path])) == 2
    list(ingest([tmp_path], db))
    assert rows(
        db,
        "SELECT e.number, r.number FROM exchanges e "
        "LEFT JOIN exchanges r ON r.exchange_id = e.repeats_id ORDER BY 1",
    ) == [(1, None), (2, None), (3, 1), (4, 1)]


def test_a_third_repetition_after_a_restart(tmp_path: Path, db: Path) -> None:
    """It names the first request, though the recorder has only found the second when it started."""
    told = Told({"model": "m", "input": [{"role": "user", "content": "x" * SMALLEST}]}, response(1))
    rotated(tmp_path / "c.jsonl", [told, told], SMALLEST)
    assert len(rotated(tmp_path / "c.jsonl", [told, told], SMALLEST)) > 2
    list(ingest([tmp_path], db))
    assert sorted(rows(db, REPEATED)) == [(2, 1), (3, 1), (4, 1)]
    assert sorted(rows(db, PARENTS)) == [(1, 0, None), (2, 1, 1), (3, 1, 2), (4, 1, 3)]


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    """Two conversations take turns, and so do files: each goes on where it was, as without one."""
    found = []
    for restarted in (True, False):
        folder = tmp_path / f"{restarted}"
        folder.mkdir()
        histories: list[list[dict[str, str]]] = [[], []]
        told = []
        for x in range(6):
            history = histories[x % 2]
            history.append({"role": "user", "content": f"turn {x}"})
            told.append(Told({"model": "m", "input": [*history]}, response(x)))
        told.append(told[-2])  # once more
        for each in [[one] for one in told] if restarted else [told]:
            rotated(folder / "c.jsonl", each, 1)
        assert len(expanded([folder])) == 8  # the first is empty
        list(ingest([folder], folder / "db.duckdb"))
        found.append([sorted(rows(folder / "db.duckdb", query)) for query in (PARENTS, REPEATED)])
    assert found[0] == found[1]


@given(
    said=st.lists(
        st.tuples(st.lists(st.sampled_from("ab"), min_size=1, max_size=3), st.booleans()),
        min_size=3,
        max_size=7,
    )
)
@settings(max_examples=12, deadline=None)
def test_where_files_begin_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[list[str], bool]]
) -> None:
    """Whatever is said, by WebSocket or not, has the same parents and repetitions."""
    found = []
    for rotate in (1, 1 << 30):
        folder = tmp_path_factory.mktemp("capture")
        capture = Capture(folder / "c.jsonl", base="/v1", upstream="http://h/v1", rotate=rotate)
        upgrade = [("upgrade", "websocket")]
        capture.put(Began(1, 1, time.time_ns(), "GET", "/v1/responses", upgrade, b""))
        capture.put(Answered(1, 1, 101, upgrade))
        for x, (texts, on_socket) in enumerate(said, 2):
            request = {"model": "m", "input": [{"role": "user", "content": each} for each in texts]}
            if on_socket:
                create = json.dumps({"type": "response.create", **request}).encode()
                capture.put(Sent(x, x * 10**9, time.time_ns(), 1, create))
            else:
                capture.put(*notes(x, Told(request, response(x)), x * 10**9))
        capture.put(Ended(1, 99 * 10**9, "complete"))
        capture.close()
        list(ingest([folder], folder / "db.duckdb"))
        found.append([sorted(rows(folder / "db.duckdb", query)) for query in (PARENTS, REPEATED)])
    assert found[0] == found[1]


@pytest.mark.parametrize("first", [[-1], [1], [2, 1], [-2, -1]])
def test_files_may_come_in_any_order(tmp_path: Path, db: Path, first: list[int]) -> None:
    """Where earlier files come later, the tables are in the end as if they had come in order."""
    files = rotated(tmp_path / "c.jsonl", talking(20))
    assert len(files) > 4
    for at in first:
        list(ingest([files[at]], db))
    list(ingest([tmp_path], db))
    in_order = db.with_name("in-order.duckdb")
    list(ingest([tmp_path], in_order))
    assert contents(db) == contents(in_order)
    assert {found.exchanges for _, found in ingest([tmp_path], db)} == {0}
    assert contents(db) == contents(in_order)


def test_another_process_that_links_more_meanwhile(tmp_path: Path, db: Path) -> None:
    """What it linked and an older look at the tables parts again is linked by the next run."""
    long = "x" * 40_000
    said = [
        *([f"a{long}"], [f"b{long}"], [f"c{long}"], [f"d{long}"]),
        *([f"a{long}", "1"], [f"c{long}", "2"], [f"e{long}"], [f"f{long}"]),
    ]
    told = [
        Told({"model": "m", "input": [{"role": "user", "content": t} for t in texts]}, response(x))
        for x, texts in enumerate(said, 1)
    ]
    first, second, third, *_ = files = rotated(tmp_path / "c.jsonl", told, SMALLEST)
    list(ingest([third], db))
    list(ingest([first], db))
    asked = 0

    def meanwhile() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:  # once a file, once an exchange
            list(ingest([second, third], db))
        return False

    list(ingest([third], db, meanwhile))
    list(ingest(files, db))
    list(ingest(files, in_order := db.with_name("in-order.duckdb")))
    assert contents(db) == contents(in_order)
    assert (6, 1, 3) in rows(db, PARENTS)


def test_another_process_that_links_less_meanwhile(tmp_path: Path, db: Path) -> None:
    """It read the second file alone, and what this one found to link there is not left out."""
    long = "x" * 70_000
    told = [
        Told({"model": "m", "input": [{"role": "user", "content": t} for t in texts]}, response(x))
        for x, texts in enumerate(([f"a{long}"], [f"a{long}", f"b{long}"], ["c"]), 1)
    ]
    first, second, _ = files = rotated(tmp_path / "c.jsonl", told, SMALLEST)
    asked = 0

    def meanwhile() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:  # the first file waits to be written, and the second comes next
            list(ingest([second], db))
        return False

    list(ingest([first, second], db, meanwhile))
    list(ingest(files, db))
    list(ingest(files, in_order := db.with_name("in-order.duckdb")))
    assert contents(db) == contents(in_order)
    assert (2, 1, 1) in rows(db, PARENTS)


def socket_across_files(path: Path) -> list[Path]:
    """A WebSocket in the first file, whose last message goes on from what only the second has."""
    capture = Capture(path, base="/v1", upstream="http://127.0.0.1:1/v1", rotate=SMALLEST)
    wall = time.time_ns()
    capture.put(
        Began(1, 10**9, wall, "GET", "/v1/responses", [("upgrade", "websocket")], b""),
        Answered(1, 10**9, 101, [("upgrade", "websocket")]),
    )

    def ask(x: int, said: list[str]) -> None:
        given = [{"role": "user", "content": text} for text in said]
        create = {"type": "response.create", "model": "m", "input": given}
        capture.put(Sent(x, x * 10**9, wall + x * 10**9, 1, json.dumps(create).encode()))
        for event in stream(response(x)):
            capture.put(Heard(1, x * 10**9, json.dumps(event).encode()))

    ask(2, ["x" * SMALLEST])
    other = Told({"model": "m", "input": [{"role": "user", "content": "y"}]}, response(3))
    capture.put(*notes(3, other, 3 * 10**9))
    ask(4, ["y", "z"])
    ask(5, ["y", "z"])
    capture.put(Ended(1, 9 * 10**9, "complete"))
    capture.close()
    return expanded([path])


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_message_goes_on_from_a_later_file(tmp_path: Path, db: Path, order: list[int]) -> None:
    """One run links a message in an old file to an exchange of a newer one, and counts it once."""
    files = socket_across_files(tmp_path / "c.jsonl")
    assert len(files) == 2
    found = list(ingest([files[at] for at in order], db))
    if order == [0, 1]:
        assert found == [(files[0], Ingested(4, 0)), (files[1], Ingested(1, 0))]
    linked = [(1, 0, None), (2, 0, None), (3, 0, None), (4, 1, 3), (5, 2, 4)]
    assert sorted(rows(db, PARENTS)) == linked
    before = contents(db)
    assert {each.exchanges for _, each in ingest([tmp_path], db)} == {0}
    assert contents(db) == before


@given(order=st.permutations(range(6)), cuts=st.sets(st.integers(1, 5)))
@settings(max_examples=5, deadline=None)
def test_any_order_of_files_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: set[int]
) -> None:
    """However the files of a capture are spread over runs, the rows are those of one run."""
    folder = tmp_path_factory.mktemp("capture")
    files = rotated(folder / "c.jsonl", talking(9))
    named = folder / "named"  # each by itself: the current file brings the others along
    named.mkdir()
    alone = [shutil.copy(path, named / f"{at}.{path.name}") for at, path in enumerate(files)]
    assert len(files) == len(order)
    for first, last in pairwise([0, *sorted(cuts), len(order)]):
        if paths := [alone[at] for at in order[first:last]]:
            list(ingest(paths, folder / "db.duckdb"))
    list(ingest([alone[at] for at in order], folder / "db.duckdb"))  # what was read lacks the rest
    list(ingest([folder], folder / "whole.duckdb"))
    assert contents(folder / "db.duckdb") == contents(folder / "whole.duckdb")


RAN = {"type": "code_interpreter_call", "id": "ci_1", "code": "6*7"}
WENT = st.sampled_from(["completed", "failed", "in_progress"])


@given(
    tellings=st.lists(st.tuples(WENT, st.sampled_from([None, "4", "42"])), min_size=3, max_size=4),
    order=st.permutations(range(4)),
)
@example([("completed", None), ("completed", "4"), ("completed", "42")], [0, 2, 1, 3])
@settings(max_examples=6, deadline=None)
def test_tellings_that_differ(
    tmp_path_factory: pytest.TempPathFactory,
    tellings: list[tuple[str, str | None]],
    order: list[int],
) -> None:
    """What came of a call that fetches tell in other ways is the same whichever is read first."""
    folder = tmp_path_factory.mktemp("capture")
    exchanges = []
    for status, logs in tellings:
        outputs = [{"type": "logs", "logs": logs}] if logs else None
        ran = {**RAN, "status": status, "outputs": outputs}
        told = response(1, output=[ran], status=status.replace("failed", "completed"))
        exchanges.append(fetch(1, told) if exchanges else Told(answer=told))
    files = rotated(folder / "c.jsonl", exchanges, 1)[1:]  # the first is empty
    alone = [Path(shutil.copy(path, folder / f"{path.name}.copy")) for path in files]
    for at in order:
        list(ingest(alone[at : at + 1], folder / "db.duckdb"))
    list(ingest([folder], folder / "whole.duckdb"))
    assert contents(folder / "db.duckdb") == contents(folder / "whole.duckdb")


def test_an_answer_in_flight_is_linked_later(tmp_path: Path, db: Path) -> None:
    """Before the file that its request goes on from is read it seems to bring more than it does."""
    brought = [
        {"role": "user", "content": "x" * SMALLEST},
        {"type": "function_call_output", "call_id": "call_1", "output": "of a call before"},
    ]
    call = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
    next_one = [*brought, {"role": "user", "content": "next"}]
    folder, alone = tmp_path / "c", tmp_path / "alone"
    folder.mkdir()
    alone.mkdir()
    rotated(
        folder / "c.jsonl",
        [
            Told({"model": "m", "input": brought}, response(1)),
            Told({"model": "m", "input": "call"}, response(2, output=[call])),
            Told({"model": "m", "input": next_one}, outcome=None),
        ],
        SMALLEST,
    )
    current = Path(shutil.copy(folder / "c.jsonl", alone))
    list(ingest([current], db))
    query = "SELECT output_exchange_id IS NULL, output FROM tool_calls"
    assert rows(db, query) == [(False, "of a call before")]
    list(ingest([folder], db))
    list(ingest([folder], db))
    list(ingest([folder], tmp_path / "in-order.duckdb"))
    assert rows(db, query) == [(True, None)]
    assert contents(db) == contents(tmp_path / "in-order.duckdb")
