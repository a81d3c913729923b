"""One exchange as it is in a cassette: the request, the answer in its pieces, and how it ended.

This is what the player serves, `show` prints and `analytics` normalises; bytes are exact, times
are in ms since the request had arrived whole.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cassettes.format import Headers
from wire.endpoints import Route, recognise


@dataclass(frozen=True, slots=True)
class RequestPart:
    """The request: `path` is the target with its query, `headers` are redacted."""

    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the answer's body: one event of a stream, or a body in one or more parts."""

    t: float | None
    data: bytes


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
        return recognise(self.request.method, self.request.path)

    @property
    def body(self) -> bytes:
        """The answer's whole body, as far as it came."""
        return b"".join(piece.data for piece in self.pieces)

    def events(self) -> Iterator[Piece]:
        """The SSE blocks of a streamed answer; none for another."""
        if self.streamed:
            yield from self.pieces

    def header(self, name: str) -> str:
        """The first value of a response header, or the empty string; `name` is in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def exchange_id(cassette_id: str, number: int) -> uuid.UUID:
    """The id of an exchange in all tables, derived from the cassette's own id and the number."""
    return uuid.uuid5(cassette_uuid(cassette_id), str(number))


def cassette_uuid(text: str) -> uuid.UUID:
    """A cassette's own id as a UUID, also where a person has written another word there."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, text)
