"""What a recorder saw: the notes that it hands over, each of one moment of one exchange.

Notes hold bytes and times as they came and decide nothing, so that they can be made on an event
loop, and they travel to another process. Exchanges are numbered in the order in which requests
arrive, a client's WebSocket messages among them.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from cassettes.format import Close

SWITCHED = 101
"""The HTTP status that turns a connection into a WebSocket (RFC 6455, section 4.2.2)."""


type Text = Any  # str, or bytes that need not be UTF-8; msgspec knows no union of the two
type NotedHeaders = Sequence[tuple[Text, Text]]


class _Note(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Written as a short array, as it is made and read for every piece of traffic."""


class Began(_Note, frozen=True):
    """A request has arrived whole; `wall_ns` is since the epoch, `at_ns` on the monotonic clock."""

    x: int
    at_ns: int
    wall_ns: int
    method: str
    path: Text
    headers: NotedHeaders
    body: bytes
    upstream: str = ""
    """The base URL of the server, where the recording has several."""


class Answered(_Note, frozen=True):
    """The response's head has arrived."""

    x: int
    at_ns: int
    status: int
    headers: NotedHeaders


class Got(_Note, frozen=True):
    """A piece of the response's body, as it travelled."""

    x: int
    at_ns: int
    data: bytes


class Sent(_Note, frozen=True):
    """The client has sent a message on the WebSocket of exchange `socket`, which begins `x`."""

    x: int
    at_ns: int
    wall_ns: int
    socket: int
    data: bytes
    binary: bool = False


class Heard(_Note, frozen=True):
    """The server has sent a message on the WebSocket of exchange `x`."""

    x: int
    at_ns: int
    data: bytes
    binary: bool = False


class Gap(_Note, frozen=True):
    """Messages on the WebSocket of exchange `x` are missing here: the disk could not keep up."""

    x: int
    at_ns: int


class Ended(_Note, frozen=True):
    """Nothing more will come; `outcome` is one of `cassettes.format.OUTCOMES`.

    Of a WebSocket that was closed by a frame, `close` is that frame.
    """

    x: int
    at_ns: int
    outcome: str
    error: str = ""
    close: Close | None = None


Note = Began | Answered | Got | Sent | Heard | Gap | Ended
