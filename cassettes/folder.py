"""Cassettes among other files: those in a folder, and the files of a rotated capture, in order.

A capture that is recorded into `NAME.jsonl` keeps its closed files beside it as
`NAME.0001.jsonl.zst` and so on; until they are compressed their names lack the `.zst`.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from cassettes.compressed import SUFFIX
from cassettes.format import Header
from cassettes.header import Foreign, header_of
from cassettes.reader import Cassette
from wire.errors import BadCassette, BadOption

_PART = re.compile(r"(?P<stem>.+)\.(?P<number>\d{4,})\.jsonl(\.zst)?", re.DOTALL)
_UNFINISHED = re.compile(r"\.(?P<of>.+\.jsonl)(\.zst\.new|\.calm)", re.DOTALL)
_ENDINGS = (".jsonl", ".jsonl" + SUFFIX)

type OnDamage = Callable[[str], None]
"""What gets a line about each file that cannot be read."""


def check_name(path: Path) -> None:
    """Raise BadOption for a name under which a recording would not be found in its folder."""
    if not path.name.endswith(_ENDINGS):
        raise BadOption(
            f"the name of a cassette ends in .jsonl, by which it is found in a folder, and {path} "
            f"does not; name it {path.with_suffix('.jsonl')}"
        )


def part_path(current: Path, number: int) -> Path:
    """Where closed file `number` of the capture goes whose current file is `current`."""
    return current.with_name(f"{current.name.removesuffix('.jsonl')}.{number:04}.jsonl")


def left_over(folder: Path) -> Iterator[tuple[Path, Path]]:
    """What a kill has left in a folder that was to take a cassette's place, and that cassette.

    Only where that is gone, so that nobody can be at work on it. Raises OSError.
    """
    for path in sorted(folder.iterdir()):
        found = _UNFINISHED.fullmatch(path.name)
        if found and not os.path.lexists(of := path.with_name(found["of"])) and path.is_file():
            yield path, of


def is_closed(path: Path) -> bool:
    """Whether a file of a rotated capture is named as one that others have followed."""
    return _PART.fullmatch(path.name) is not None


def is_closed_of(path: Path, current: Path) -> bool:
    """Whether a file is named as a closed one of `current`."""
    match = _PART.fullmatch(path.name)
    return match is not None and match["stem"] == current.name.removesuffix(".jsonl")


def free_number(current: Path, number: int) -> int:
    """The first number from this one on under which no closed file of `current` is there."""
    while any(os.path.lexists(path) for path in _names(part_path(current, number))):
        number += 1
    return number


def _names(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(path.name + SUFFIX)


def closed_parts(current: Path) -> dict[Path, int]:
    """The files that are named as closed files of `current`, with their numbers, in order.

    They are beside the file that it leads to. Not among them is a cassette whose header says that
    its name has another reason, such as a date. Of another capture that had this name they may be.
    """
    if current.is_symlink():
        current = current.resolve()
    try:
        beside = [path.name for path in current.absolute().parent.iterdir()]
    except OSError:
        return {}
    stem = current.name.removesuffix(".jsonl")
    named = {
        current.with_name(name): int(match["number"])
        for name in beside
        if (match := _PART.fullmatch(name)) and match["stem"] == stem
    }
    own = _header(current) if named else None
    found: dict[Path, int] = {}
    for path in sorted(named, key=lambda path: (named[path], path.name)):
        header = _header(path)
        if header is None or header.part == named[path] or (own and own.id == header.id):
            found[path] = named[path]
    return found


def cassettes_in(folder: Path, on_damage: OnDamage = lambda _: None) -> list[Path]:
    """The cassettes of a folder, without those of folders in it, the current file of each last.

    What was a cassette and cannot be read as one is told of in a line each. Raises OSError.
    """
    captures: dict[str, list[tuple[int, int, Path]]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(_ENDINGS) and path.name[0] != "." and still(path).is_file():
            header = _header(path, on_damage)
            if header is not None:
                captures.setdefault(header.id, []).append((header.part, header.first, path))
    in_order = sorted(map(sorted, captures.values()), key=lambda files: files[-1][2])
    return [path for files in in_order for _, _, path in files]


def expanded(paths: Iterable[Path], on_damage: OnDamage = lambda _: None) -> list[Path]:
    """Each cassette that is meant, once: a folder means those in it, a rotated one all its files.

    A path that leads nowhere is given back as it is; of what is damaged beside those, a line each
    is told. Raises OSError, and BadCassette for a folder without cassettes.
    """
    given: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found = cassettes_in(path, on_damage)
        else:
            found = [*_earlier(path, on_damage), path]
        if not found:
            raise BadCassette(f"there is no cassette in the folder {path}; give another, or a file")
        given.update(dict.fromkeys(found))
    return list(given)


def _earlier(path: Path, on_damage: OnDamage = lambda _: None) -> Iterator[Path]:
    header = _header(path)
    if header is None or not header.part:
        return
    for part in closed_parts(path):  # of a closed file there are none
        other = _header(part, on_damage)
        if other is not None and other.id == header.id:
            yield part


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


def open_with(current: Path, number: int) -> Cassette:
    """The file of a rotated capture in which an exchange is; the current one where it is in none.

    Damage of other files is no matter where it is found. Raises BadCassette.
    """
    damage: list[str] = []
    for path in chain([current], _earlier(current, damage.append)):
        header = _header(path)
        if header is None or not header.first <= number <= (header.last or number):
            continue
        try:
            cassette = open_part(path)
        except BadCassette as error:
            damage.append(str(error))
            continue
        if number in cassette.exchanges:
            return cassette
        cassette.close()
    if damage:  # for there it may be
        raise BadCassette(damage[0])
    return Cassette.open(current)


def last_closed(current: Path, header: Header) -> Path | None:
    """The last of the closed files of the capture whose current file has this header."""
    found = None
    for path in closed_parts(current):
        other = _header(path)
        if other is not None and other.id == header.id and other.part < header.part:
            found = path
    return found


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


def _header(path: Path, on_damage: OnDamage = lambda _: None) -> Header | None:
    try:
        return header_of(still(path))
    except (Foreign, FileNotFoundError):
        return None
    except BadCassette as error:
        on_damage(str(error))
    except OSError as error:
        on_damage(f"cannot read {path}: {error.strerror}")
    return None
