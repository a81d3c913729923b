"""Load for the benchmarks: clients that ask one after another, each on its own connection.

It runs in a process of its own and prints one line of JSON: requests, seconds, and for each request
ms to the first bytes of the body.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop


class Client(asyncio.Protocol):
    """One connection; asks again as soon as it was answered, until time is over."""

    transport: asyncio.Transport

    def __init__(self, request: bytes, until_s: float, done: asyncio.Future[None]) -> None:
        self._request, self._until_s, self._done = request, until_s, done
        self.first_ms: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self.transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._head, self._tail = b"", b""
        self._left: int | None = None
        self._in_body = self._noted = False
        self._asked_s = time.perf_counter()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note when the body begins, and whether it is whole; keep as little as may be."""
        if not self._in_body:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = self._head[:end].lower(), self._head[end + 4 :]
            assert b" 200 " in head[:14], head
            at = head.find(b"content-length:")
            self._left = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else None
            self._in_body = True
        if data and not self._noted:
            self._noted = True
            self.first_ms.append((time.perf_counter() - self._asked_s) * 1000)
        if self._left is None:
            self._tail = (self._tail + data[-7:])[-7:]
            whole = self._tail == b"\r\n0\r\n\r\n"
        else:
            self._left -= len(data)
            whole = self._left <= 0
        if whole:
            if time.perf_counter() < self._until_s:
                self._ask()
            else:
                self.transport.close()
                self._done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """A connection that breaks ends the benchmark."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the proxy hung up"))


async def load(port: int, clients: int, seconds: float, target: str, request_bytes: int) -> None:
    """Ask for `seconds`, and print what came of it."""
    text = "The quick brown fox jumps over the lazy dog. " * (request_bytes // 45 + 1)
    given = [{"role": "user", "content": text[: max(0, request_bytes - 100)]}]
    body = json.dumps({"model": "gpt-5.1", "stream": "events" in target, "input": given}).encode()
    head = (
        f"POST /v1/responses?{target} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        "authorization: Bearer sk-benchmark-0123456789abcdef\r\naccept: application/json\r\n"
        "accept-encoding: gzip, deflate\r\nuser-agent: OpenAI/Python 3.54.0\r\n"
        "x-stainless-lang: python\r\nx-stainless-retry-count: 0\r\ncontent-type: application/json"
        f"\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    began_s = time.perf_counter()
    made: list[Client] = []
    ends = []
    for _ in range(clients):
        done = loop.create_future()
        client = Client(head.encode() + body, began_s + seconds, done)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
        made.append(client)
        ends.append(done)
    await asyncio.gather(*ends)
    times = [ms for client in made for ms in client.first_ms]
    print(json.dumps({"seconds": time.perf_counter() - began_s, "first_ms": times}))


if __name__ == "__main__":
    port, clients, seconds, target, size = sys.argv[1:]
    uvloop.run(load(int(port), int(clients), float(seconds), target, int(size)))
