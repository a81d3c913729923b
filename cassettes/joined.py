"""A rotated capture read as the one cassette that it is: all its files, as if it were never cut.

Numbers occur once in all files of a capture, and what an exchange refers to stands in its own file,
so each exchange is read from there. It is read as it is when it is opened, and not followed.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from cassettes.compressed import SUFFIX
from cassettes.contents import Contents
from cassettes.exchange import Exchange, RequestPart
from cassettes.folder import OnDamage, expanded, is_closed, open_part, still
from cassettes.format import Header
from cassettes.header import header_of
from cassettes.reader import Cassette
from wire.errors import BadCassette


class Joined(Contents):
    """All files of a capture, which are given in order and are closed with it."""

    def __init__(self, path: Path, parts: list[Cassette]) -> None:
        self.path = path
        self._parts = parts
        self._of = {x: part for part in parts for x in part.exchanges}
        self.exchanges = {x: self._of[x].exchanges[x] for x in sorted(self._of)}

    def close(self) -> None:
        """As in `Contents`, like all that follows."""
        for part in self._parts:
            part.close()

    @property
    def header(self) -> Header:
        return self._parts[-1].header

    def item(self, ref: str) -> bytes:
        # It is the same in all files that have it; if none has, the last one says so.
        last = self._parts[-1]
        return next((part for part in self._parts if ref in part.refs), last).item(ref)

    def body(self, x: int) -> bytes:
        return self._of[x].body(x)

    def request(self, x: int) -> RequestPart:
        return self._of[x].request(x)

    def exchange(self, x: int) -> Exchange:
        return self._of[x].exchange(x)

    def on_socket(self, x: int) -> Sequence[int]:
        return self._of[x].on_socket(x) if x in self._of else ()

    def upstream(self, x: int) -> str:
        return self._of[x].upstream(x)

    def inherited(self, x: int) -> int:
        return self._of[x].inherited(x)


def open_whole(path: Path, on_damage: OnDamage = lambda _: None) -> Contents:
    """The cassette that is meant, where a folder means the one in it, and a capture all its files.

    Of what is damaged beside those, a line each is told. Raises OSError, and BadCassette, also for
    a folder with several cassettes.
    """
    files = expanded([path], on_damage)
    if path.is_dir():
        files = _once(files)
        headers = [header_of(still(file)) for file in files]
        # Copies have the same part, 0 where they are not of a rotated capture.
        if len({each.id for each in headers}) > 1 or len({each.part for each in headers}) < len(
            files
        ):
            raise BadCassette(
                f"there are several cassettes in the folder {path}; give one, such as {files[-1]}"
            )
    with ExitStack() as opened:
        parts = [opened.enter_context(open_part(file)) for file in files]
        opened.pop_all()
    return parts[0] if len(parts) == 1 else Joined(path, parts)


def _once(files: list[Path]) -> list[Path]:
    """Each once, though a kill may have left two of it until the next recorder starts.

    A file has two names for a moment when it gives way to the next one, and a closed one stands
    beside its compressed form for another. Of either the second is last.
    """
    by_file: dict[tuple[int, int], Path] = {}
    by_name: dict[tuple[str, str], Path] = {}
    for each in files:
        there = still(each).stat()
        by_file[there.st_dev, there.st_ino] = each
    for each in by_file.values():
        name = each.name.removesuffix(SUFFIX) if is_closed(each) else each.name
        by_name[header_of(still(each)).id, name] = each
    return list(by_name.values())
