"""One WebSocket connection to the scripted model: its messages, its lanes and what it may name.

Lanes run side by side, each response on a lane behind the one before it. A response may be gone on
from on the connection that made it, whether it is stored or not.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from respool.demo import errors, steering
from respool.demo.canned import CannedSocket, SocketStep
from respool.demo.desk import Desk
from respool.demo.duplex import Duplex
from respool.demo.ids import Mint
from respool.demo.kept import Kept
from respool.demo.lane import Create, Lane, refusal
from respool.demo.line import HungUpError
from respool.demo.received import Received
from respool.demo.routes import json_object
from respool.demo.scene import Json

_ENVELOPE = ("type", "stream_id", "generate", "stream")


class Session:
    """The script's side of one connection; `handshake` is the request that opened it."""

    def __init__(self, duplex: Duplex, desk: Desk, handshake: Received, delay_ms: float) -> None:
        self._duplex = duplex
        self._desk = desk
        self._handshake = handshake
        self._delay_ms = delay_ms
        self._own: dict[str, Kept] = {}
        self._lanes: dict[str | None, Lane] = {}
        self._came = 0
        self._arrived = asyncio.Event()

    async def run(self, note: Callable[[Received], None]) -> None:
        """Answer messages until the connection ends; `note` is told of each as it comes."""
        try:
            async for content in self._duplex.messages():
                message = replace(self._handshake, method="WEBSOCKET", body=content)
                note(message)
                self._came += 1
                await self._take(message)
                self._arrived.set()
                self._arrived = asyncio.Event()
        finally:
            await _ended([lane.task for lane in self._lanes.values()])

    async def say(self, event: Json, stream_id: str | None) -> None:
        """Send an event on a lane."""
        await self._duplex.send_event(
            event if stream_id is None else event | {"stream_id": stream_id}
        )

    async def next_message(self, came: int) -> None:
        """Return when more messages than that have come."""
        while self._came <= came:
            await self._arrived.wait()

    def respond(self, create: Create) -> Kept:
        """Make a response. Raises ApiError."""
        mint, nth = self._desk.mint(create.request)
        if create.generate:
            kept = self._desk.create(create.body | {"stream": True}, mint, nth, self._own)
        else:
            kept = self._desk.prepare(create.body, mint, self._own)
        self._own[kept.id] = kept
        return kept

    def mint(self, request: Received) -> Mint:
        """The mint for what answers this message."""
        return self._desk.mint(request)[0]

    def replace(self, kept: Kept) -> None:
        """Keep this in place of the response of the same id."""
        self._own[kept.id] = kept
        if kept.id in self._desk.kept:
            self._desk.kept[kept.id] = kept

    def hang_up(self) -> None:
        """End the connection without a close."""
        self._duplex.hang_up()

    async def _take(self, message: Received) -> None:
        stream_id = None
        try:
            body = json_object(message)
            stream_id = body.get("stream_id")
            if stream_id is not None and not isinstance(stream_id, str):
                stream_id = None
                raise errors.unreadable("Invalid type for 'stream_id'.", param="stream_id")
            match body.get("type"):
                case "response.create":
                    self._lane(stream_id).put(_create(body, message, self._came))
                case "response.steer":
                    mint = self.mint(message)
                    await self._steer(steering.steer(body, message, self._came, mint))
                case kind:
                    text = f"Unknown message type: {kind!r}."
                    raise errors.unreadable(text, param="type", code="invalid_value")
        except errors.ApiError as error:
            await self.say(refusal(error), stream_id)

    def _lane(self, stream_id: str | None) -> Lane:
        if stream_id not in self._lanes:
            lane = self._lanes[stream_id] = Lane(self, stream_id, self._delay_ms)
            lane.task.add_done_callback(lambda _: self._duplex.hang_up())
        return self._lanes[stream_id]

    async def _steer(self, submission: steering.Steer) -> None:
        for lane in self._lanes.values():
            if lane.knows(submission.target):
                await lane.steer(submission)
                return
        event = submission.failed("response_not_found")
        await self.say({"type": event["type"], "sequence_number": 0} | event, None)


class CannedSession:
    """One connection on which a test dictates what is said."""

    def __init__(self, duplex: Duplex, canned: CannedSocket, handshake: Received) -> None:
        self._duplex = duplex
        self._canned = canned
        self._handshake = handshake
        self._queue: asyncio.Queue[list[SocketStep]] = asyncio.Queue()

    async def run(self, note: Callable[[Received], None]) -> None:
        """Play until the connection ends; `note` is told of each message as it comes."""
        self._queue.put_nowait([*self._canned.opening])
        player = asyncio.create_task(self._play())
        count = 0
        try:
            async for content in self._duplex.messages():
                message = replace(self._handshake, method="WEBSOCKET", body=content)
                note(message)
                replies = self._canned.replies
                if callable(replies):
                    self._queue.put_nowait([*replies(message)])
                elif count < len(replies):
                    self._queue.put_nowait([*replies[count]])
                count += 1
        finally:
            await _ended([player])

    async def _play(self) -> None:
        with contextlib.suppress(HungUpError):
            while True:
                await self._duplex.play(await self._queue.get())


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End these tasks. What one of them raised is raised here, for nobody else would see it."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


def _create(body: Json, message: Received, came: int) -> Create:
    if body.get("background"):
        raise errors.unreadable("Background mode is not supported here.", param="background")
    settings = {name: value for name, value in body.items() if name not in _ENVELOPE}
    prewarm = (body.get("prompt_cache_options") or {}).get("prewarm") is True
    return Create(settings, message, came, body.get("generate") is not False and not prewarm)
