"""The player: a bare ASGI application that serves a cassette's exchanges byte for byte.

It imports neither mitmproxy nor DuckDB nor Streamlit and reaches no network. What was broken off
in the recording is broken off again; what has no answer in it is said to have none.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from cassettes.conversation import Conversation, Receive, Send
from cassettes.decoding import CannotDecode, undo
from cassettes.exchange import Exchange
from cassettes.miss import Miss, miss_body
from cassettes.notes import SWITCHED
from cassettes.pace import Pace
from cassettes.tape import Tape
from wire.errors import RespoolError

Scope = dict[str, Any]  # ASGI's own shape, an open dictionary

RESET = "/__respool/reset"
_HOP = frozenset(
    {
        "alt-svc",
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to the recorded connection and not to the answer."""
_SOCKET = b"sec-websocket-"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Player:
    """Serves a tape. `pace` 0 answers at once, 1 as recorded; `report` hears of every miss."""

    def __init__(
        self, tape: Tape, *, pace: float = 0.0, report: Callable[[str], None] = lambda _: None
    ) -> None:
        self._tape = tape
        self._pace = Pace(pace)
        self._say = report
        self.misses = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or all that is asked on one WebSocket."""
        headers = [(_text(name), _text(value)) for name, value in scope["headers"]]
        path = _text(scope["raw_path"])
        if scope["query_string"]:
            path += "?" + _text(scope["query_string"])
        if scope["type"] == "websocket":
            await self._connect(scope, path, headers, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return  # the client is gone
        asked_s = time.monotonic()
        if path == RESET and scope["method"] == "POST":
            await self._reset(headers, send)
            return
        taken = self._tape.take(scope["method"], path, headers, _plain(headers, body))
        if isinstance(taken, Miss):
            self._missed(f"{scope['method']} {path}", taken)
            await _error(send, 404, miss_body(taken))
            return
        try:
            exchange = self._tape.cassette.exchange(taken)
        except RespoolError as error:
            self._say(str(error))
            await _error(send, 500, miss_body(Miss(str(error))))
            return
        if exchange.status == SWITCHED:
            upgrade = Miss(f"exchange {taken} is a WebSocket, and this request asks for none")
            self._missed(f"{scope['method']} {path}", upgrade)
            await _error(send, 426, miss_body(upgrade))
            return
        await self._play(exchange, asked_s, send)

    def _missed(self, asked_for: str, miss: Miss) -> None:
        self.misses += 1
        self._say(f"miss: {asked_for}: {miss.reason}")

    async def _connect(
        self,
        scope: Scope,
        path: str,
        headers: list[tuple[str, str]],
        receive: Receive,
        send: Send,
    ) -> None:
        await receive()  # says no more than that somebody wants to connect
        refuse = _refusing(send)
        asked_s = time.monotonic()
        taken = self._tape.take("GET", path, headers, b"")
        if isinstance(taken, Miss):
            self._missed(f"GET {path} (WebSocket)", taken)
            # Clients that can do without a WebSocket go on over HTTP after this status.
            await _error(refuse, 404 if self._tape.has_websockets() else 426, miss_body(taken))
            return
        try:
            handshake = self._tape.cassette.exchange(taken)
        except RespoolError as error:
            self._say(str(error))
            await _error(refuse, 500, miss_body(Miss(str(error))))
            return
        if handshake.status != SWITCHED:
            await self._play(handshake, asked_s, refuse)
            return
        await self._pace.wait(handshake.head_ms, asked_s)
        await send(_acceptance(handshake, scope.get("subprotocols", ())))
        conversation = Conversation(self._tape, self._pace, self._missed, (path, headers), send)
        await conversation.run(receive, handshake)

    async def _reset(self, headers: list[tuple[str, str]], send: Send) -> None:
        host = next((value for name, value in headers if name == "host"), "")
        if host.rpartition(":")[0] not in _LOOPBACK:  # a page on another site must not do this
            await _error(send, 403, miss_body(Miss("control requests must name a loopback host")))
            return
        self._tape.rewind()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def _play(self, exchange: Exchange, asked_s: float, send: Send) -> None:
        if exchange.status is None:
            why = f"exchange {exchange.number} has no answer in the cassette ({exchange.outcome})"
            self._say(why)
            # What the client saw was a 502 of the proxy's, and it may have tried again.
            retry = exchange.outcome in ("upstream_gone", "upstream_unreachable")
            await _error(send, 502, miss_body(Miss(why)), synthesised=True, retry=retry)
            return
        whole = exchange.outcome == "complete" or not _was_cut(exchange)
        await self._pace.wait(exchange.head_ms, asked_s)
        await send(
            {
                "type": "http.response.start",
                "status": exchange.status,
                "headers": list(_headers(exchange, whole)),
            }
        )
        if self._pace.factor:
            for piece in exchange.pieces:
                await self._pace.wait(piece.t, asked_s)
                await _body(send, piece.data, more=True)
            await self._pace.wait(exchange.ended_ms, asked_s)
            if whole:
                await _body(send, b"", more=False)
        else:
            await _body(send, exchange.body, more=not whole)
        # Where the recording was cut, returning without the last message makes the server cut too.


def _was_cut(exchange: Exchange) -> bool:
    return exchange.outcome != "truncated"  # a truncated stream was ended properly on the wire


def _headers(exchange: Exchange, whole: bool) -> Iterable[tuple[bytes, bytes]]:
    for name, value in exchange.headers:
        lower = name.lower()
        if lower == "content-length" and exchange.request.method == "HEAD":
            yield b"content-length", value.encode()  # of the body that a GET would have got
        if lower in _HOP or (lower == "content-encoding" and exchange.encoding):
            continue
        if not (name + value).isprintable():
            continue  # no server may send it again
        yield lower.encode(), value.encode()
    bodiless = exchange.status in (204, 304) or exchange.request.method == "HEAD"
    if whole and not exchange.streamed and not bodiless:
        yield b"content-length", str(len(exchange.body)).encode()


def _acceptance(handshake: Exchange, offered: Iterable[str]) -> dict[str, Any]:
    """The answer to a handshake: the recorded head, but for what belongs to the connection."""
    headers = [(n, v) for n, v in _headers(handshake, whole=False) if not n.startswith(_SOCKET)]
    chosen = handshake.header("sec-websocket-protocol")
    accepted = {"type": "websocket.accept", "headers": headers}
    return accepted | ({"subprotocol": chosen} if chosen in offered else {})


def _refusing(send: Send) -> Send:
    """Takes an HTTP answer where ASGI expects one that refuses a WebSocket."""

    async def refuse(message: dict[str, Any]) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    return refuse


def _plain(headers: list[tuple[str, str]], body: bytes) -> bytes:
    encoding = next((value for name, value in headers if name == "content-encoding"), "")
    decoder = undo(encoding)
    if decoder is None:
        return body
    try:
        return decoder.feed(body)
    except CannotDecode:
        return body


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")  # as in the recorder


async def _read(receive: Receive) -> bytes | None:
    parts = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _body(send: Send, data: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def _error(
    send: Send, status: int, body: bytes, *, synthesised: bool = False, retry: bool = False
) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if not retry:
        headers.append((b"x-should-retry", b"false"))
    if synthesised:
        headers.append((b"x-respool-synthesised", b"true"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await _body(send, body, more=False)
