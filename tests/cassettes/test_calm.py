"""The calm form: what the journal said, with small diffs, there whole or not at all."""

import os
import shutil
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traffic import JSON, asking, cut, exchange, kinds, load, record, streaming, write

from cassettes import calm
from cassettes.calm import calm_down
from cassettes.compressor import redact_late
from cassettes.exchange import Exchange, Piece
from cassettes.notes import Note
from cassettes.reader import Cassette

VERSION_1 = Path(__file__).parent / "formats/version-1.jsonl"


def traffic(*, step_ms: int = 10, places: tuple[int, ...] = ()) -> list[list[Note]]:
    """A session of streams, bodies and what went wrong, at some pace and in some chunks."""
    stream = b"".join(streaming("Hello you there"))
    return [
        exchange(1, asking("a", stream=True), cut(stream, places), step_ms=step_ms),
        exchange(2, asking("a", "b"), cut(b'{"id":1}', places), got=JSON, step_ms=step_ms),
        exchange(3, asking("a", "b", "c"), None, outcome="upstream_unreachable", error="refused"),
        exchange(4, asking("a", "x"), cut(stream, places)[:1], outcome=None, step_ms=step_ms),
        exchange(5, asking("b"), b"", status=204, step_ms=step_ms),
    ]


def in_one_piece(one: Exchange) -> Exchange:
    """The exchange with a body that came in parts joined, as of its last part."""
    if one.streamed or not one.pieces:
        return one
    return replace(one, pieces=[Piece(one.pieces[-1].t, one.body)])


def mixed(groups: list[list[Note]]) -> list[Note]:
    """The notes of all exchanges, those of one as late as can be after those of the next."""
    began = [group[0] for group in groups]
    return began + [note for group in reversed(groups) for note in group[1:]]


@pytest.mark.parametrize("source", ["traffic", "version 1"])
def test_the_calm_form_says_the_same(tmp_path: Path, source: str) -> None:
    """Numbers, ids, requests, bytes, outcomes and times are those of the journal."""
    path = tmp_path / "c.jsonl"
    if source == "traffic":
        write(path, mixed(traffic(places=(5, 9, 300))))
    else:
        shutil.copy(VERSION_1, path)
    before = load(path)
    assert calm_down(path)
    after = load(path)
    assert after == [in_one_piece(one) for one in before]
    assert [one.id for one in after] == [one.id for one in before]
    assert {"chunk", "session", "torn"}.isdisjoint(kinds(path.read_bytes()))


def test_the_lines_stand_in_the_order_of_the_requests(tmp_path: Path) -> None:
    """Each exchange is one block: new items, request, times, and the answer without times."""
    path = write(tmp_path / "c.jsonl", mixed(traffic()[:2]))
    calm_down(path)
    written = path.read_bytes()
    stream = len(streaming("Hello you there"))
    assert kinds(written) == [
        "cassette",
        *("item", "request", "timing", "response", *["event"] * stream, "end"),
        *("item", "request", "timing", "response", "body", "end"),
    ]
    assert b'"timing","x":2,"at":"2026-09-21T14:13:22.000+00:00","t":[10.0,20.0,30.0]' in written
    assert written.count(b'"t":') == 2
    assert b'"revision":1' in written


