"""A cassette of an agent at work, and what `respool show` prints of a cassette."""

from pathlib import Path
from typing import Any

from click.testing import CliRunner
from tapes import Told, message, response, stream, usage, write_tape

from respool.cli import respool

SEALED = "gAAAAABo" + "x1Y2z3" * 90
TOOLS = [
    {"type": "function", "name": "shell", "parameters": {"type": "object"}},
    {"type": "function", "name": "read_file", "parameters": {"type": "object"}},
]
TASK = {"role": "user", "content": "The build fails on Python 3.14. Find out why."}
THOUGHT = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "**Reproduce first**"}],
    "encrypted_content": SEALED,
}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "name": "shell",
    "call_id": "call_pytest",
    "arguments": '{"cmd": "pytest -x", "timeout_s": 60}',
}
TRACEBACK = "collecting ...\n" + "tests/test_x.py .\n" * 200 + "TypeError: unhashable type: 'dict'"
OUTPUT = {"type": "function_call_output", "call_id": "call_pytest", "output": TRACEBACK}
RATE_LIMITED = {
    "error": {
        "message": "Please try again in 20s.",
        "type": "tokens",
        "param": None,
        "code": "rate_limit_exceeded",
    }
}


def ask(*items: Any, **members: Any) -> dict[str, Any]:
    """A request of an agent that resends its history and rewrites what it got, as agents do."""
    settings = {"instructions": "You repair builds.", "tools": TOOLS, "store": False}
    return {"model": "gpt-5.1", "input": list(items), **settings, **members}


def agent_tape(path: Path) -> Path:
    """Five exchanges of an agent: a call, a rate limit, the retry, a text, another server."""
    called = response(1, output=[THOUGHT, CALL], usage=usage(12_345, 11_000, 210, 128))
    echo = {**THOUGHT, "id": None, "status": None}
    recalled = {**CALL, "id": None, "arguments": '{"timeout_s":60,"cmd":"pytest -x"}'}
    history = [TASK, echo, recalled, OUTPUT]
    mended = message("A dict became a key.", 3)
    return write_tape(
        path,
        [
            Told(ask(TASK, stream=True), stream(called)),
            Told(ask(*history), RATE_LIMITED, status=429),
            Told(ask(*history), response(3, output=[mended])),
            Told(ask(*history, mended, {**TASK, "content": "Mend it."}), outcome="client_gone"),
            Told({"model": "llama.gguf", "input": "hi"}, response(5, model="llama.gguf")),
        ],
    )


def show(tape: Path, *arguments: str, width: int = 100) -> str:
    """What the command prints on a terminal of that width."""
    done = CliRunner().invoke(respool, ["show", str(tape), *arguments], env={"COLUMNS": str(width)})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output
