"""Compressed cassettes: read like plain ones, never appended to, and damage is one line."""

import os
import struct
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest
import zstandard
from traffic import asking, exchange, load, streaming, write

from cassettes import compressed
from cassettes.reader import Cassette
from wire.errors import BadCassette


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A cassette with a stream, a body and an exchange in flight."""
    return write(
        tmp_path / "plain.jsonl",
        exchange(1, asking("Hi"), streaming("Hello you")),
        exchange(2, asking("Hi", "more")),
        exchange(3, asking("Hi", "more", "é"), [b"{", b"}"], outcome=None),
    )


def packed(plain: Path, data: bytes | None = None) -> Path:
    """The file beside it that `zstd` would make, or one that holds `data`."""
    path = plain.with_name(plain.name + ".zst")
    path.write_bytes(zstandard.compress(plain.read_bytes()) if data is None else data)
    return path


def error(path: Path) -> str:
    """The one line that says why a file cannot be read."""
    with pytest.raises(BadCassette) as raised:
        load(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_a_compressed_cassette_reads_like_the_plain_one(plain: Path) -> None:
    """Every exchange is the same, whatever the file is called."""
    path = packed(plain)
    assert load(path) == load(plain)
    assert load(path.rename(plain.with_name("other.jsonl"))) == load(plain)


def test_several_frames_are_one_file(plain: Path) -> None:
    """Files that were joined, and frames that hold no data, are read as `zstdcat` reads them."""
    data = plain.read_bytes()
    middle = data.index(b"\n", len(data) // 2) - 7
    skipped = struct.pack("<II", 0x184D2A53, 5) + b"notes"
    frames = [skipped, zstandard.compress(data[:middle]), skipped, zstandard.compress(b"")]
    path = packed(plain, b"".join([*frames, zstandard.compress(data[middle:]), skipped]))
    assert load(path) == load(plain)


def test_a_long_file_is_unpacked_piece_by_piece(plain: Path) -> None:
    """What is longer than a block of the reader comes back whole."""
    texts = [os.urandom(300_000).hex() for _ in range(3)]
    write(plain, *(exchange(x, asking(text)) for x, text in enumerate(texts, 1)))
    assert load(packed(plain)) == load(plain)


@pytest.mark.parametrize("kept", [5, 0.5, -1])
def test_a_torn_file_is_damage(plain: Path, kept: float) -> None:
    """A compressed file that was cut short is named, and nothing of it is read."""
    whole = zstandard.compress(plain.read_bytes())
    keep = int(len(whole) * kept) if isinstance(kept, float) else kept
    assert "was cut short" in error(packed(plain, whole[:keep]))


def test_garbage_is_damage(plain: Path) -> None:
    """Bytes that are no zstd, within a frame or after one, are said to be damage."""
    whole = bytearray(zstandard.compress(plain.read_bytes()))
    for data in (whole[:20] + b"\xff" * 200, whole + b"garbage", whole[:4] + bytes(9)):
        assert "is damaged" in error(packed(plain, bytes(data)))


def test_what_is_no_cassette_inside_is_said_so(plain: Path) -> None:
    """A compressed file of something else, or of nothing, is no cassette."""
    assert "first line is not a cassette header" in error(packed(plain, zstandard.compress(b"x\n")))
    assert "it is empty" in error(packed(plain, zstandard.compress(b"")))
    assert "line 2 is damaged" in error(
        packed(plain, zstandard.compress(plain.read_bytes().partition(b"\n")[0] + b"\n{}\n{}\n"))
    )


def test_a_bomb_is_not_unpacked(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unpacks to a huge one costs neither disk nor time."""
    header = plain.read_bytes().partition(b"\n")[0] + b"\n"
    bomb = zstandard.compress(bytes(256 << 20))
    assert len(bomb) < 10_000
    assert "first line is not a cassette header" in error(packed(plain, bomb))
    room = namedtuple("usage", "total used free")(0, 0, 8 << 20)
    monkeypatch.setattr(compressed.shutil, "disk_usage", lambda _: room)
    said = error(packed(plain, zstandard.compress(header) + bomb))
    assert "half of the 8 MB that are free" in said
    assert tempfile.gettempdir() in said


def test_what_a_compressed_file_lacks_will_not_come(plain: Path) -> None:
    """An exchange without an end in a compressed file is not waited for."""
    with Cassette.open(packed(plain)) as cassette:
        assert [entry.abandoned for entry in cassette.exchanges.values()] == [False, False, True]
        assert not cassette.replaced()
        packed(plain, b"other").rename(cassette.path)
        cassette.path.unlink()
        assert cassette.replaced()


def test_nothing_is_left_behind(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was unpacked has no name, and is gone with the reader."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    with Cassette.open(packed(plain)) as cassette:
        assert not list((tmp_path / "elsewhere").iterdir())
        assert cassette.size == plain.stat().st_size


def test_the_length_is_known_where_the_file_says_it(plain: Path) -> None:
    """The size of the content is read from the frame's head, and is not guessed."""
    assert compressed.plain_size(packed(plain)) == plain.stat().st_size
    assert compressed.plain_size(plain) is None
    assert compressed.plain_size(plain.with_name("none.zst")) is None
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"a")
    assert compressed.plain_size(packed(plain, unsized)) is None
    assert compressed.plain_size(packed(plain, unsized[:5])) is None
