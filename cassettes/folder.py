"""Cassettes among other files: those in a folder, and the files of a rotated capture, in order.

A capture that is recorded into `NAME.jsonl` keeps its closed files beside it as
`NAME.0001.jsonl.zst` and so on; until they are compressed their names lack the `.zst`.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cassettes.compressed import SUFFIX
from cassettes.format import Header
from cassettes.header import header_of
from cassettes.reader import Cassette
from wire.errors import BadCassette

_PART = re.compile(r"(?P<stem>.+)\.(?P<number>\d{4,})\.jsonl(\.zst)?", re.DOTALL)
_ENDINGS = (".jsonl", ".jsonl" + SUFFIX)


def part_path(current: Path, number: int) -> Path:
    """Where closed file `number` of the capture goes whose current file is `current`."""
    return current.with_name(f"{current.name.removesuffix('.jsonl')}.{number:04}.jsonl")


def closed_parts(current: Path) -> dict[Path, int]:
    """The files beside `current` that are named as closed files of it, with their numbers."""
    try:
        beside = list(current.absolute().parent.iterdir())
    except OSError:
        return {}
    found = {
        path: int(match["number"])
        for path in beside
        if (match := _PART.fullmatch(path.name))
        and match["stem"] == current.name.removesuffix(".jsonl")
    }
    return {current.with_name(path.name): found[path] for path in sorted(found, key=in_order)}


def in_order(path: Path) -> tuple[str, float, str]:
    """A key by which the files of a capture come one after another, the current one last."""
    match = _PART.fullmatch(path.name)
    if match:
        return match["stem"], int(match["number"]), path.name
    return path.name.removesuffix(SUFFIX).removesuffix(".jsonl"), float("inf"), path.name


def cassettes_in(folder: Path) -> list[Path]:
    """The cassettes of a folder, by name, without those of folders in it. Raises OSError."""
    named = [
        path
        for path in folder.iterdir()
        if path.name.endswith(_ENDINGS) and path.name[0] != "." and path.is_file()
    ]
    return [path for path in sorted(named, key=in_order) if _header(path) is not None]


def expanded(paths: Iterable[Path]) -> list[Path]:
    """Each cassette that is meant, once: a folder means those in it, a rotated one all its files.

    A path that leads nowhere is given back as it is. Raises OSError, and BadCassette for a folder
    without cassettes.
    """
    given: dict[Path, None] = {}
    for path in paths:
        found = cassettes_in(path) if path.is_dir() else [*_earlier(path), path]
        if not found:
            raise BadCassette(f"there is no cassette in the folder {path}; give another, or a file")
        given.update(dict.fromkeys(found))
    return list(given)


def _earlier(path: Path) -> Iterator[Path]:
    header = _header(path)
    if header is None or not header.part or _PART.fullmatch(path.name):
        return
    for part in closed_parts(path):
        other = _header(part)
        if other is not None and other.id == header.id:
            yield part


def file_with(current: Path, number: int) -> Path | None:
    """The closed file of a rotated capture in which an exchange is, by number."""
    header = _header(current)
    if header is None or not header.part:
        return None
    for path in _earlier(current):
        other = _header(path)
        if other is None or not other.first <= number <= (other.last or number):
            continue
        with Cassette.open(path) as cassette:
            if number in cassette.exchanges:
                return path
    return None


def still(path: Path) -> Path:
    """Where a file of a capture is, which may have been compressed since its path was taken."""
    packed = path.with_name(path.name + SUFFIX)
    return packed if not path.exists() and packed.exists() else path


def open_part(path: Path) -> Cassette:
    """A file of a capture, though it may be compressed at this very moment. Raises BadCassette."""
    try:
        return Cassette.open(still(path))
    except BadCassette:
        if path.exists() or still(path) == path:
            raise
        return Cassette.open(still(path))


def last_number(current: Path, header: Header) -> int:
    """The highest number in the closed files of a capture, as far as they can be read; else 0."""
    last = 0
    for path in closed_parts(current):
        other = _header(path)
        if other is not None and other.id == header.id and other.part != header.part:
            last = max(last, other.last or highest(path))
    return last


def highest(path: Path) -> int:
    """The highest number in a cassette, 0 where it has none or cannot be read."""
    try:
        with Cassette.open(path) as cassette:
            return max(cassette.exchanges, default=0)
    except (BadCassette, OSError):
        return 0


def _header(path: Path) -> Header | None:
    try:
        return header_of(path)
    except (BadCassette, OSError):
        return None
