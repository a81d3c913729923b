"""The process that writes a cassette: `python -m cassettes.writer`, with a socket as its stdin.

It takes notes until it is told to close or its recorder is gone, and is not moved by signals: what
was handed over gets written, whatever becomes of the recorder. Nothing but the file and the socket
is touched; the operator hears from the recorder, to which failures are said at once.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cassettes.capture import Recording, open_recording
from cassettes.notes import Note
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
    told,
)
from wire.errors import RespoolError

_BLOCK = 1 << 20
LATEST_S = 0.04
"""How often parts of bodies that wait for the rest are looked at."""


def main() -> None:
    """Write the cassette that the arguments name (path, base, upstream, bytes to a file or 0)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as recorder:
        saying = threading.Lock()

        def say(word: Said) -> None:
            with saying, contextlib.suppress(OSError):  # it is gone; that must not stop the work
                recorder.sendall(pack(word))

        path, base, upstream, rotate = sys.argv[1:]
        try:
            journal = open_recording(
                Path(path),
                base=base,
                upstream=upstream,
                rotate=int(rotate),
                on_failure=lambda why: say(Failed(why)),
            )
        except RespoolError as error:
            say(Refused(str(error)))
            return
        say(Opened(journal.next_number))
        journal.close(calm=_write(journal, recorder, say))


def _write(journal: Recording, recorder: socket.socket, say: Callable[[Said], None]) -> bool:
    """Write what comes, up to its end; whether the file is to be calmed."""
    for batch in _batches(recorder, journal):
        notes: list[Note] = []
        for message in batch:
            if isinstance(message, Close):
                journal.put(*notes)
                return message.calm
            if isinstance(message, Ask):
                journal.put(*notes)
                notes.clear()
                say(Answering(journal.answering))
            else:
                notes.append(message)
        journal.put(*notes)
    journal.abandon(time.monotonic_ns())
    return False


def _batches(recorder: socket.socket, journal: Recording) -> Iterator[list[Told]]:
    """What arrives, and now and then nothing while something waits to be written."""
    inbox = Inbox(told)
    while True:
        recorder.settimeout(LATEST_S if journal.waiting else None)
        try:
            data = recorder.recv(_BLOCK)
        except TimeoutError:
            yield []
            continue
        except OSError:
            return
        if not data:
            return
        yield list(inbox.take(data))


if __name__ == "__main__":
    main()
