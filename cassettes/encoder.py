"""From what the recorder saw to the lines of a journal: redacted, decoded, cut into events.

`Encoder` does no I/O and knows no clock but the times it is given, so that all that decides what
stands in a cassette can be tested without a proxy. Each note names its exchange by number; numbers
are given in the order in which requests arrive, a client's WebSocket messages among them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec import UNSET

from cassettes.beginnings import JsonText, begins_stream
from cassettes.decoding import CannotDecode, Undo, undo
from cassettes.format import (
    AnyLine,
    Body,
    Chunk,
    Close,
    End,
    Event,
    Headers,
    Message,
    Request,
    Response,
)
from cassettes.framing import frame
from cassettes.items import Shelf
from cassettes.lanes import Lanes, Place
from cassettes.notes import (
    SWITCHED,
    Answered,
    Began,
    Ended,
    Gap,
    Got,
    Heard,
    Note,
    NotedHeaders,
    Sent,
    Text,
)
from cassettes.payload import pack
from cassettes.pending import Pending
from cassettes.redaction import Redactor
from wire.events import TERMINAL
from wire.sse import Splitter, parse
from wire.words import event_type

LARGEST_PART = 16 << 20
"""Bytes of a body that stand in one line at most, until the file is calm."""
LARGEST_EVENT = 64 << 20
"""Bytes of a stream that wait for the end of an event before they are written without it."""


@dataclass(slots=True)
class _Open:
    """An exchange in flight."""

    began_ns: int
    method: str = ""
    splitter: Splitter | None = None
    undo: Undo | None = None
    finished: bool = False
    whole_ns: int = 0
    """When the event was whole that the splitter keeps back, or 0."""
    pending: Pending = field(default_factory=Pending)
    pending_ns: int = 0
    got_ns: int = 0
    chunks: int = 0
    error: str = ""
    unlabelled: bool = False
    """Whether the first bytes must tell if this is a stream, for want of a content type."""
    json: JsonText | None = None
    """Of a body of JSON that is as long as it happens to be: whether it is whole."""
    lanes: Lanes | None = None
    """Of a handshake: what is open on the connection."""
    newest: int = 0
    """Of a handshake: the last exchange that began on the connection."""

    def t(self, at_ns: int) -> float:
        """ms since the request had arrived whole."""
        return round((at_ns - self.began_ns) / 1e6, 3)

    def may_lack_body(self, status: int) -> bool:
        """Whether an answer with `status` has no body (RFC 9112, 6.3), or needs none."""
        return self.method == "HEAD" or status < 200 or status == 204 or 300 <= status < 400


class Encoder:
    """Turns notes into lines; keeps what is in flight and what the cassette already holds."""

    def __init__(self, redactor: Redactor, shelf: Shelf, upstream: str = "") -> None:
        """`upstream` is given where it is another one than the header of the cassette names."""
        self._upstream = upstream
        self._redactor = redactor
        self._shelf = shelf
        self._open: dict[int, _Open] = {}
        self._partial: dict[int, _Open] = {}
        """Those of which a part of a body waits for the rest: few, however many are in flight."""

    @property
    def in_flight(self) -> list[int]:
        """The numbers of the exchanges that have not ended."""
        return list(self._open)

    def abandon(self, at_ns: int) -> Iterator[AnyLine]:
        """The ends of all that is in flight: nobody will tell of them any more."""
        handshakes = [x for x, each in self._open.items() if each.lanes is not None]
        for x in handshakes:  # and with each what is open on it
            yield from self.take(Ended(x, at_ns, "proxy_stopped"))
        for x in self.in_flight:
            yield from self.take(Ended(x, at_ns, "proxy_stopped"))

    @property
    def answering(self) -> bool:
        """Whether an exchange is in flight that is no WebSocket on which nothing is open."""
        return any(each.lanes is None for each in tuple(self._open.values()))

    def take(self, note: Note) -> Iterable[AnyLine]:
        """The lines that `note` adds. Notes of an exchange that is not in flight add none."""
        if isinstance(note, Began):
            return self._began(note)
        if isinstance(note, Sent):
            return self._sent(note)
        exchange = self._open.get(note.x)
        if exchange is None:
            return ()
        if isinstance(note, Answered):
            return (self._answered(exchange, note),)
        if isinstance(note, Got):
            return self._got(exchange, note)
        if isinstance(note, Heard):
            return self._heard(exchange, note)
        if isinstance(note, Gap):
            return self._cut(exchange.lanes, note.at_ns, "recorder_overrun")
        return self._ended(exchange, note)

    def _began(self, note: Began) -> Iterator[AnyLine]:
        self._open[note.x] = _Open(note.at_ns, note.method)
        sent = _texts(note.headers)
        path, headers = self._redactor.request(_text(note.path), sent)
        body, plain = note.body, undo(_header(sent, "content-encoding"))
        if plain is not None:
            try:
                body = plain.feed(body)
            except CannotDecode as error:
                self._open[note.x].error = f"the request body could not be decoded: {error}"
        items, payload, refs, follows = self._shelf.take_apart(note.x, self._redactor.text(body))
        yield from items
        yield Request(
            x=note.x,
            at=_at(note.wall_ns),
            method=note.method,
            path=path,
            upstream=note.upstream or self._upstream or UNSET,
            headers=headers,
            follows=follows or UNSET,
            refs=refs or UNSET,
            **payload.members(),
        )

    def _answered(self, exchange: _Open, note: Answered) -> Response:
        got = _texts(note.headers)
        encoding = _header(got, "content-encoding")
        exchange.undo = undo(encoding)
        if note.status == SWITCHED:
            exchange.lanes = Lanes()
        kind = _header(got, "content-type").lower()
        if kind.startswith("text/event-stream"):
            exchange.splitter = Splitter()
        is_json = "json" in kind
        exchange.unlabelled = exchange.splitter is None and not is_json
        if is_json and not exchange.may_lack_body(note.status) and not _has_length(got):
            exchange.json = JsonText()
        return Response(
            x=note.x,
            t=exchange.t(note.at_ns),
            status=note.status,
            headers=self._redactor.headers(got),
            encoding=encoding if exchange.undo else UNSET,
        )

    def _got(self, exchange: _Open, note: Got) -> Iterator[AnyLine]:
        data = note.data
        if exchange.undo is not None:
            try:
                data = exchange.undo.feed(data)
            except CannotDecode as error:
                exchange.error = exchange.error or f"the body could not be decoded: {error}"
                if exchange.splitter is not None:
                    data = exchange.splitter.finish() + data
                exchange.undo = exchange.splitter = None
        if exchange.splitter is None:
            if not exchange.pending:
                exchange.pending_ns = note.at_ns
                self._partial[note.x] = exchange
            exchange.pending.add(data)
            exchange.got_ns = note.at_ns
            if not exchange.unlabelled or not exchange.pending:
                yield from self._large_parts(note.x, exchange)
                return
            is_stream = begins_stream(exchange.pending.whole()) if not exchange.chunks else False
            exchange.unlabelled = is_stream is None
            if not is_stream:
                return
            data = exchange.pending.take()
            exchange.splitter = Splitter()
        yield from self._events(exchange, exchange.splitter, note, data)

    def _events(
        self, exchange: _Open, splitter: Splitter, note: Got, data: bytes
    ) -> Iterator[Event]:
        """The events that `data` completes, each with the time at which it was whole."""
        earlier_ns = exchange.whole_ns
        for block in splitter.feed(data):
            yield self._event(exchange, note, block, earlier_ns or note.at_ns)
            earlier_ns = 0
        if splitter.is_whole:
            exchange.whole_ns = earlier_ns or note.at_ns
        else:
            exchange.whole_ns = 0
        if len(splitter) > LARGEST_EVENT:
            yield self._event(exchange, note, splitter.finish(), note.at_ns)

    def _event(self, exchange: _Open, note: Got | Ended, block: bytes, at_ns: int) -> Event:
        name, payload = frame(self._redactor.text(block))
        if payload.json is not UNSET:
            exchange.finished |= event_type(bytes(payload.json)) in TERMINAL
        else:
            exchange.finished |= _ends_stream(block)
        return Event(x=note.x, t=exchange.t(at_ns), frame=name, **payload.members())

    def _sent(self, note: Sent) -> Iterator[AnyLine]:
        connection = self._open.get(note.socket)
        if connection is None or connection.lanes is None:
            return
        if (expired := connection.lanes.expired()) is not None:
            t = self._open.pop(expired).t(note.at_ns)
            yield End(x=expired, t=t, outcome="complete")
        self._open[note.x] = _Open(note.at_ns)
        connection.newest = note.x
        amid = connection.lanes.sent(note.x, note.data)
        text = self._redactor.text(note.data)
        items, payload, refs, follows = self._shelf.take_apart(note.x, text)
        yield from items
        yield Request(
            x=note.x,
            at=_at(note.wall_ns),
            socket=note.socket,
            amid=amid or UNSET,
            binary=note.binary or UNSET,
            follows=follows or UNSET,
            refs=refs or UNSET,
            **payload.members(),
        )

    def _heard(self, connection: _Open, note: Heard) -> Iterator[AnyLine]:
        place = connection.lanes.heard(note.data) if connection.lanes else Place(None)
        x, over, amid, others = place
        for other, whole in others:
            t = self._open.pop(other).t(note.at_ns)
            yield End(x=other, t=t, outcome="complete" if whole else "truncated")
        began = connection if x is None else self._open[x]
        yield Message(
            x=note.x if x is None else x,
            t=began.t(note.at_ns),
            amid=amid or UNSET,
            since=(connection.newest or note.x) if x is None else UNSET,
            binary=note.binary or UNSET,
            **pack(self._redactor.text(note.data)).members(),
        )
        if x is not None and over:
            del self._open[x]
            yield End(x=x, t=began.t(note.at_ns), outcome="complete")

    def _hung_up(self, lanes: Lanes, note: Ended) -> Iterator[AnyLine]:
        """The ends of what was open on a connection that is gone."""
        outcome, error = note.outcome, note.error
        if outcome == "complete":
            by = note.close.by if note.close else "client"
            outcome = "client_gone" if by == "client" else "upstream_gone"
            if note.close:
                error = f"the {by} closed the connection with {note.close.code}"
                error += f": {note.close.reason}" if note.close.reason else ""
        yield from self._cut(lanes, note.at_ns, outcome, self._redactor.word(error))

    def _cut(
        self, lanes: Lanes | None, at_ns: int, outcome: str, error: str = ""
    ) -> Iterator[AnyLine]:
        """The ends of all that is open on a connection."""
        for x, whole in lanes.close() if lanes else ():
            t = self._open.pop(x).t(at_ns)
            if whole and outcome != "recorder_overrun":
                yield End(x=x, t=t, outcome="complete")
            else:
                yield End(x=x, t=t, outcome=outcome, error=error or UNSET)

    def _ended(self, exchange: _Open, note: Ended) -> Iterator[AnyLine]:
        if exchange.lanes is not None:
            yield from self._hung_up(exchange.lanes, note)
        del self._open[note.x]
        self._partial.pop(note.x, None)
        outcome, is_json = note.outcome, False
        if exchange.splitter is not None:
            if rest := exchange.splitter.finish():
                yield self._event(exchange, note, rest, exchange.whole_ns or note.at_ns)
            if exchange.finished and outcome != "recorder_overrun":
                outcome = "complete"  # whoever closed the connection then did not cut anything off
            elif outcome == "complete":
                outcome = "truncated"
        elif exchange.pending:
            payload = pack(self._redactor.text(exchange.pending.whole()))
            line = Chunk if exchange.chunks else Body
            yield line(x=note.x, t=exchange.t(exchange.got_ns), **payload.members())
            is_json = line is Body and payload.json is not UNSET
        may_be_cut = exchange.json if outcome == "complete" and not is_json else None
        if may_be_cut and may_be_cut.is_cut(exchange.pending.whole()):
            outcome = "truncated"
        error = self._redactor.word("; ".join(filter(None, (exchange.error, note.error))))
        yield End(
            x=note.x,
            t=exchange.t(note.at_ns),
            outcome=outcome,
            close=self._close(note.close) if note.close else UNSET,
            error=error or UNSET,
        )

    def _close(self, close: Close) -> Close:
        return Close(code=close.code, reason=self._redactor.word(close.reason), by=close.by)

    def flush(self, now_ns: int, older_ns: int) -> Iterator[Chunk]:
        """Lines for parts of bodies that have waited `older_ns` for the rest.

        A part that may hold the beginning of a credential stays behind until more has come.
        """
        for x, exchange in self._partial.items():
            if exchange.pending and now_ns - exchange.pending_ns >= older_ns:
                exchange.pending_ns = now_ns
                yield from self._part(x, exchange, exchange.pending.whole())

    def _large_parts(self, x: int, exchange: _Open) -> Iterator[Chunk]:
        """Lines for what is too long for one."""
        before = 0
        while len(exchange.pending) >= LARGEST_PART and len(exchange.pending) != before:
            before = len(exchange.pending)
            yield from self._part(x, exchange, exchange.pending.whole()[:LARGEST_PART])

    def _part(self, x: int, exchange: _Open, beginning: bytes) -> Iterator[Chunk]:
        """A line for the `beginning` of what is pending, or for all of it that is settled."""
        part, rest = self._redactor.settled(beginning)
        if exchange.json:
            exchange.json.feed(beginning[: len(beginning) - len(rest)])
        exchange.pending.replace(len(beginning), rest)
        if part:
            exchange.chunks += 1
            yield Chunk(x=x, t=exchange.t(exchange.got_ns), **pack(part).members())

    @property
    def waiting(self) -> bool:
        """Whether `flush` may have something to do."""
        return any(exchange.pending for exchange in self._partial.values())


def _at(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")


def _text(text: Text) -> str:
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text


def _texts(headers: NotedHeaders) -> Headers:
    return [(_text(name), _text(value)) for name, value in headers]


def _header(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")


def _has_length(headers: Headers) -> bool:
    return any(_header(headers, name) for name in ("content-length", "transfer-encoding"))


def _ends_stream(block: bytes) -> bool:
    event = parse(block)
    if event.data is None:
        return False
    return event.data == "[DONE]" or event_type(event.data.encode()) in TERMINAL
