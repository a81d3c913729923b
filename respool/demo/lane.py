"""One lane of a WebSocket: its responses come one after the other, and may be steered.

Everything that a lane says is sent by its own task, so that the numbers of a response's events rise
in the order in which they leave.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from respool.demo import errors, steering
from respool.demo.ids import Mint
from respool.demo.kept import Kept
from respool.demo.line import HungUpError
from respool.demo.received import Received
from respool.demo.scene import Json
from respool.demo.steering import Steer, waits

_HALT_AFTER = 3  # deltas, in a scene that halts
_HALT_S = 5.0  # then it goes on, though no message came


@dataclass(frozen=True, slots=True)
class Create:
    """A request for a response, without its envelope; `came` counts the messages up to it.

    `steers` are those for which the server makes it by itself.
    """

    body: Json
    request: Received
    came: int
    generate: bool = True
    steers: tuple[Steer, ...] = ()


class Connection(Protocol):
    """What a lane needs of the connection that it is a lane of."""

    async def say(self, event: Json, stream_id: str | None) -> None:
        """Send an event."""

    async def next_message(self, came: int) -> None:
        """Return when more messages than that have come."""

    def respond(self, create: Create) -> Kept:
        """Make the response. Raises ApiError."""

    def mint(self, request: Received) -> Mint:
        """The mint for what answers this message."""

    def replace(self, kept: Kept) -> None:
        """Keep this in place of the response of the same id."""

    def hang_up(self) -> None:
        """End the connection without a close."""


@dataclass(slots=True)
class _Run:
    """A response on its way: how far it is, and the steers that it has not seen yet."""

    kept: Kept
    create: Create
    events: list[Json]
    position: int = 0
    number: int = 0
    deltas: int = 0
    inbox: list[Steer] = field(default_factory=list)
    accepted: list[Steer] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether its last event was sent."""
        return self.position == len(self.events)

    @property
    def heeds(self) -> bool:
        """Whether it takes steers now. A scene that halts takes none before, however fast."""
        return self.over or not self.kept.answer.halts or self.deltas >= _HALT_AFTER

    @property
    def halts(self) -> bool:
        """Whether this is the place where its scene halts."""
        at = self.kept.answer.halts and self.deltas == _HALT_AFTER
        return at and "delta" in self.events[self.position - 1]


