"""Handing what is recorded to the process that writes the cassette, from an event loop.

`put` never waits, parses or touches the disk: it lengthens a bounded queue, from which the loop
sends on what the socket takes. Redaction, encoding and the file are the other process's work, so
that they share neither the loop nor the interpreter with the traffic. What the writer has taken is
written even if this process is killed the moment after.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from cassettes.notes import Got, Heard, Note, Sent
from cassettes.signals import signals_interrupt
from cassettes.wires import (
    Answering,
    Ask,
    Close,
    Failed,
    Inbox,
    Opened,
    Refused,
    Said,
    Told,
    pack,
    pieces,
    said,
)
from wire.errors import BadCassette

LARGEST_QUEUE = 256 << 20
"""Bytes of answers that may wait for the writer before an exchange is given up as overrun.

What a client asks is in memory anyway, as it is passed on in one piece, and is never given up.
"""
MOMENT_S = 0.05
"""How long notes wait for others, to be sent together; a kill of this process loses as much.

A writer that wakes up more often takes its turns from a client that asks alone.
"""
PATIENCE_S = 1.0
"""How long the end of the writing is waited for without a word."""
HURRY_S = 0.3
"""How long it is waited for in a hurry: a writer that is well has written what it got by then."""
_MUCH = 128 << 10
"""Bytes that do not wait for others."""
_PIECES = 256
"""How many of the queue one call gives to the socket; systems take 1,024 at most."""
_SOCKET_BUFFER = 1 << 20
_Bulky = Got | Sent | Heard


class Handover:
    """A recording whose cassette another process writes. Raises BadCassette if that refuses.

    `rotate` is the number of bytes after which the file is followed by another, 0 for never.
    `on_failure` gets a line at once when something cannot be written; traffic goes on all the same.
    """

    def __init__(
        self,
        path: Path,
        *,
        base: str,
        upstream: str,
        rotate: int = 0,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = path
        self.failure: str | None = None
        self._on_failure = on_failure
        self._queue: deque[tuple[bytes | memoryview, bool]] = deque()
        """What waits, and whether it may be refused where too much does."""
        self._waiting = self._refusable = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False
        self._answer: asyncio.Future[bool] | None = None
        self.hurried = False
        """Whether `hurry` was called."""
        self._inbox = Inbox(said)
        writer = [sys.executable, "-P", "-m", "cassettes.writer"]
        self._socket, theirs = socket.socketpair()
        with theirs:
            for each in (self._socket, theirs):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
            # A session of its own: the terminal's ctrl-C is for the recorder, which says the rest.
            self.process = subprocess.Popen(
                [*writer, str(path), base, upstream, str(rotate)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.next_number = self._opened()
        with contextlib.suppress(RuntimeError):  # there may be no loop yet
            self._listen(asyncio.get_running_loop())

    def _opened(self) -> int:
        while data := self._socket.recv(4096):
            number = 0
            for word in list(self._inbox.take(data)):
                if isinstance(word, Opened):
                    number = word.next_number
                elif isinstance(word, Refused):
                    self._end()
                    raise BadCassette(word.why)
                else:
                    self._heed(word)
            if number:
                self._socket.setblocking(False)
                return number
        self._end()
        raise BadCassette(
            f"cannot write the cassette {self.path}: {self._fate()} before it was open"
        )

    def put(self, note: Note) -> bool:
        """Hand a note over; False if there is no room for more bytes of this body."""
        if isinstance(note, _Bulky) and not self.has_room:
            return False
        self._send(note)
        return True

    def _send(self, message: Told) -> None:
        if self._is_over:
            return  # nobody is there to take it
        may_be_refused = isinstance(message, _Bulky)
        for piece in filter(None, pieces(message)):
            self._queue.append((piece, may_be_refused))
            self._waiting += len(piece)
            self._refusable += len(piece) if may_be_refused else 0
        if self._scheduled:
            return
        loop = self._loop or self._listen(asyncio.get_running_loop())
        self._scheduled = True
        if self._waiting >= _MUCH:
            loop.call_soon(self._flush)
        else:
            loop.call_later(MOMENT_S, self._flush)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
        self._loop = loop
        loop.add_reader(self._socket, self._hear)
        return loop

    @property
    def _is_over(self) -> bool:
        return self.process.returncode is not None or self._socket.fileno() < 0

    @property
    def has_room(self) -> bool:
        """Whether more bytes are taken."""
        return self._refusable <= LARGEST_QUEUE

    def _flush(self) -> None:
        """Send what the socket takes; go on when it takes more."""
        assert self._loop is not None
        if self._is_over:
            return  # since this was planned
        try:
            if self._queue:
                self._send_some()
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._flush)
            return
        except OSError:
            self._lose()
            return
        self._loop.remove_writer(self._socket)
        self._scheduled = bool(self._queue)
        if self._queue:
            self._loop.call_soon(self._flush)

    def _send_some(self) -> None:
        pieces_of_it = [piece for piece, _ in islice(self._queue, _PIECES)]
        self._sent(self._socket.sendmsg(pieces_of_it))

    def _sent(self, count: int) -> None:
        self._waiting -= count
        while count:
            first, may_be_refused = self._queue.popleft()
            gone = min(count, len(first))
            count -= gone
            self._refusable -= gone if may_be_refused else 0
            if gone < len(first):
                self._queue.appendleft((memoryview(first)[gone:], may_be_refused))

    def _hear(self) -> None:
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
        for word in self._inbox.take(data):
            self._heed(word)

    def _heed(self, word: Said) -> None:
        if isinstance(word, Failed):  # each of its files says it once
            self.failure = self.failure or word.why
            self._on_failure(word.why)
        elif isinstance(word, Answering):
            self._reply(word.yes)

    def _lose(self) -> None:
        """The writer is gone, though nobody told it to go."""
        assert self._loop is not None
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._queue.clear()
        self._waiting = self._refusable = 0
        self.process.wait()  # it has closed its socket: that was the last thing it did
        self._fail(f"cannot write {self.path}: {self._fate()}; traffic goes on unrecorded")

    def _fate(self) -> str:
        code = self.process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"the process that writes it was ended {how}"

    def _reply(self, answer: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
        self._answer = None

    def _fail(self, why: str) -> None:
        self._reply(False)
        if self.failure is None:
            self.failure = why
            self._on_failure(why)

    async def answering(self) -> bool:
        """Whether an exchange other than an idle WebSocket waits for more."""
        if self._is_over or self.hurried:
            return False
        self._answer = asyncio.get_running_loop().create_future()
        self._send(Ask())
        return await self._answer

    def hurry(self) -> None:
        """Say that somebody waits for the end: `close` gives up soon, and nothing is answering."""
        self.hurried = True
        self._reply(False)

    def close(self, *, calm: bool = True) -> None:
        """Wait until all is written, and the file is in its calm form or the journal it is.

        A signal ends the waiting, or a hurry: what was not handed over by then is missing in the
        file.
        """
        if self._socket.fileno() < 0:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._queue.append((pack(Close(calm)), False))
        finished = False
        with contextlib.suppress(KeyboardInterrupt), signals_interrupt():
            finished = self._finish()
        if not finished:
            self._socket.close()
            self._fail(f"{self.path} was not written to the end: that was not waited for")
            return
        self._end()
        if self.process.returncode:
            self._fail(f"cannot write {self.path}: {self._fate()}")

    def _finish(self) -> bool:
        """Send what is left, and hear the writer out; False if that took too long in a hurry."""
        self._socket.settimeout(HURRY_S if self.hurried else PATIENCE_S)
        is_told, data = False, b"-"
        while self._queue or data:
            try:
                if self._queue:
                    self._send_some()
                elif data := self._socket.recv(4096):
                    for word in self._inbox.take(data):
                        self._heed(word)
            except TimeoutError:
                if self.hurried:
                    return False
                if not is_told:
                    self._on_failure(f"waiting until {self.path} is written; ctrl-C gives that up")
                is_told = True
            except OSError:
                break  # it is gone, and its exit code says how
        return True

    def _end(self) -> None:
        self._socket.close()
        self.process.wait()
