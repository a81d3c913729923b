"""What is in a cassette, however many files it stands in: one, or all files of a rotated capture.

Nothing that is read of an exchange depends on which of these it is.
"""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from cassettes import format as lines
from cassettes.exchange import Exchange, RequestPart


@dataclass(slots=True)
class Entry:
    """Where the lines of one exchange stand.

    `parts` are the resolved refs of its request, `parent` is the exchange whose whole input its
    own input begins with; where that is in an earlier file of the capture, `follows` names it and
    the length of that input.
    """

    request: lines.Request
    line: int
    parts: dict[str, list[str]]
    parent: int | None
    follows: tuple[int, int] | None = None
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    ended: bool = False
    answered: bool = False
    """Whether the head of an answer came, or a message."""
    began: datetime | None = None
    """When its request had arrived."""
    abandoned: bool = False
    """Whether the recorder that saw it begin is gone, so that no end will come."""


class Contents(ABC):
    """Open files, to be closed. `exchanges` maps numbers to entries, in the order of requests."""

    path: Path
    exchanges: dict[int, Entry]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Give the files back."""

    @property
    @abstractmethod
    def header(self) -> lines.Header:
        """The first line; of several files, the last one's."""

    @abstractmethod
    def item(self, ref: str) -> bytes:
        """The exact text of an item."""

    @abstractmethod
    def body(self, x: int) -> bytes:
        """The exact body of the request of exchange `x`."""

    @abstractmethod
    def request(self, x: int) -> RequestPart:
        """The request of exchange `x`, whole."""

    @abstractmethod
    def exchange(self, x: int) -> Exchange:
        """Exchange `x`, loaded whole; raises KeyError for a number that is in no file."""

    @abstractmethod
    def on_socket(self, x: int) -> Sequence[int]:
        """The exchanges on the WebSocket whose handshake is exchange `x`; none for another."""

    @abstractmethod
    def upstream(self, x: int) -> str:
        """The base URL of the server of exchange `x`; of a WebSocket's message, its handshake's."""

    @abstractmethod
    def inherited(self, x: int) -> int:
        """How many items of the input of exchange `x` its parent had sent before."""
