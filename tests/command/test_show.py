"""`respool show`: what a developer reads who wants to know what went over the wire."""

import json
import re
from pathlib import Path

import pytest
from agent_tape import (
    CALL,
    OUTPUT,
    SEALED,
    TASK,
    THOUGHT,
    TOOLS,
    agent_tape,
    ask,
    show,
)
from harness import run
from tapes import Told, message, response, write_tape


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Five exchanges of an agent."""
    return agent_tape(tmp_path / "out.jsonl")


def test_list(tape: Path) -> None:
    """The list has a line for each exchange and one for all of them."""
    heading, *rows, blank, totals = show(tape).splitlines()
    titles = "# time model added calls status in (cached) out (reas.) cost ttft took"
    assert " ".join(heading.split()) == titles
    clock = r"\d\d:\d\d:\d\d"
    expected = [
        rf"1  {clock}  gpt-5.1 +\+1/1 +1  ok +12.3k \(11.0k\) +210 \(128\) +\$0.0052 +30ms +50ms",
        rf"2  {clock}  gpt-5.1 +\+3/4 +-  429  rate_limit_exceeded +- +30ms",
        rf"3  {clock}  gpt-5.1 +\+0/4 +0  ok, retry of 2 +300 \(60\) +20 \(5\) +\$0.0005 +- +30ms",
        rf"4  {clock}  gpt-5.1 +\+2/6 +-  client_gone  the client closed.*… +- +10ms",
        rf"5  {clock}  llama.gguf +\+1/1 +0  ok +500 \(60\) +20 \(5\) +- +- +30ms",
    ]
    for row, pattern in zip(rows, expected, strict=True):
        assert re.fullmatch(pattern, row), row
    assert blank == ""
    assert totals == (
        "5 exchanges (1 failed, 1 interrupted, 1 retry)  in 13,145  out 250"
        "  cost $0.0057  1 unpriced"
    )


@pytest.mark.parametrize("width", [40, 60, 72, 80, 100, 120, 160, 220])
def test_list_fits(tape: Path, width: int) -> None:
    """The list fits the terminal: columns give way, and each exchange keeps its line."""
    lines = show(tape, width=width).splitlines()
    rows = lines[1:6]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert max(map(len, rows)) <= width
    assert all(word in rows[0] for word in ("gpt-5.1", "ok", "12.3k", "210"))


def test_wide_list_says_what_happened(tape: Path) -> None:
    """Where there is room, a line ends in what was called or said, or why it failed."""
    rows = show(tape, width=160).splitlines()[1:6]
    assert rows[0].endswith('shell(cmd="pytest -x", timeout_s=60)')
    assert rows[1].endswith("Please try again in 20s.")
    assert rows[2].endswith("A dict became a key.")


def test_answer_fetched_again_counts_once(tmp_path: Path) -> None:
    """Tokens and cost of a response that is fetched again later are not added twice."""
    again = Told(b"", response(1), method="GET", path="/v1/responses/resp_1")
    tape = write_tape(tmp_path / "out.jsonl", [Told(answer=response(1)), again])
    assert "in 100 (60 cached)  out 20 (5 reasoning)" in show(tape).splitlines()[-1]
    assert re.search(r"^2 .* retrieve gpt-5.1 .* 100 \(60\)", show(tape), re.MULTILINE)


def test_one_in_full(tape: Path) -> None:
    """An exchange in full: the models, tokens, times, what was asked and what was answered."""
    text = show(tape, "1")
    for line in (
        "  request   POST /v1/responses  tests/1",
        "  answer    200, a stream of 3 events, complete",
        "  response  completed  resp_1",
        "  model     gpt-5.1 -> gpt-5.1-2025-11-13",
        "  tokens    in 12,345 (11,000 cached, 89%)  out 210 (128 reasoning)  total 12,555",
        "  cost      $0.0052",
        "  time      first event 20 ms  first token 30 ms  whole 50 ms",
        "the request added 1 item",
        "    You repair builds.",
        "  tools: 2  shell, read_file",
        "    store=false",
        "    The build fails on Python 3.14. Find out why.",
        "the answer",
        f"  reasoning  {len(SEALED)} bytes encrypted",
        "    **Reproduce first**",
        "  call  shell  call_pytest",
        '    {"cmd": "pytest -x", "timeout_s": 60}',
    ):
        assert f"\n{line}\n" in text, line


def test_only_additions(tape: Path) -> None:
    """History and answers that are sent back are counted, not repeated, however rewritten."""
    text = show(tape, "2")
    assert "\nthe request added 1 item, after 1 item sent before in exchange 1\n" in text
    assert "\n  tools: 2, as in exchange 1; instructions too\n" in text
    assert "\n  sent back from the answer of exchange 1: reasoning, call\n" in text
    assert "\n  output  shell  call_pytest\n" in text
    assert "Reproduce first" not in text
    assert "Find out why" not in text
    assert "  error  rate_limit_exceeded  tokens\n    Please try again in 20s.\n" in text


def test_what_was_rewritten_is_an_addition(tape: Path, tmp_path: Path) -> None:
    """An answer that the client changed before it sent it back is shown as added."""
    changed = {**CALL, "arguments": '{"cmd": "rm -rf /"}'}
    write_tape(tape, [Told(ask(TASK, THOUGHT, changed), response(6))])
    text = show(tape, "last")
    assert "the request added 1 item, after 1 item sent before in exchange 1\n" in text
    assert '  call  shell  call_pytest\n    {"cmd": "rm -rf /"}\n' in text


def test_retry(tape: Path) -> None:
    """A request that repeats one which failed says so."""
    said = "the request added nothing to the 4 items sent before in exchange 2, which failed"
    assert said in show(tape, "3")


def test_what_changed(tmp_path: Path) -> None:
    """Of instructions, tools and settings only the difference to the exchange before is shown."""
    long = "You repair builds. " * 40
    first = ask(TASK, instructions=long, temperature=1)
    other = [TOOLS[0], {"type": "web_search"}]
    second = ask(TASK, TASK, instructions=long.replace("repair", "mend", 1), tools=other, top_p=0.5)
    told = [Told(first, response(1)), Told(second, response(2))]
    text = show(write_tape(tmp_path / "out.jsonl", told), "2")
    assert "\n  tools: 2  changed since exchange 1: + web_search, - read_file\n" in text
    assert "\n  temperature  not set  (exchange 1: 1)\n" in text
    assert "\n  top_p  0.5  (exchange 1: not set)\n" in text
    assert "\n    - You repair builds. You repair" in text
    assert "\n    + You mend builds. You repair" in text
    assert len(text) < 2000


def test_instructions_that_come_and_go(tmp_path: Path) -> None:
    """Instructions that a request drops, or has alone, are shown as changed."""
    bare = {"model": "gpt-5.1", "input": [TASK]}
    told = [Told(bare, response(1)), Told({**bare, "instructions": "Be brief."}, response(2))]
    tape = write_tape(tmp_path / "out.jsonl", [*told, Told(bare, response(3))])
    assert "  instructions  changed since exchange 1\n    + Be brief.\n" in show(tape, "2")
    assert "  instructions  changed since exchange 2\n    - Be brief.\n" in show(tape, "3")


def test_previous_response_id(tmp_path: Path) -> None:
    """A conversation that the server keeps is followed by the id of the response."""
    told = [
        Told(ask(TASK), response(1, output=[CALL])),
        Told(ask(TASK), response(2)),
        Told(ask({**OUTPUT, "output": "ok"}, previous_response_id="resp_1"), response(3)),
        Told(ask(TASK, previous_response_id="resp_elsewhere"), response(4)),
    ]
    # That the same question was asked before does not make it history: it is all that was sent.
    tape = write_tape(tmp_path / "out.jsonl", told)
    text = show(tape, "3")
    assert "\n  after     resp_1, the answer of exchange 1\n" in text
    assert "\nthe request added 1 item, after the answer of exchange 1\n" in text
    assert "\n  output  shell  call_pytest\n    ok\n" in text
    text = show(tape, "4")
    assert "\n  after     resp_elsewhere, not in this cassette\n" in text
    assert "\nthe request added 1 item\n" in text


def test_after_a_compaction(tmp_path: Path) -> None:
    """What comes back from a compaction and is sent again is known as the compaction's."""
    compaction = {"id": "cmp_1", "type": "compaction", "encrypted_content": SEALED}
    kept = {"id": "msg_1", "type": "message", **TASK}
    short = {"model": "gpt-5.1", "input": [TASK]}
    told = [
        Told(short, {"id": "resp_1", "output": [kept, compaction]}, path="/v1/responses/compact"),
        Told(ask(kept, compaction, {**TASK, "content": "Go on."}), response(2)),
    ]
    tape = write_tape(tmp_path / "out.jsonl", told)
    assert f"  compaction\n    [encrypted, {len(SEALED)} bytes]\n" in show(tape, "1")
    text = show(tape, "2")
    assert "the request added 1 item, after the answer of exchange 1\n" in text
    assert "  sent back from the answer of exchange 1: user message, compaction\n" in text


