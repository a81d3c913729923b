"""What a recorder saw: the notes that it hands over, each of one moment of one exchange.

Notes hold bytes and times as they came and decide nothing, so that they can be made on an event
loop. Exchanges are numbered in the order in which requests arrive, a client's WebSocket messages
among them.
"""

from dataclasses import dataclass

from cassettes.format import Close, Headers

SWITCHED = 101
"""The HTTP status that turns a connection into a WebSocket (RFC 6455, section 4.2.2)."""


@dataclass(frozen=True, slots=True)
class Began:
    """A request has arrived whole; `wall_ns` is since the epoch, `at_ns` on the monotonic clock."""

    x: int
    at_ns: int
    wall_ns: int
    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The response's head has arrived."""

    x: int
    at_ns: int
    status: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class Got:
    """A piece of the response's body, as it travelled."""

    x: int
    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """The client has sent a message on the WebSocket of exchange `socket`, which begins `x`."""

    x: int
    at_ns: int
    wall_ns: int
    socket: int
    data: bytes
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """The server has sent a message on the WebSocket of exchange `x`."""

    x: int
    at_ns: int
    data: bytes
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages on the WebSocket of exchange `x` are missing here: the disk could not keep up."""

    x: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will come; `outcome` is one of `cassettes.format.OUTCOMES`.

    Of a WebSocket that was closed by a frame, `close` is that frame.
    """

    x: int
    at_ns: int
    outcome: str
    error: str = ""
    close: Close | None = None


Note = Began | Answered | Got | Sent | Heard | Gap | Ended
