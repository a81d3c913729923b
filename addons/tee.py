"""Passing an answer on as it comes, with a copy for the journal.

The client's bytes come first: nothing here raises, waits, or answers with anything else. mitmproxy
hands over each chunk of a chunked answer; those that came together are noted together.
"""

import asyncio
import time
from collections.abc import Callable

from cassettes.notes import Got


class Tee:
    """What mitmproxy calls with each piece of exchange `number`; `put` gets what is to be noted."""

    def __init__(self, number: int, put: Callable[[Got], None]) -> None:
        self._number = number
        self._put = put
        self._pieces: list[bytes] = []
        self._at_ns = 0

    def __call__(self, data: bytes) -> bytes:
        """The piece itself."""
        if data:
            if not self._pieces:
                self._at_ns = time.monotonic_ns()
                asyncio.get_running_loop().call_soon(self.flush)
            self._pieces.append(data)
        return data

    def flush(self) -> None:
        """Note what has come since the last time."""
        if self._pieces:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            self._put(Got(self._number, self._at_ns, data))