def test_long_texts_are_cut(tape: Path) -> None:
    """A long text is cut, says by how much, keeps its end, and is whole with --full."""
    text, full = show(tape, "2", width=120), show(tape, "2", "--full", width=120)
    [hidden] = re.findall(r"\n    \.\.\. \(([\d,]+) characters more; --full shows all\)\n", text)
    assert text.count("test_x.py") == 200 - (int(hidden.replace(",", "")) + 1) // 18
    assert "TypeError: unhashable type: 'dict'\n" in text
    assert full.count("test_x.py") == 200
    assert "--full" not in full
    assert "\nrequest headers\n  authorization: [secret:" in full


def test_no_wrapping_without_a_terminal(tape: Path) -> None:
    """Piped text keeps its own lines, so that grep finds whole sentences."""
    long = "word " * 100 + "end"
    write_tape(tape, [Told(ask({"role": "user", "content": long}), response(6))])
    assert long in run("show", tape, "last", env={"COLUMNS": ""}).stdout
    for width in (48, 60, 80):
        assert max(map(len, show(tape, "last", width=width).splitlines())) <= width


def test_broken_stream(tmp_path: Path) -> None:
    """Of a stream that broke off, what had come is shown, and who broke it off."""
    begun = {"type": "response.created", "response": response(1, status="in_progress", output=[])}
    call = {**CALL, "status": "in_progress", "arguments": ""}
    events = [
        begun | {"response": {**begun["response"], "usage": None}},
        {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
        {"type": "response.output_item.added", "output_index": 1, "item": call},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"cmd":'},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": ' "py'},
        {"type": "response.output_text.delta", "item_id": "msg_9", "delta": "Let me"},
        {"type": "response.output_text.delta", "item_id": "msg_9", "delta": " see"},
    ]
    tape = write_tape(tmp_path / "out.jsonl", [Told(answer=events, outcome="upstream_gone")])
    text = show(tape, "1")
    assert "\n  answer    200, a stream of 7 events, upstream_gone\n" in text
    assert "\n  because   the upstream broke the answer off\n" in text
    assert '  call  shell  call_pytest  in_progress\n    {"cmd": "py\n' in text
    assert "  text  in_progress\n    Let me see\n" in text
    assert "last event 80 ms" in text
    assert "1 exchange (1 failed)  in -  out -  cost -  1 unpriced" in show(tape)


def test_in_flight(tmp_path: Path) -> None:
    """An exchange without an end is shown as such, its duration is not known."""
    tape = write_tape(tmp_path / "out.jsonl", [Told(outcome=None)], calm=False)
    assert re.search(r"unfinished  no end was recorded.* +-$", show(tape), re.MULTILINE)
    assert show(tape, "last").endswith("\nthe answer\n  nothing yet\n")


@pytest.mark.parametrize("arguments", [(), ("1",), ("1", "--full"), ("--json",), ("1", "--json")])
def test_encrypted_content_is_never_printed(tape: Path, arguments: tuple[str, ...]) -> None:
    """No form of output holds encrypted content."""
    assert SEALED[:20] not in show(tape, *arguments, width=10_000 - 1)


def test_escape_sequences(tmp_path: Path) -> None:
    """What a model says cannot move the cursor, change colours, or write backwards."""
    evil = "a\x1b[2Jb\x07c\rd\x9b31me \u202eevil\u202c \x00"
    call = {**CALL, "name": evil, "arguments": json.dumps({"cmd": evil}), "call_id": evil}
    final = response(1, output=[message(evil), call, {"type": evil}], model=evil)
    asked = ask({"role": "user", "content": evil}, instructions=evil, top_p=evil)
    told = [Told(asked, final), Told(asked, {"error": {"code": evil, "message": evil}}, status=500)]
    tape = write_tape(tmp_path / "out.jsonl", told)
    for arguments in ((), ("1",), ("1", "--full"), ("2",), ("--json",), ("1", "--json")):
        text = show(tape, *arguments)
        assert all(line.isprintable() for line in text.splitlines()), arguments
    assert r"a\x1b[2Jb\x07c\rd\x9b31me \u202eevil\u202c \x00" in show(tape, "1")
