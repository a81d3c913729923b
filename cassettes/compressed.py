"""Cassettes that were compressed with zstd: recognised by their first bytes, unpacked to be read.

A reader goes back and forth in a file, so a compressed one is unpacked as a whole into a file
without a name, which is gone when it is closed (docs/decisions/0016). Nothing of a file that is
torn or no zstd is read, and none may fill the disk.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

from wire.errors import BadCassette

SUFFIX = ".zst"
_MAGIC = zstandard.FRAME_HEADER
_SKIPPABLE = b"\x2a\x4d\x18"
"""The last three of the four bytes with which a frame begins that holds no data (RFC 8878)."""
_LONGEST_FRAME_HEADER = 18
_BLOCK = 1 << 16


def is_compressed(start: bytes) -> bool:
    """Whether a file that begins with these bytes (at least 4) is compressed."""
    return start.startswith(_MAGIC) or (start[1:4] == _SKIPPABLE and start[0] >> 4 == 5)


def blocks(path: Path, fd: int) -> Iterator[bytes]:
    """What the file `fd` holds, unpacked, piece by piece. Raises BadCassette."""
    unpacker, at, whole = zstandard.ZstdDecompressor(), 0, True
    frame = unpacker.decompressobj()
    while packed := os.pread(fd, _BLOCK, at):
        at += len(packed)
        while packed:
            if frame.eof:
                frame = unpacker.decompressobj()
            try:
                data = frame.decompress(packed)
            except zstandard.ZstdError as error:
                raise BadCassette(f"{path} is damaged: {error}; restore the file") from error
            packed, whole = frame.unused_data, frame.eof
            if data:
                yield data
    if not whole:
        raise BadCassette(f"{path} is damaged: it was cut short; restore the file")


def unpacked(path: Path, fd: int, longest_first: int) -> int:
    """A descriptor of a file without a name that has what the compressed file `fd` holds.

    Stops early where the first line is longer than `longest_first` bytes, as no cassette's is.
    Raises BadCassette, also for what does not fit into half of the room that there is.
    """
    folder = tempfile.gettempdir()
    room, size, first_line = shutil.disk_usage(folder).free // 2, 0, True
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for block in blocks(path, fd):
            size += len(block)
            if size > room:
                raise BadCassette(
                    f"{path} unpacks to more than half of the {room * 2 >> 20} MB that are free in "
                    f"{folder}; set TMPDIR to a folder with more room"
                )
            _write_all(file.fileno(), block)
            first_line = first_line and b"\n" not in block
            if first_line and size > longest_first:
                break
        return os.dup(file.fileno())


def plain_size(path: Path) -> int | None:
    """How many bytes a compressed file says that it unpacks to; None where it does not say."""
    if not path.is_file():  # to open a pipe is to wait for somebody
        return None
    try:
        with path.open("rb") as file:
            start = file.read(_LONGEST_FRAME_HEADER)
        if not start.startswith(_MAGIC):
            return None
        size = zstandard.get_frame_parameters(start).content_size
    except (OSError, zstandard.ZstdError):
        return None
    return None if size == zstandard.CONTENTSIZE_UNKNOWN else size


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
