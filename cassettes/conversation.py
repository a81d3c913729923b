"""One live WebSocket, answered from a tape: each message of the client gets the recorded messages.

What is matched is what a message says, not when or on which connection it came. A lane
(`stream_id`) answers one request after another, lanes side by side. Where the recorded client
interrupted an answer (a steer), the answer waits for the same interruption. What the recorded
server did at the end (a close code, a connection lost) is done again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Any

from cassettes.exchange import Exchange, Piece
from cassettes.lane_text import in_lane
from cassettes.miss import Miss, miss_message
from cassettes.pace import Pace
from cassettes.tape import Tape
from wire.endpoints import WEBSOCKET
from wire.errors import RespoolError
from wire.events import CREATE, STEER
from wire.words import Words, read_words

type Message = dict[str, Any]  # ASGI's own shape, an open dictionary
type Receive = Callable[[], Awaitable[Message]]
type Lanes = tuple[str | None, str | None]
"""The recorded lane and the one of now."""
type Send = Callable[[Message], Awaitable[None]]

PATIENCE_S = 10.0
"""How long a message is waited for that the recorded client had sent by then."""
HANG_UP_S = 5.0
"""How long a client that hung up in the recording is given to do it again."""
_CLOSE_CODES = (*range(1000, 1004), *range(1007, 1015), *range(3000, 5000))
"""Codes that a close frame may have (RFC 6455, section 7.4)."""
_UNBROKEN = frozenset({"complete", "truncated"})


def _was_left(handshake: Exchange) -> bool:
    """Whether it was the server that ended the connection."""
    by_server = handshake.close is not None and handshake.close.by == "server"
    return by_server or handshake.outcome == "upstream_gone"


class Conversation:
    """Plays one connection. `report` hears of every miss, with what was asked for."""

    def __init__(
        self,
        tape: Tape,
        pace: Pace,
        report: Callable[[str, Miss], None],
        request: tuple[str, list[tuple[str, str]]],
        send: Send,
    ) -> None:
        """`request` is the handshake's path and headers."""
        self._tape = tape
        self._pace = pace
        self._report = report
        self._path, self._headers = request
        self._send = send
        self._recorded = lru_cache(tape.cassette.exchange)
        self._lanes: dict[str | None, asyncio.Queue[Callable[[], Awaitable[None]]]] = {}
        self._lane_of: dict[int, str | None] = {}
        """The live lane of every exchange that was asked for here."""
        self._playing = 0
        self._given_up: set[int] = set()
        """Interruptions that were waited for in vain."""
        self._moved = asyncio.Condition()
        """Notified when something was asked for or played."""
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: set[int] = set()

    async def run(self, receive: Receive, handshake: Exchange) -> None:
        """Answer until the client leaves, or the connection ends as it did in the recording."""
        await self._unasked(handshake, handshake.number)
        if not self._tape.cassette.on_socket(handshake.number) and _was_left(handshake):
            await self._leave(handshake)
            return
        self._start(self._read(receive))
        try:
            await self._over.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for error in ended:  # OSError: the client is gone
            if isinstance(error, Exception) and not isinstance(error, OSError):
                raise error

    def _start(self, work: Awaitable[None]) -> None:
        """Do something beside the rest; if it fails, the conversation is over."""

        async def guarded() -> None:
            try:
                await work
            except BaseException:
                self._over.set()
                raise

        self._tasks.append(asyncio.create_task(guarded()))

    async def _read(self, receive: Receive) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            await self._answer(message["bytes"] if text is None else text.encode())
        self._over.set()

    async def _answer(self, body: bytes) -> None:
        asked_s, said = time.monotonic(), read_words(body)
        taken = self._tape.take(WEBSOCKET, self._path, self._headers, body)
        if isinstance(taken, Miss):
            await self._miss(said, taken)
            return
        try:
            exchange = self._tape.cassette.exchange(taken)
        except RespoolError as error:
            await self._miss(said, Miss(str(error)))
            return
        lanes = self._lanes_of(exchange, said)
        play = partial(self._play, exchange, lanes, asked_s)
        if said.type not in (CREATE, STEER) and exchange.amid is not None:
            self._start(play())  # it is no part of the answer that is under way
        else:
            self._enqueue(lanes[1], play)
        async with self._moved:
            self._lane_of[taken] = lanes[1]
            self._moved.notify_all()
        self._end_as_recorded(exchange)

    def _lanes_of(self, exchange: Exchange, said: Words) -> Lanes:
        """The lane that was recorded, and the one of now; a steer's is that of its target."""
        if said.type != STEER:
            return read_words(exchange.request.body).stream_id, said.stream_id
        for number, lane in reversed(self._lane_of.items()):
            for piece in self._recorded(number).pieces:
                words = read_words(piece.data)
                if words.response and words.response.id == said.previous_response_id:
                    return words.stream_id, lane
        return None, None

    async def _miss(self, said: Words, miss: Miss) -> None:
        self._report(f"WebSocket {said.type or 'message'}", miss)
        await self._text(miss_message(miss, said.stream_id))

    def _enqueue(self, lane: str | None, play: Callable[[], Awaitable[None]]) -> None:
        if lane not in self._lanes:
            self._lanes[lane] = asyncio.Queue()
            self._start(self._work(self._lanes[lane]))
        self._playing += 1
        self._lanes[lane].put_nowait(play)

    async def _work(self, lane: "asyncio.Queue[Callable[[], Awaitable[None]]]") -> None:
        while True:
            play = await lane.get()
            await play()
            async with self._moved:
                self._playing -= 1
                self._moved.notify_all()

    async def _play(self, exchange: Exchange, lanes: Lanes, asked_s: float) -> None:
        cuts = self._tape.interruptions.get(exchange.number, [])
        for n in range(len(exchange.pieces) + 1):
            for at, other in cuts:
                if at <= n and not await self._was_asked(other):
                    await self._uninterrupted(exchange, other, lanes[1])
                    return
                for aside in self._asides(exchange, other, n):
                    await self._say(aside, lanes)
            if n == len(exchange.pieces) or self._is_aside(exchange, exchange.pieces[n]):
                continue
            await self._pace.wait(exchange.pieces[n].t, asked_s)
            await self._say(exchange.pieces[n], lanes)
        assert exchange.socket is not None  # only such are played here
        await self._unasked(self._recorded(exchange.socket), exchange.number)

    def _asides(self, exchange: Exchange, other: int, n: int) -> list[Piece]:
        """What the recorded server said to `other` after `n` messages of this exchange."""
        return [p for p in self._recorded(other).pieces if p.amid == (exchange.number, n)]

    def _is_aside(self, exchange: Exchange, piece: Piece) -> bool:
        """Whether a message was said amid the answer that the exchange interrupted.

        That answer says it then, as far as it is played here too.
        """
        if piece.amid is None:
            return False
        x, number = piece.amid[0], exchange.number
        interrupts = any(other == number for _, other in self._tape.interruptions.get(x, ()))
        return interrupts and x in self._lane_of and number not in self._given_up

    async def _was_asked(self, number: int) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_S), self._moved:
                await self._moved.wait_for(lambda: number in self._lane_of)
        except TimeoutError:
            return False
        return True

    async def _uninterrupted(self, exchange: Exchange, other: int, lane: str | None) -> None:
        self._given_up.add(other)
        kind = read_words(self._recorded(other).request.body).type or "message"
        miss = Miss(
            f"the answer in exchange {exchange.number} was interrupted by a {kind} "
            f"(exchange {other}), which did not come within {PATIENCE_S:.0f} s"
        )
        self._report(f"WebSocket {kind}", miss)
        await self._text(miss_message(miss, lane))

    def _end_as_recorded(self, exchange: Exchange) -> None:
        """See to it, once for a recorded connection, that it ends here as it did there.

        It ended with its last exchange; or with one that was broken off, for whoever asks for that.
        """
        assert exchange.socket is not None
        handshake = self._recorded(exchange.socket)
        is_last = exchange.number == self._tape.cassette.on_socket(exchange.socket)[-1]
        cut = exchange.outcome not in (*_UNBROKEN, "client_gone")
        hung_up = exchange.outcome == "client_gone" and is_last
        ends = cut or hung_up or (is_last and _was_left(handshake))
        if ends and handshake.number not in self._ending:
            self._ending.add(handshake.number)
            self._start(self._end(handshake, exchange.outcome))

    async def _end(self, handshake: Exchange, outcome: str) -> None:
        """End the connection once all that was recorded on it has been asked for and played.

        Where an answer was broken off, nobody may ask for the rest any more: it is not waited for
        without end.
        """
        expected = self._tape.cassette.on_socket(handshake.number)

        def played() -> bool:
            return not self._playing and all(x in self._tape.served for x in expected)

        try:
            broken = outcome not in _UNBROKEN
            async with asyncio.timeout(PATIENCE_S if broken else None), self._moved:
                await self._moved.wait_for(played)
        except TimeoutError:
            pass
        if outcome == "client_gone":  # so it may leave again, which ends this
            await asyncio.sleep(HANG_UP_S)
        await self._leave(handshake)

    async def _leave(self, handshake: Exchange) -> None:
        close = handshake.close
        if close is not None and close.by == "server":
            code = close.code if close.code in _CLOSE_CODES else 1000
            await self._send({"type": "websocket.close", "code": code, "reason": close.reason})
        self._over.set()  # without a close frame the server cuts the connection

    async def _unasked(self, handshake: Exchange, since: int) -> None:
        """What the recorded server said by itself, after exchange `since` had begun."""
        for piece in handshake.pieces:
            if piece.since == since:
                await self._say(piece, (None, None))

    async def _say(self, piece: Piece, lanes: Lanes) -> None:
        if piece.binary:
            await self._send({"type": "websocket.send", "bytes": piece.data})
        else:
            await self._text(in_lane(piece.data, *lanes))

    async def _text(self, text: bytes) -> None:
        await self._send({"type": "websocket.send", "text": text.decode(errors="replace")})
