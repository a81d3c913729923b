"""The calm form: a finished cassette rewritten so that re-recording gives a small diff.

Exchanges stand in the order of their requests, the times of an exchange in one line, and bodies
that came in parts in one piece. What a cassette says stays the same: numbers, ids, bytes, outcomes.
The file is replaced in one step, or not at all.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from cassettes import format as lines
from cassettes.exchange import Exchange, Piece
from cassettes.framing import frame
from cassettes.items import Shelf
from cassettes.payload import pack
from cassettes.reader import Cassette

LARGEST = 64 << 20
"""Bytes of what is rewritten while somebody waits; longer, it stays the journal that it is."""


Redact = Callable[[bytes], bytes]


def _as_is(text: bytes) -> bytes:
    return text


def calm_down(path: Path, redact: Redact = _as_is, *, any_size: bool = False) -> bool:
    """Rewrite the cassette at `path`; False if it is too long, or newer, and was left alone.

    `redact` sees every text once more: a credential may have become known after it was written.
    """
    path = path.resolve()  # what is replaced is the file, and not a link to it
    with Cassette.open(path) as cassette:
        if (cassette.size > LARGEST and not any_size) or cassette.has_unknown_lines:
            return False
        new = calm_name(path)
        try:
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.writelines(lines.encode(line) for line in calm_lines(cassette, redact))
                file.flush()
                os.fsync(file.fileno())
            new.chmod(path.stat().st_mode & 0o777)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
    return True


def calm_name(path: Path) -> Path:
    """What the calm form of the cassette at `path` is called until it is there."""
    return path.with_name(f".{path.name}.calm")


def calm_lines(cassette: Cassette, redact: Redact = _as_is) -> Iterator[lines.AnyLine]:
    """The lines of the calm form, header first."""
    header = cassette.header
    yield msgspec.structs.replace(header, revision=header.revision + 1)
    shelf = Shelf()
    for number in sorted(cassette.exchanges):
        yield from _exchange_lines(shelf, cassette.exchange(number), redact, header.upstream)


def _exchange_lines(
    shelf: Shelf, exchange: Exchange, redact: Redact, upstream: str
) -> Iterator[lines.AnyLine]:
    x, request = exchange.number, exchange.request
    items, payload, refs, _ = shelf.take_apart(x, redact(request.body))
    yield from items
    if exchange.socket is None:
        head: dict[str, Any] = {
            "method": request.method,
            "path": _word(request.path, redact),
            "upstream": exchange.upstream if exchange.upstream != upstream else UNSET,
            "headers": _headers(request.headers, redact),
        }
    else:
        head = {
            "socket": exchange.socket,
            "amid": exchange.amid or UNSET,
            "binary": request.binary or UNSET,
        }
    if exchange.follows is not None:
        head["follows"] = exchange.follows
    yield lines.Request(x=x, **head, refs=refs or UNSET, **payload.members())
    rest = list(_answer_lines(exchange, redact))
    began = exchange.began.isoformat(timespec="milliseconds") if exchange.began else ""
    yield lines.Timing(x=x, at=began, t=[t for t, _ in rest])
    yield from (line for _, line in rest)


def _answer_lines(
    exchange: Exchange, redact: Redact
) -> Iterator[tuple[float | None, lines.AnyLine]]:
    """The lines after the request, each beside the time that goes into the timing line."""
    x = exchange.number
    if exchange.status is not None and exchange.socket is None:
        yield (
            exchange.head_ms,
            lines.Response(
                x=x,
                status=exchange.status,
                headers=_headers(exchange.headers, redact),
                encoding=exchange.encoding or UNSET,
            ),
        )
    if exchange.transport == "websocket":
        for piece in exchange.pieces:
            yield piece.t, _message(x, piece, redact)
    elif exchange.streamed:
        for piece in exchange.pieces:
            name, payload = frame(redact(piece.data))
            yield piece.t, lines.Event(x=x, frame=name, **payload.members())
    elif exchange.pieces:
        yield exchange.pieces[-1].t, lines.Body(x=x, **pack(redact(exchange.body)).members())
    if exchange.outcome != "incomplete":
        close, error = exchange.close, exchange.error
        if close is not None:
            close = msgspec.structs.replace(close, reason=_word(close.reason, redact))
        yield (
            exchange.ended_ms,
            lines.End(
                x=x,
                outcome=exchange.outcome,
                close=close or UNSET,
                error=_word(error or "", redact) or UNSET,
            ),
        )


def _headers(headers: lines.Headers, redact: Redact) -> lines.Headers:
    all_of_it = "\n".join(f"{name}\n{value}" for name, value in headers)
    if _word(all_of_it, redact) == all_of_it:
        return headers
    return [(_word(name, redact), _word(value, redact)) for name, value in headers]


def _word(text: str, redact: Redact) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    shown = redact(raw)
    return text if shown == raw else shown.decode("utf-8", "replace")


def _message(x: int, piece: Piece, redact: Redact) -> lines.Message:
    return lines.Message(
        x=x,
        amid=piece.amid or UNSET,
        since=UNSET if piece.since is None else piece.since,
        binary=piece.binary or UNSET,
        **pack(redact(piece.data)).members(),
    )
