"""Reading a cassette: an index of its lines that can follow a growing file, and loading on demand.

Opening reads every line's kind but parses no body. A line counts once its newline is there; a
damaged one is an error that names it, unless the next line says that it was torn by a crash. A
file is never written to from here.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import UNSET

from cassettes import format as lines
from cassettes.contents import Contents, Entry
from cassettes.exchange import Exchange, Piece, RequestPart
from cassettes.framing import unframe
from cassettes.header import LONGEST, damage, foreign, headless, read_header
from cassettes.items import builds_on, entries, restore
from cassettes.line_file import LineFile
from cassettes.notes import SWITCHED
from cassettes.payload import Payload, unpack
from wire.endpoints import WEBSOCKET
from wire.errors import BadCassette

_LAST_NUMBER = (1 << 31) - 1
_KEPT = 128 << 20
"""Bytes of items that are kept in memory, because the next request needs most of them again."""
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ANSWER = frozenset({"response", "event", "body", "chunk", "message", "timing", "end"})


class _Head(msgspec.Struct):
    kind: str
    x: int = 0
    ref: str = ""
    at: str = ""


class _Kind(msgspec.Struct):
    kind: str


_head = msgspec.json.Decoder(_Head)
_kind = msgspec.json.Decoder(_Kind)


def _head_of(raw: bytes) -> _Head:
    try:
        return _head.decode(raw)
    except _UNREADABLE:
        if (kind := _kind.decode(raw).kind) in lines.KINDS:
            raise
        return _Head(kind)  # what `x` means in a line that only a later respool knows is its affair


class Cassette(Contents):
    """An open cassette in one file, which may grow."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.exchanges: dict[int, Entry] = {}
        self.has_unknown_lines = False
        self._on_socket: dict[int, list[int]] = {}
        """What was sent on the connection of each exchange that is no message itself."""
        self._items: dict[str, int] = {}
        self._texts: dict[str, bytes] = {}
        self._texts_size = 0
        self._damaged = 0
        self._header: lines.Header | None = None
        self._file = LineFile(path, LONGEST)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a cassette and index what is there; raises BadCassette."""
        cassette = cls(Path(path))
        try:
            cassette.poll()
            if cassette._header is None:
                raise headless(cassette.path, cassette._file.start(LONGEST))
        except BaseException:
            cassette.close()
            raise
        return cassette

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    @property
    def header(self) -> lines.Header:
        """The file's first line."""
        assert self._header is not None  # `open` has seen to it
        return self._header

    @property
    def refs(self) -> Collection[str]:
        """The refs of all items in the file."""
        return self._items.keys()

    @property
    def size(self) -> int:
        """Bytes read so far: whole lines only."""
        return self._file.size

    def replaced(self) -> bool:
        """Whether the path now leads to another file than the one that is open, or a cut one."""
        return self._file.replaced()

    def poll(self) -> list[int]:
        """Index the lines that were added since; the numbers of the exchanges that they touch."""
        touched: dict[int, None] = {}
        for offset, raw in self._file.new_lines():
            x = self._index(offset, raw)
            if x:
                touched[x] = None
        if self._file.compressed:  # nobody will go on with it
            self._abandon()
        if self._damaged:
            raise self._damage(self._damaged, "it is not a line of a cassette")
        return list(touched)

    def _index(self, offset: int, raw: bytes) -> int:
        try:
            head = _head_of(raw)
        except _UNREADABLE:
            if self._header is None:
                raise foreign(self.path) from None
            if self._damaged:
                raise self._damage(self._damaged, "it is not a line of a cassette") from None
            self._damaged = self._file.count
            return 0
        if self._header is None:
            self._header = read_header(self.path, raw)
            return 0
        if head.kind == "torn":
            self._damaged = 0
            return 0
        if self._damaged:
            raise self._damage(self._damaged, "it is not a line of a cassette")
        if head.kind == "item":
            self._items.setdefault(head.ref, offset)
        elif head.kind == "request":
            self._begin(raw)
            return head.x
        elif head.kind == "session":
            self._abandon()
        elif head.kind not in lines.KINDS:
            self.has_unknown_lines = True
        elif head.kind in _ANSWER:
            entry = self.exchanges.get(head.x)
            if entry is None:
                raise self._damage(
                    self._file.count,
                    f"it belongs to exchange {head.x}, whose request is not in the file",
                )
            entry.offsets.append(offset)
            if head.kind == "timing":
                entry.began = _time(head.at)
            entry.ended |= head.kind == "end"
            entry.answered |= head.kind in ("response", "message")
            return head.x
        return 0

    def _abandon(self) -> None:
        for earlier in self.exchanges.values():
            earlier.abandoned = not earlier.ended

    def _begin(self, raw: bytes) -> None:
        try:
            request = lines.decode(raw)
            found = entries(request, lambda x: self.exchanges[x].parts)
            parent = builds_on(request)
        except KeyError as error:
            raise self._damage(
                self._file.count, f"it builds on exchange {error}, which is not in the file"
            ) from error
        except (ValueError, *_UNREADABLE) as error:
            raise self._damage(self._file.count, str(error)) from error
        missing = next((r for refs in found.values() for r in refs if r not in self._items), None)
        if missing:
            raise self._damage(self._file.count, f"its item {missing} is not in the file")
        if not 1 <= request.x <= _LAST_NUMBER:
            raise self._damage(self._file.count, f"exchanges are numbered from 1 to {_LAST_NUMBER}")
        if request.x in self.exchanges:
            raise self._damage(self._file.count, f"there is an exchange {request.x} already")
        if request.amid is not UNSET and request.amid[0] not in self.exchanges:
            why = f"it came amid exchange {request.amid[0]}, which is not in the file"
            raise self._damage(self._file.count, why)
        if request.socket is UNSET:
            if UNSET in (request.method, request.path, request.headers):
                raise self._damage(self._file.count, "a request has a method, a path and headers")
        elif request.socket not in self._on_socket:
            why = f"its socket, exchange {request.socket}, is no handshake before it"
            raise self._damage(self._file.count, why)
        if request.socket is UNSET:
            self._on_socket[request.x] = []
        else:
            self._on_socket[request.socket].append(request.x)
        follows = None if request.follows is UNSET else request.follows
        self.exchanges[request.x] = Entry(
            request,
            self._file.count,
            found,
            None if follows else parent,
            follows,
            began=_time(request.at),
        )

    def _damage(self, line: int, why: str) -> BadCassette:
        return damage(self.path, line, why)

    def _decode(self, offset: int) -> Any:  # one of lines.AnyLine, by kind
        raw = self._file.line(offset)
        try:
            return lines.decode(raw)
        except _UNREADABLE as error:
            line = self._file.number(offset)
            raise self._damage(line, str(error)) from error

    def item(self, ref: str) -> bytes:
        """The exact text of an item."""
        text = self._texts.get(ref)
        if text is None:
            text = self._unpack(self._items[ref])
            if self._texts_size > _KEPT:
                self._texts.clear()
                self._texts_size = 0
            self._texts[ref] = text
            self._texts_size += len(text)
        return text

    def _unpack(self, offset: int) -> bytes:
        line = self._decode(offset)
        try:
            return unpack(line)
        except (ValueError, *_UNREADABLE) as error:
            raise self._damage(self._file.number(offset), str(error)) from error

    def body(self, x: int) -> bytes:
        """The exact body of the request of exchange `x`."""
        entry = self.exchanges[x]
        try:
            if entry.request.refs is UNSET:
                return unpack(entry.request)
            return restore(entry.request, entry.parts, self.item)
        except (ValueError, *_UNREADABLE) as error:
            raise self._damage(entry.line, str(error)) from error

    def on_socket(self, x: int) -> Sequence[int]:
        """The exchanges on the WebSocket whose handshake is exchange `x`; none for another."""
        return self._on_socket.get(x, ())

    def upstream(self, x: int) -> str:
        """The base URL of the server of exchange `x`; of a WebSocket's message, its handshake's."""
        request = self.exchanges[x].request
        if request.socket is not UNSET:
            request = self.exchanges[request.socket].request
        return self.header.upstream if request.upstream is UNSET else request.upstream

    def inherited(self, x: int) -> int:
        """How many items of the input of exchange `x` its parent had sent before."""
        entry = self.exchanges[x]
        if entry.follows is not None:
            return min(entry.follows[1], len(entry.parts.get("input", ())))
        parent = entry.parent
        return len(self.exchanges[parent].parts.get("input", ())) if parent is not None else 0

    def exchange(self, x: int) -> Exchange:
        """Exchange `x`, loaded whole; raises KeyError for a number that is not in the file."""
        entry = self.exchanges[x]
        loaded = [(offset, self._decode(offset)) for offset in entry.offsets]
        timing = next((line for _, line in loaded if isinstance(line, lines.Timing)), None)
        times = iter(timing.t) if timing else iter(())
        socket = None if entry.request.socket is UNSET else entry.request.socket
        exchange = Exchange(
            cassette_id=self.header.id,
            number=x,
            base=self.header.base,
            upstream=self.upstream(x),
            began=entry.began,
            request=self.request(x),
            refs=entry.parts,
            follows=entry.follows,
            socket=socket,
            amid=None if entry.request.amid is UNSET else entry.request.amid,
        )
        for offset, line in loaded:
            if isinstance(line, lines.Timing):
                continue
            t = next(times, None) if line.t is UNSET else line.t
            if isinstance(line, lines.Response):
                exchange.status, exchange.headers, exchange.head_ms = line.status, line.headers, t
                exchange.encoding = line.encoding if line.encoding is not UNSET else None
            elif isinstance(line, lines.End):
                exchange.outcome, exchange.ended_ms = line.outcome, t
                exchange.error = line.error if line.error is not UNSET else None
                exchange.close = line.close if line.close is not UNSET else None
            elif isinstance(line, lines.Message):
                exchange.pieces.append(
                    Piece(
                        t,
                        self._piece(offset, line),
                        binary=line.binary is True,
                        amid=None if line.amid is UNSET else line.amid,
                        since=None if line.since is UNSET else line.since,
                    )
                )
                exchange.streamed = True
                exchange.status = SWITCHED
            else:
                exchange.pieces.append(Piece(t, self._piece(offset, line)))
                exchange.streamed |= isinstance(line, lines.Event)
        return exchange

    def request(self, x: int) -> RequestPart:
        """The request of exchange `x`, whole."""
        request = self.exchanges[x].request
        handshake = request if request.socket is UNSET else self.exchanges[request.socket].request
        assert handshake.path is not UNSET  # `_begin` has seen to it
        assert handshake.headers is not UNSET
        method = WEBSOCKET if request.method is UNSET else request.method
        return RequestPart(
            method, handshake.path, handshake.headers, self.body(x), request.binary is True
        )

    def _piece(self, offset: int, line: Payload) -> bytes:
        try:
            return unframe(line.frame, line) if isinstance(line, lines.Event) else unpack(line)
        except (ValueError, *_UNREADABLE) as error:
            raise self._damage(self._file.number(offset), str(error)) from error


def _time(text: Any) -> datetime | None:  # str or UNSET, from a line that a person may have edited
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
