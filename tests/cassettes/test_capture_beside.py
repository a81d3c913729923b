"""A recorder that still compresses what it has closed, beside one that goes on with the capture."""

import fcntl
from pathlib import Path

import pytest
from test_capture import long, names, record

from cassettes import compressor


def test_a_file_that_another_recorder_compresses_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tidies when it starts, while this one is at others: the cassette lacks nothing."""
    path = tmp_path / "c.jsonl"

    def compress(closed: Path, last: int) -> None:
        with closed.open("rb") as other:  # one that has it for longer than this one waits
            fcntl.flock(other, fcntl.LOCK_EX)
            compressor.compress(closed, last)

    with monkeypatch.context() as beside:
        beside.setattr("cassettes.capture.compress", compress)
        assert record(path, *(long(x) for x in range(1, 5))) == []
    assert names(path) == ["c.0001.jsonl", "c.jsonl"]
    assert record(path) == []
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl"]
