"""A rotated capture read as the one cassette that it is: all its files, as if it were never cut.

Numbers occur once in all files of a capture, and what an exchange refers to stands in its own file,
so each exchange is read from there. It is read as it is when it is opened, and not followed.
"""

from contextlib import ExitStack
from pathlib import Path

from cassettes.exchange import Exchange
from cassettes.folder import OnDamage, expanded, open_part, still
from cassettes.header import header_of
from cassettes.reader import Cassette
from wire.errors import BadCassette


class Joined(Cassette):
    """All files of a capture, which are given in order and are closed with it."""

    def __init__(self, path: Path, parts: list[Cassette]) -> None:
        self.path = path
        self._parts = parts
        self._header = parts[-1].header
        self._of = {x: part for part in parts for x in part.exchanges}
        self.exchanges = {x: self._of[x].exchanges[x] for x in sorted(self._of)}
        self._on_socket = {x: on for part in parts for x, on in part._on_socket.items()}

    def close(self) -> None:
        """Give the files back."""
        for part in self._parts:
            part.close()

    def item(self, ref: str) -> bytes:
        """The exact text of an item, which is the same in all files that have it."""
        last = self._parts[-1]  # which says so, if it is in none
        return next((part for part in self._parts if ref in part._items), last).item(ref)

    def body(self, x: int) -> bytes:
        """The exact body of the request of exchange `x`."""
        return self._of[x].body(x)

    def exchange(self, x: int) -> Exchange:
        """Exchange `x`, loaded whole; raises KeyError for a number that is in no file."""
        return self._of[x].exchange(x)


def open_whole(path: Path, on_damage: OnDamage = lambda _: None) -> Cassette:
    """The cassette that is meant, where a folder means the one in it, and a capture all its files.

    Of what is damaged beside those, a line each is told. Raises OSError, and BadCassette, also for
    a folder with several cassettes.
    """
    files = expanded([path], on_damage)
    if path.is_dir():
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
