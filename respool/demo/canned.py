"""Answers that a test dictates byte by byte, in place of the script's.

A canned answer is sent exactly as written, step by step, and nothing is added to it but what
HTTP/1.1 needs (chunked encoding, unless it names a content-length), or WebSocket (its framing).
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from respool.demo.received import Received


class Break(Enum):
    """A step: close the connection here, without finishing the answer."""

    BREAK = "break"


BREAK = Break.BREAK


class Gate:
    """A step at which the answer halts until the test opens it. Use it from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened = False
        self._reached = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def open(self) -> None:
        """Let the answer go on, now or as soon as it comes here."""
        with self._lock:
            self._opened = True
            for loop, event in self._waiting:
                loop.call_soon_threadsafe(event.set)

    def wait_reached(self, timeout_s: float = 10.0) -> None:
        """Return as soon as the server stands here; all steps before this one have been sent.

        Raises TimeoutError.
        """
        if not self._reached.wait(timeout_s):
            raise TimeoutError(f"no answer came to this gate within {timeout_s} s")

    async def passed(self) -> None:
        """The server's side: return when the gate is open."""
        waiting = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._waiting.append(waiting)
            if self._opened:
                waiting[1].set()
        self._reached.set()
        try:
            await waiting[1].wait()
        finally:
            with self._lock:
                self._waiting.remove(waiting)


type Step = bytes | float | Gate | Break
"""Bytes to send at once, a pause in ms, a gate, or the end of the connection."""


@dataclass(frozen=True, slots=True)
class Canned:
    """An exact answer: `steps` in their order, behind a head of `status` and `headers`.

    The head leaves with the first bytes, also with b""; so what comes before them happens while the
    client has no answer at all. Headers may be pairs, where a name comes twice.
    """

    steps: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Fragments:
    """A step of a WebSocket: one message in so many frames, all text or all bytes."""

    pieces: Sequence[str | bytes]


@dataclass(frozen=True, slots=True)
class Ping:
    """A step of a WebSocket: a ping, which the client's library answers by itself."""

    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Close:
    """A step of a WebSocket: the closing handshake, with this code and reason."""

    code: int = 1000
    reason: str = ""


type SocketStep = str | bytes | float | Fragments | Ping | Close | Gate | Break
"""A text message, a binary one, a pause in ms, a message in frames, a ping, a close, a gate, or the
end of the connection without a close."""


@dataclass(frozen=True, slots=True)
class CannedSocket:
    """What a WebSocket says: `opening` at once, then the n-th of `replies` to the n-th message.

    Steps of a later message wait for those of an earlier one. To what is behind the last reply, it
    says nothing. `replies` may be a function from the message. To refuse the upgrade, name a
    `Canned` instead.
    """

    replies: Sequence[Sequence[SocketStep]] | Callable[[Received], Sequence[SocketStep]] = ()
    opening: Sequence[SocketStep] = ()
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()


type Cannery = Mapping[
    str, Canned | CannedSocket | Callable[[Received], Canned] | Callable[[Received], CannedSocket]
]
"""Canned answers by name, or functions that make one from the request.

A name is what the client sends as the header `x-scripted`, or as its first user text; where it
opens a WebSocket, the header of the handshake.
"""
