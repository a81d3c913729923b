"""One exchange as it is in a cassette: the request, the answer in its pieces, and how it ended.

This is what the player serves, `show` prints and `analytics` normalises; bytes are exact, times
are in ms since the request had arrived whole.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cassettes.format import Close, Headers
from cassettes.notes import SWITCHED
from wire.endpoints import WEBSOCKET, Route, recognise, recognise_message
from wire.words import event_type

type Transport = Literal["json", "sse", "websocket"]
"""How an answer travels; `json` stands for any body that is sent as a whole."""


@dataclass(frozen=True, slots=True)
class RequestPart:
    """The request: `path` is the target with its query, `headers` are redacted.

    A client's WebSocket message has the `method` WEBSOCKET, and path and headers of the handshake.
    """

    method: str
    path: str
    headers: Headers
    body: bytes
    binary: bool = False
    """Whether the message was no text message."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the answer: a WebSocket message, an event of a stream, or a part of a body."""

    t: float | None
    data: bytes
    binary: bool = False
    """Whether a message was no text message."""
    amid: tuple[int, int] | None = None
    """Of a message that came amid another answer: that exchange, and after how many pieces."""
    since: int | None = None
    """Of a message that nobody asked for: the last exchange that had begun on the connection."""


@dataclass(slots=True)
class Exchange:
    """A loaded exchange; `status` is None where no answer came, times None where not recorded."""

    cassette_id: str
    number: int
    base: str
    upstream: str
    began: datetime | None
    request: RequestPart
    refs: dict[str, list[str]] = field(default_factory=dict)
    status: int | None = None
    headers: Headers = field(default_factory=list)
    encoding: str | None = None
    """The content encoding that was undone for the pieces."""
    head_ms: float | None = None
    pieces: list[Piece] = field(default_factory=list)
    streamed: bool = False
    """Whether the pieces are events or messages, and not parts of one body."""
    socket: int | None = None
    """The exchange of the handshake, where the request is a client's WebSocket message."""
    amid: tuple[int, int] | None = None
    """Of such a message that interrupted an answer: that exchange, and after how many pieces."""
    follows: tuple[int, int] | None = None
    """An exchange of an earlier file of the capture, and how many items its input has, with which
    this one's begins."""
    close: Close | None = None
    """The frame that closed a WebSocket."""
    outcome: str = "incomplete"
    error: str | None = None
    ended_ms: float | None = None

    @property
    def id(self) -> uuid.UUID:
        """The same for this exchange wherever its cassette lies and however it was rewritten."""
        return exchange_id(self.cassette_id, self.number)

    @property
    def route(self) -> Route | None:
        """Which endpoint this is; None for traffic that is no Responses exchange."""
        return route_of(self.request)

    @property
    def transport(self) -> Transport:
        """How the answer travelled."""
        if self.request.method == WEBSOCKET or self.status == SWITCHED:
            return "websocket"
        return "sse" if self.streamed else "json"

    @property
    def connection_id(self) -> uuid.UUID | None:
        """The id of the exchange that is the handshake; None over plain HTTP."""
        return None if self.socket is None else exchange_id(self.cassette_id, self.socket)

    @property
    def body(self) -> bytes:
        """The answer's whole body, as far as it came."""
        return b"".join(piece.data for piece in self.pieces)

    def events(self) -> Iterator[Piece]:
        """The SSE blocks or WebSocket messages of a streamed answer; none for another."""
        if self.streamed:
            yield from self.pieces

    def header(self, name: str) -> str:
        """The first value of a response header, or the empty string; `name` is in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def route_of(request: RequestPart) -> Route | None:
    """Which endpoint a request is for; None for traffic that is no Responses exchange."""
    if request.method == WEBSOCKET:
        return recognise_message(request.path, event_type(request.body))
    return recognise(request.method, request.path)


def exchange_id(cassette_id: str, number: int) -> uuid.UUID:
    """The id of an exchange in all tables, derived from the cassette's own id and the number."""
    return uuid.uuid5(cassette_uuid(cassette_id), str(number))


def cassette_uuid(text: str) -> uuid.UUID:
    """A cassette's own id as a UUID, also where a person has written another word there."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, text)
