"""The way back to one client: JSON, server-sent events, or the steps of a canned answer.

Whatever waits here also ends when nobody listens any more, so neither a client that left nor a
canned answer that hangs keeps the server from closing.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from respool.demo.asgi import TRANSPORT, Receive, Scope, Send
from respool.demo.canned import Break, Canned, Gate
from respool.demo.events import sse
from respool.demo.scene import Json

type Headers = Mapping[str, str] | Sequence[tuple[str, str]]


def pairs(headers: Headers) -> list[tuple[str, str]]:
    """Headers as pairs, in their order."""
    return list(headers.items() if isinstance(headers, Mapping) else headers)


def raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI takes them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs(headers)]


class HungUpError(Exception):
    """The rest of the answer will not be sent: a break, a client gone, or a server closing."""


class Line:
    """One answer on its way. Close it with `close()`, or with `drop()` after a HungUpError."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, closing: asyncio.Event) -> None:
        self._transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
        self._receive = receive
        self._send = send
        self._closing = closing
        self._listener_gone: asyncio.Task[None] | None = None

    async def send_json(self, status: int, headers: Mapping[str, str], value: object) -> None:
        """A JSON answer, indented by two as the vendor indents it."""
        content = json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "replace")
        sized = {"content-type": "application/json", "content-length": str(len(content))}
        await self._start(status, [*headers.items(), *sized.items()])
        await self._send({"type": "http.response.body", "body": content})

    async def send_bytes(self, headers: Mapping[str, str], content: bytes) -> None:
        """The bytes of a file."""
        sized = {"content-type": "application/octet-stream", "content-length": str(len(content))}
        await self._start(200, [*headers.items(), *sized.items()])
        await self._send({"type": "http.response.body", "body": content})

    async def send_events(
        self, headers: Mapping[str, str], stream: Iterable[Json | Break], delay_ms: float
    ) -> None:
        """A stream: each event on its own, `delay_ms` apart; all in one piece if that is 0.

        Raises HungUpError where it comes upon a break.
        """
        typed = ("content-type", "text/event-stream; charset=utf-8")
        await self._start(200, [*headers.items(), typed])
        together = b""
        for event in stream:
            if isinstance(event, Break):
                await self._send_part(together)
                raise HungUpError
            if delay_ms:
                await self._send_part(sse(event))
                await self._wait(asyncio.sleep(delay_ms / 1000))
            else:
                together += sse(event)
        if together:
            await self._send_part(together)
        await self._send({"type": "http.response.body"})

    async def play(self, canned: Canned) -> None:
        """The steps of a canned answer, behind its head."""
        headers = pairs(canned.headers)
        started = False
        for step in canned.steps:
            match step:
                case bytes():
                    if not started:
                        await self._start(canned.status, headers)
                        started = True
                    await self._send_part(step)
                case Gate():
                    await self._wait(step.passed())
                case Break():
                    raise HungUpError
                case pause_ms:
                    await self._wait(asyncio.sleep(pause_ms / 1000))
        if not started:
            await self._start(canned.status, headers)
        await self._send({"type": "http.response.body"})

    async def drop(self) -> None:
        """Close the connection without finishing the answer; what was sent still arrives."""
        self.close()
        self._transport.close()
        await self._disconnected()

    def close(self) -> None:
        """Stop watching for the client to leave."""
        if self._listener_gone is not None:
            self._listener_gone.cancel()

    async def _start(self, status: int, headers: Headers) -> None:
        start = {"type": "http.response.start", "status": status, "headers": raw(headers)}
        await self._send(start)

    async def _send_part(self, content: bytes) -> None:
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    async def _wait(self, for_what: Coroutine[Any, Any, None]) -> None:
        """Wait for this, unless nobody listens: then raise HungUpError."""
        if self._listener_gone is None:
            self._listener_gone = asyncio.create_task(self._nobody_listens())
        task = asyncio.create_task(for_what)
        try:
            await asyncio.wait({task, self._listener_gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise HungUpError
        finally:
            task.cancel()

    async def _nobody_listens(self) -> None:
        left = asyncio.create_task(self._disconnected())
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({left, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            closing.cancel()

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
