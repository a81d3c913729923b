"""`respool tail`: exchanges as they are recorded, each printed once, when it has ended.

The cassette may come later, grow, be rewritten in its calm form when its recorder closes it, or
give way to another one, or to the next file of its capture while the old one takes the rest. An
exchange is known by the cassette's own id and its number, so nothing is printed twice and nothing
that ended is left out.
"""

import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from respool.say import say
from respool.view.plain_text import duration
from wire.errors import BadCassette

if TYPE_CHECKING:
    from cassettes.reader import Cassette
    from cassettes.retries import Retries
    from respool.view.screen import Screen

_POLL_S = 0.1
_STALE_S = 3600
"""An exchange that has been in flight for longer was most likely left by a killed recorder."""


@click.command("tail", short_help="Print exchanges as they are recorded.")
@click.argument("cassette", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "last",
    metavar="N",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Begin with this many exchanges that have ended already.",
)
@click.option(
    "--once", is_flag=True, help="Print the last N, with or without an end, and do not wait."
)
def command(cassette: Path, last: int, once: bool) -> None:
    """Print the exchanges of CASSETTE as they are recorded, until ctrl-C.

    A line of facts for each, then what was sent (>) and what came back (<). `respool show` prints
    one in full.
    """
    from respool.view.screen import Screen

    screen = Screen()
    follower = Follower(cassette, screen, last)
    try:
        if once:
            follower.once()
        else:
            follower.follow()
    except KeyboardInterrupt:
        pass
    finally:
        screen.status("")
        follower.close()