def test_recording_the_same_again_gives_a_small_diff(tmp_path: Path) -> None:
    """Another pace, other chunks and another order of the ends touch header and times alone."""
    one = write(tmp_path / "one.jsonl", *traffic())
    other = write(tmp_path / "other.jsonl", mixed(traffic(step_ms=37, places=(3, 77))))
    for path in (one, other):
        calm_down(path)
    diff = unified_diff(*(path.read_text().splitlines() for path in (one, other)), n=0, lineterm="")
    touched = [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    # The chunk that the exchange in flight had got so far is another one, too.
    changed = [line for line in touched if '"x":4' not in line]
    assert changed
    assert {line[1:].split(",")[0] for line in changed} <= {
        '{"kind":"timing"',
        '{"kind":"cassette"',
    }


@given(st.lists(st.sampled_from("abc"), max_size=4).map(lambda texts: [*texts, ""]))
def test_it_can_be_gone_on_with_and_calmed_again(scratch: Path, texts: list[str]) -> None:
    """Exchanges appended to a calm file, one recording after another, are as right as the first."""
    scratch.unlink(missing_ok=True)
    bodies = [asking(*texts[:length]) for length in range(1, len(texts) + 1)]
    for number, body in enumerate(bodies, 1):
        assert record(scratch, exchange(number, body, [b"{", b"}"], got=JSON)) == []
        found = load(scratch)
        assert [one.request.body for one in found] == bodies[:number]
        assert [one.body for one in found] == [b"{}"] * number
        with Cassette.open(scratch) as cassette:
            assert cassette.header.revision == number
    written = scratch.read_bytes()
    assert kinds(written).count("item") == len(set(texts))
    assert calm_down(scratch)
    again = scratch.read_bytes()
    assert again.partition(b"\n")[2] == written.partition(b"\n")[2]


def test_what_was_in_flight_stays_incomplete(tmp_path: Path) -> None:
    """No end is made up for an exchange that has none, whatever is recorded after it."""
    path = write(tmp_path / "c.jsonl", *traffic())
    record(path, exchange(6, asking("later")))
    outcomes = {one.number: one.outcome for one in load(path)}
    assert outcomes[4] == "incomplete"
    assert outcomes[6] == "complete"
    assert b'"end","x":4' not in path.read_bytes()


def test_a_rewriting_that_fails_leaves_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk refuses, the file is what it was, and nothing is left beside it."""
    path = write(tmp_path / "c.jsonl", *traffic())
    before = path.read_bytes()

    def refuse(fd: int) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        calm_down(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_keeps_the_file_that_it_has_open(tmp_path: Path) -> None:
    """Rewriting replaces the file in one step: who reads the old one reads it whole."""
    path = write(tmp_path / "c.jsonl", *traffic())
    with Cassette.open(path) as cassette:
        before = load(path)
        assert calm_down(path)
        assert [cassette.exchange(number) for number in cassette.exchanges] == before
        assert cassette.replaced()


def test_mode_and_links_are_kept(tmp_path: Path) -> None:
    """A file that a team shares stays shared, and a link stays a link."""
    path = write(tmp_path / "real.jsonl", *traffic())
    path.chmod(0o640)
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    assert calm_down(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert b'"revision":1' in path.read_bytes()


def test_a_long_capture_stays_a_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the limit is left as it was written."""
    path = write(tmp_path / "c.jsonl", *traffic())
    before = path.read_bytes()
    monkeypatch.setattr(calm, "LARGEST", len(before) - 1)
    assert not calm_down(path)
    assert path.read_bytes() == before


def test_lines_of_a_later_respool_are_not_lost(tmp_path: Path) -> None:
    """A file with lines of an unknown kind is left alone, also when it is recorded on."""
    path = write(tmp_path / "c.jsonl", *traffic())
    with path.open("ab") as file:
        file.write(b'{"kind":"hologram","x":1,"text":"hello"}\n')
    before = path.read_bytes()
    assert not calm_down(path)
    assert record(path, exchange(6, asking("later"))) == []
    assert path.read_bytes().startswith(before)
    assert load(path)[-1].request.body == asking("later")


def test_what_became_known_late_is_replaced_in_a_closed_file(tmp_path: Path) -> None:
    """Its age stays; a file without any of it stays as it is to the byte."""
    path = write(tmp_path / "c.0001.jsonl", *traffic())
    os.utime(path, ns=(10**18, 10**18))
    before, said = path.read_bytes(), load(path)
    redact_late(path, lambda text: text.replace(b"no such word", b"-"))
    assert path.read_bytes() == before
    redact_late(path, lambda text: text.replace(b"Hello", b"-----"))
    assert b"Hello" not in path.read_bytes()
    assert path.stat().st_mtime_ns == 10**18
    after = load(path)
    assert [one.outcome for one in after] == [one.outcome for one in said]
    assert after[1:3] == [in_one_piece(one) for one in said[1:3]]
