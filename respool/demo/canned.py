"""Answers that a test dictates byte by byte, in place of the script's.

A canned answer is sent exactly as written, step by step, and nothing is added to it but what
HTTP/1.1 needs (chunked encoding, unless it names a content-length).
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


type Cannery = Mapping[str, Canned | Callable[[Received], Canned]]
"""Canned answers by name, or functions that make one from the request.

A name is what the client sends as the header `x-scripted`, or as its first user text.
"""
