"""Credentials in a capture that stood in a body before anybody knew that they are some."""

import threading
from pathlib import Path

import pytest
import zstandard
from socket_traffic import connection, creating
from test_capture import capture, long, names, path
from traffic import JSON, asking, exchange, load

from cassettes.calm import calm_name
from cassettes.folder import expanded
from cassettes.format import Close
from cassettes.header import header_of
from cassettes.notes import Note

__all__ = ["path"]

KEY = "sk-later-0123456789"
BODY = asking(f"my key is {KEY}")


def using(x: int) -> list[Note]:
    """An exchange whose client shows the key."""
    return exchange(x, sent=[("X-Api-Key", KEY)])


def unpacked(packed: Path) -> bytes:
    """What `zstdcat` prints."""
    return zstandard.decompress(packed.read_bytes())


@pytest.mark.parametrize("body", [BODY, b"\xff\xfe" + BODY, b"[" * 5_000 + BODY])
def test_a_key_that_is_used_before_its_file_is_closed_is_not_kept(path: Path, body: bytes) -> None:
    """However the body stands in the file, the word for the key does; all else stays."""
    recording = capture(path)
    recording.put(*exchange(1, body), *using(2))
    for x in range(3, 7):
        recording.put(*long(x))
    recording.close()
    closed = path.with_name("c.0001.jsonl.zst")
    assert names(path) == [closed.name, path.name]
    first, second, *rest = load(closed)
    word = dict(second.request.headers)["x-api-key"]
    assert word.startswith("[secret:")
    assert first.request.body == body.replace(KEY.encode(), word.encode())
    assert KEY.encode() not in unpacked(closed)
    assert [one.number for one in rest] == [*range(3, header_of(closed).last + 1)]
    assert {one.outcome for one in load(closed)} == {"complete"}


@pytest.mark.parametrize("rotate", [20_000, 1 << 30])
def test_a_key_is_not_kept_beside_bodies_either(path: Path, rotate: int) -> None:
    """In a path, a header, what a connection said: it goes, from one file as from several."""
    recording = capture(path, rotate=rotate)
    told = Close(code=1008, reason=f"no such key: {KEY}", by="server")
    recording.put(
        *exchange(
            1,
            path=f"/v1/responses?note={KEY}",
            sent=[("X-Note", f"is {KEY} good?")],
            got=[*JSON, ("X-Back", KEY)],
            outcome="upstream_gone",
            error=f"refused {KEY}",
        )
    )
    recording.put(*connection(2, ("client", creating("hi")), close=told), *using(4))
    for x in range(5, 9):
        recording.put(*long(x))
    recording.close()
    for file in expanded([path]):
        assert KEY.encode() not in (path.read_bytes() if file == path else unpacked(file))
    first, handshake, said, *_ = load(expanded([path])[0])
    assert first.request.path.startswith("/v1/responses?note=[secret:")
    assert dict(first.request.headers)["x-note"].startswith("is [secret:")
    assert dict(first.headers)["x-back"].startswith("[secret:")
    for text in (first.error, handshake.close and handshake.close.reason, said.error):
        assert "[secret:" in (text or "")


def test_a_key_of_a_file_that_was_closed_before_stays(path: Path) -> None:
    """As the format's description says: what is compressed is not looked at again."""
    recording = capture(path)
    recording.put(*exchange(1, BODY), *long(2, 30_000), *exchange(3, BODY), *using(4))
    recording.close()
    assert KEY.encode() in unpacked(path.with_name("c.0001.jsonl.zst"))
    assert KEY.encode() not in path.read_bytes()


def test_a_later_recorder_leaves_what_is_still_to_be_redacted(path: Path) -> None:
    """One that starts while the writer of a killed one is at its last files does not keep the key.

    It does not know it, and takes a file only when that one is done with it.
    """
    done = threading.Event()
    first = capture(path)
    first._compressor.do(path, done.wait)  # as a long file before takes its time
    first.put(*exchange(1, BODY), *using(2), *long(3, 30_000), *long(4))
    closing = threading.Thread(target=first.close)
    closing.start()
    second = capture(path)  # waits for the current file
    second.close()
    done.set()
    closing.join()
    assert names(path) == ["c.0001.jsonl.zst", "c.jsonl"]
    assert KEY.encode() not in unpacked(path.with_name("c.0001.jsonl.zst"))
    assert [one.number for one in load(path.with_name("c.0001.jsonl.zst"))] == [1, 2, 3]


def test_what_cannot_be_redacted_stays_whole(path: Path) -> None:
    """Where there is no room for the other form, the operator is told and the file stays."""
    said: list[str] = []
    recording = capture(path, on_failure=said.append)
    calm_name(path.with_name("c.0001.jsonl")).mkdir()
    recording.put(*exchange(1, BODY), *using(2), *long(3, 30_000), *long(4))
    recording.close()
    assert "c.0001.jsonl is complete but could not be" in said[0]
    assert [one.number for one in load(path.with_name("c.0001.jsonl"))] == [1, 2, 3]


def test_a_file_with_lines_of_a_newer_respool_is_told_of(path: Path) -> None:
    """What it says cannot be rewritten: one line names it and what to do, and it stays as it is."""
    said: list[str] = []
    first = capture(path)
    first.put(*exchange(1, BODY))
    first.close()
    with path.open("ab") as file:
        file.write(b'{"kind":"hologram","x":1}\n')
    recording = capture(path, on_failure=said.append)
    for x in range(3, 12):
        recording.put(*(using(x) if x == 3 else long(x)))
    recording.close()
    closed = path.with_name("c.0001.jsonl")
    (line,) = said
    assert line.startswith(f"{closed} is complete but could not be compressed: a credential")
    assert line.endswith("replace it by hand, or delete the file")
    assert KEY.encode() in closed.read_bytes()
    assert path.with_name("c.0002.jsonl.zst").exists()
