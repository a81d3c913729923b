"""Databases that the dashboard's tests look at, made by the real journal and ingest, and held."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tapes import Told, response, stream, usage, write_tape

from analytics.ingest import ingest

CALL = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": "{}",
    "status": "completed",
}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
RATE_LIMIT = {"error": {"message": "slow down", "type": "rate_limit", "code": "too_fast"}}
COMPACTED = {
    "id": "resp_9",
    "object": "response.compaction",
    "output": [{"id": "cmp_1", "type": "compaction", "encrypted_content": "abc"}],
    "usage": usage(500, 0, 50, 0),
}
TRAFFIC = (
    Told(answer=stream(response(1, output=[CALL]))),
    Told(request={"model": "gpt-5.1", "input": [CALL, OUTPUT]}, answer=stream(response(2))),
    Told(answer=RATE_LIMIT, status=429),
    Told(request={"model": "llama", "input": "hi"}, answer=response(4, model="llama")),
    Told(path="/v1/responses/compact", answer=COMPACTED),
    Told(answer=stream(response(6))[:2], outcome="client_gone"),
)
"""Six exchanges: a tool call and its output, an error, an unknown price, a compaction, a break."""


def make_db(folder: Path, *exchanges: Told) -> Path:
    """A database of a cassette with these exchanges."""
    db = folder / "traffic.duckdb"
    list(ingest([write_tape(folder / "session.jsonl", exchanges)], db))
    return db


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


@contextmanager
def held(db: Path) -> Iterator[int]:
    """Another process holds the database open for writing; its process id."""
    command = [sys.executable, "-P", "-c", HOLD, str(db)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        os.utime(db)
        try:
            yield process.pid
        finally:
            process.communicate(b"\n")