class Lane:
    """A lane; `stream_id` is its name, None for the one without."""

    def __init__(self, connection: Connection, stream_id: str | None, delay_ms: float) -> None:
        self._connection = connection
        self._stream_id = stream_id
        self._delay_ms = delay_ms
        self._queue: asyncio.Queue[Create] = asyncio.Queue()
        self._run: _Run | None = None
        self._ended: dict[str, int] = {}
        self._held: dict[str, list[Steer]] = {}
        self.task = asyncio.create_task(self._work())

    def put(self, create: Create) -> None:
        """Make this response when those before it have ended."""
        self._queue.put_nowait(create)

    def knows(self, response_id: str) -> bool:
        """Whether a response of this id is, or was, on this lane."""
        return response_id in self._ended or self._is_active(response_id)

    async def steer(self, submission: Steer) -> None:
        """Steer a response that this lane knows."""
        if self._run and self._is_active(submission.target):
            self._run.inbox.append(submission)
        else:
            number = self._ended[submission.target]
            self._ended[submission.target] += 1
            event = submission.failed("response_already_completed")
            await self._connection.say(_numbered(event, number), self._stream_id)

    def _is_active(self, response_id: str) -> bool:
        return self._run is not None and self._run.kept.id == response_id

    async def _work(self) -> None:
        with contextlib.suppress(HungUpError):
            while True:
                create: Create | None = await self._queue.get()
                while create:
                    create = await self._answer(create)

    async def _answer(self, create: Create) -> Create | None:
        """Make one response; what comes back is its successor, if it was steered."""
        held = self._held.get(str(create.body.get("previous_response_id")), [])
        if held:
            create = _prepended(create, held)
        try:
            kept = self._connection.respond(create)
        except errors.ApiError as error:
            await self._refuse(create, error)
            return None
        self._held.pop(str(create.body.get("previous_response_id")), None)
        events = kept.events if create.generate else [kept.events[0], kept.events[-1]]
        run = self._run = _Run(kept, create, events)
        await self._stream(run)
        self._run = None
        self._ended[run.kept.id] = run.number
        return await self._followed(run)

    async def _refuse(self, create: Create, error: errors.ApiError) -> None:
        if not create.steers:
            await self._connection.say(refusal(error), self._stream_id)
        for submission in create.steers:
            event = submission.failed("successor_creation_failed", allocated=True)
            number = self._ended[submission.target]
            self._ended[submission.target] += 1
            await self._connection.say(_numbered(event, number), self._stream_id)

    async def _stream(self, run: _Run) -> None:
        """Send a response's events, and what answers the steers that come meanwhile."""
        while not run.over or run.inbox:
            while run.inbox and run.heeds:
                await self._heed(run, run.inbox.pop(0))
            if run.over:
                continue
            if run.kept.answer.trouble == "drops" and run.position > len(run.events) // 2:
                self._connection.hang_up()
            event = run.events[run.position]
            await self._say(run, event)
            run.position += 1
            run.deltas += "delta" in event
            if run.halts:
                await self._halt(run)
            if not run.over:
                await asyncio.sleep(self._delay_ms / 1000)

    async def _heed(self, run: _Run, submission: Steer) -> None:
        """Take a steer, and end the response for it unless it is about to end by itself."""
        if code := steering.objection(submission, run.kept):
            await self._say(run, submission.failed(code))
            return
        run.accepted.append(submission)
        await self._say(run, submission.accepted())
        if run.position < len(run.events) - 1 and not waits(run.kept):
            mint = self._connection.mint(submission.request)
            run.kept = steering.cut(run.kept, run.events[: run.position], mint)
            run.events = run.kept.events
            self._connection.replace(run.kept)

    async def _halt(self, run: _Run) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HALT_S):
                await self._connection.next_message(run.create.came)

    async def _followed(self, run: _Run) -> Create | None:
        """What becomes of the steers when their response has ended."""
        steers = run.accepted
        if not steers:
            return None
        calls = waits(run.kept)
        if calls and run.kept.answer.response["status"] == "completed":
            self._held[run.kept.id] = steers
            for submission in steers:
                await self._say_after(run, submission.pending(calls))
            return None
        settings = {
            key: value for key, value in run.create.body.items() if key not in ("input", "stream")
        }
        body = settings | {"previous_response_id": run.kept.id, "input": []}
        successor = Create(body, steers[-1].request, steers[-1].came, steers=tuple(steers))
        return _prepended(successor, steers)

    async def _say(self, run: _Run, event: Json) -> None:
        numbered = _numbered(event, run.number)
        run.number += 1
        if (run.create.body.get("stream_options") or {}).get("include_obfuscation") is False:
            numbered.pop("obfuscation", None)
        await self._connection.say(_nested(numbered), self._stream_id)

    async def _say_after(self, run: _Run, event: Json) -> None:
        await self._say(run, event)
        self._ended[run.kept.id] = run.number


def refusal(error: errors.ApiError) -> Json:
    """An error in the shape that it has over WebSocket, where what is not found is a 400."""
    status = 400 if error.status == 404 else error.status
    headers = {"headers": error.headers} if error.headers else {}
    return {"type": "error", "status": status, "error": error.body["error"] | headers}


def _numbered(event: Json, number: int) -> Json:
    return {"type": event["type"], "sequence_number": number} | {
        name: value for name, value in event.items() if name != "sequence_number"
    }


def _nested(event: Json) -> Json:
    """The event; an error of the stream in the shape that it has over WebSocket."""
    if event["type"] != "error":
        return event
    names: Mapping[str, object] = {name: event[name] for name in ("code", "message", "param")}
    number = {"sequence_number": event["sequence_number"]}
    return {"type": "error", "status": 500, "error": {"type": "server_error", **names}, **number}


def _prepended(create: Create, steers: list[Steer]) -> Create:
    """The request with the input of these steers before its own."""
    items = [item for submission in steers for item in submission.items]
    given = create.body.get("input")
    if isinstance(given, str):
        given = [{"type": "message", "role": "user", "content": given}]
    return replace(create, body=create.body | {"input": [*items, *(given or [])]})