class Follower:
    """Reads a cassette on and prints what has ended."""

    def __init__(self, path: Path, screen: "Screen", last: int) -> None:
        self._path = path
        self._screen = screen
        self._last = last
        self._cassette: Cassette | None = None
        self._older: list[Cassette] = []
        """Files that gave way to another one, of which something may still come."""
        self._retries: dict[int, Retries] = {}
        """By the `id` of the open file whose exchanges are looked up."""
        self._id = ""
        self._part = 0
        self._printed: set[int] = set()
        self._unfinished: dict[int, Cassette] = {}
        self._waiting = False
        self._models: dict[int, str] = {}

    def close(self) -> None:
        """Give the file back."""
        for cassette in self._older:
            cassette.close()
        self._older.clear()
        if self._cassette is not None:
            self._cassette.close()
            self._cassette = None

    def once(self) -> None:
        """Print the last exchanges, also those that have no end, which may never come.

        Raises BadCassette if there is no cassette.
        """
        from cassettes.reader import Cassette

        self._cassette = cassette = Cassette.open(self._path)
        for x in list(cassette.exchanges)[-self._last :] if self._last else ():
            self._print_one(cassette, x)

    def follow(self) -> None:
        """Print what has ended and what ends, for ever."""
        pause = threading.Event()
        while True:
            self._step()
            pause.wait(_POLL_S)

    def _step(self) -> None:
        self._read_older()
        if self._cassette is None:
            opened = _open(self._path)
            if opened is None:
                self._say_waiting()
                return
            self._begin(opened)
        cassette = self._cassette
        assert cassette is not None
        replaced = cassette.replaced()
        self._print(cassette, cassette.poll())  # what the file that was replaced had to say, too
        if replaced:
            self._older.append(cassette)
            self._cassette = None
        else:
            self._screen.status(self._in_flight())

    def _read_older(self) -> None:
        """Print what has ended in files that others have left; give back those that are done."""
        for cassette in self._older:
            self._print(cassette, cassette.poll())
        if self._cassette is not None:  # else nobody knows yet what has taken the last one's place
            self._forget([each for each in self._older if each not in self._unfinished.values()])

    def _forget(self, cassettes: "list[Cassette]") -> None:
        for cassette in cassettes:
            cassette.close()
        gone = set(map(id, cassettes))
        self._retries = {of: each for of, each in self._retries.items() if of not in gone}
        self._older = [each for each in self._older if id(each) not in gone]
        self._unfinished = {x: c for x, c in self._unfinished.items() if id(c) not in gone}

    def _begin(self, cassette: "Cassette") -> None:
        """Go on with a cassette that was just opened, or start anew if it is another one."""
        self._cassette = cassette
        self._waiting = False
        part = cassette.header.part or 1
        if cassette.header.id != self._id or part <= self._part:
            self._forget(self._older)  # rewritten, or something else: all is in the new one
        else:
            self._printed &= {x for each in self._older for x in each.exchanges}
            self._print_between(part)
        self._part = part
        if cassette.header.id != self._id:
            if self._id:
                self._screen.status("")
                say(f"{self._path} is another cassette now")
            self._id = cassette.header.id
            ended = [x for x, entry in cassette.exchanges.items() if entry.ended]
            self._printed = set(ended[: -self._last] if self._last else ended)
            self._models.clear()
        self._print(cassette, cassette.exchanges)

    def _print_between(self, part: int) -> None:
        """Print what is in files that were begun and closed since the last look."""
        from cassettes.folder import expanded, open_part

        for path in expanded([self._path], say)[:-1] if part > self._part + 1 else ():
            try:
                cassette = open_part(path)
            except BadCassette as error:  # the current file is no worse for it
                say(str(error))
                continue
            self._older.append(cassette)
            if self._part < cassette.header.part < part:
                self._print(cassette, cassette.exchanges)

    def _print(self, cassette: "Cassette", touched: Iterable[int]) -> None:
        """Print what has ended of the exchanges to which something was added."""
        for x in list(touched):
            entry = cassette.exchanges[x]
            if not entry.ended and not entry.abandoned:
                self._unfinished[x] = cassette
            elif x not in self._printed:
                self._printed.add(x)
                self._unfinished.pop(x, None)
                self._print_one(cassette, x)

    def _print_one(self, cassette: "Cassette", x: int) -> None:
        from cassettes.retries import Retries
        from respool.view.additions import additions
        from respool.view.facts import linked, read
        from respool.view.short_view import block, facts_line

        width = self._screen.width
        retries = self._retries.setdefault(id(cassette), Retries(cassette))
        reading = linked(read(cassette, x), retries.around(x))
        lines = [facts_line(reading, width)]
        lines += block(reading, additions(cassette, reading), width)
        self._screen.print(lines)

    def _say_waiting(self) -> None:
        if not self._waiting:
            self._screen.status("")
            say(f"waiting for {self._path}")
            self._waiting = True

    def _in_flight(self) -> str:
        """`7 gpt-5.1 in flight for 3s`, for the exchanges that have begun and not ended."""
        said = []
        for x, cassette in sorted(self._unfinished.items(), key=lambda item: item[0]):
            if cassette.exchanges[x].abandoned or _is_open_socket(cassette, x):
                continue
            since = _seconds_since(cassette.exchanges[x].request.at)
            if since is not None and since < _STALE_S:
                said.append(f"{x} {self._model(cassette, x)} in flight for {_whole(since)}")
        return "; ".join(said)

    def _model(self, cassette: "Cassette", x: int) -> str:
        from cassettes.summary import summarise

        if x not in self._models:
            self._models[x] = summarise(cassette.exchange(x)).requested_model or "?"
        return self._models[x]


def _open(path: Path) -> "Cassette | None":
    """The cassette, or None as long as there is none: no file, or no first line yet."""
    from cassettes.reader import Cassette

    if not path.exists():
        return None
    cassette = Cassette(path)
    try:
        cassette.poll()
    except BaseException:
        cassette.close()
        raise
    if cassette.size == 0:
        cassette.close()
        with path.open("rb") as file:
            if file.read(1) not in {b"", b"{"}:
                return Cassette.open(path)  # which says what is wrong with it
        return None
    return cassette


def _is_open_socket(cassette: "Cassette", x: int) -> bool:
    """Whether this is a handshake that was answered: on the connection others may be in flight."""
    from wire.endpoints import recognise

    entry = cassette.exchanges[x]
    request = cassette.request(x)
    route = recognise(request.method, request.path)
    return bool(entry.offsets) and route is not None and route.endpoint == "connect"


def _whole(seconds: float) -> str:
    return f"{int(seconds)}s" if seconds < 60 else duration(seconds * 1000)


def _seconds_since(at: object) -> float | None:
    """Since the moment that a request line names."""
    try:
        return time.time() - datetime.fromisoformat(str(at)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None
