"""The upstream of the benchmarks: answers of the size, and streams of the pace, asked for.

`POST /v1/responses?json=BYTES&after_ms=MS` or `?events=COUNT&gap_ms=MS`. It does nothing but write
what it made before, so that it takes little of the machine from what is measured.
"""

import asyncio
import json
import sys
from functools import cache
from typing import cast
from urllib.parse import parse_qs, urlsplit

import uvloop

EVENT_BYTES = 245
"""49 KB in 200 events, as of a real stream."""


@cache
def json_answer(size: int) -> bytes:
    """A whole answer whose body has about `size` bytes."""
    text = "The quick brown fox jumps over the lazy dog. " * (size // 45 + 1)
    item = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text[: max(0, size - 420)], "annotations": []}],
    }
    usage = {"input_tokens": 100, "output_tokens": 100, "total_tokens": 200}
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": [item]}
    body = json.dumps({**response, "model": "gpt-5.1", "usage": usage}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"x-request-id: req_1\r\nopenai-processing-ms: 5\r\n\r\n" + body


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\nx-request-id: req_1\r\n\r\n"
)
STREAM_END = b"0\r\n\r\n"


@cache
def events(count: int) -> list[bytes]:
    """The chunks of a stream."""
    made = []
    for n in range(count):
        kind = "response.completed" if n == count - 1 else "response.output_text.delta"
        data: dict[str, object] = {"type": kind, "sequence_number": n, "item_id": "msg_1"}
        data |= {"output_index": 0, "content_index": 0, "delta": "x" * (EVENT_BYTES - 180)}
        event = f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
        made.append(b"%x\r\n%s\r\n" % (len(event), event))
    return made


class Upstream(asyncio.Protocol):
    """One connection, on which requests come one after another."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write to."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer a request that is whole; only its head is kept."""
        if not self._left:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = self._head[:end], self._head[end + 4 :]
            at = head.lower().find(b"content-length:")
            self._left = int(head[at + 15 :].split(b"\r\n", 1)[0])
            self._target = head.split(b" ", 2)[1].decode()
            self._head = b""
        self._left -= len(data)
        if self._left <= 0:
            self._left = 0
            self._answer({k: int(v[0]) for k, v in parse_qs(urlsplit(self._target).query).items()})

    def _answer(self, asked: dict[str, int]) -> None:
        if "events" not in asked:
            answer = json_answer(asked.get("json", 4096))
            if after_ms := asked.get("after_ms", 0):
                asyncio.get_running_loop().call_later(after_ms / 1000, self.transport.write, answer)
            else:
                self.transport.write(answer)
            return
        chunks = events(asked["events"])
        if gap_ms := asked.get("gap_ms", 0):
            self.transport.write(STREAM_HEAD)
            self._next(chunks, 0, gap_ms / 1000)
        else:
            self.transport.write(STREAM_HEAD + b"".join(chunks) + STREAM_END)

    def _next(self, chunks: list[bytes], number: int, gap_s: float) -> None:
        self.transport.write(chunks[number] + (STREAM_END if number == len(chunks) - 1 else b""))
        if number < len(chunks) - 1:
            loop = asyncio.get_running_loop()
            loop.call_later(gap_s, self._next, chunks, number + 1, gap_s)


async def serve() -> None:
    """Listen on a free port, print it, and serve until stopped."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", 0, backlog=512)
    print(f"upstream at 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(uvloop.run(serve()))
