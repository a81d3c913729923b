"""The HTTP surface of the scripted server, as a bare ASGI application.

Under any base path: all of `/responses`, and what clients use beside it of models, conversations
and files, see `respool.demo.routes`. What else is asked for, and what goes wrong, is answered in
the vendor's error shape. Every request is kept for tests to read.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from email.utils import formatdate

from respool.demo import errors
from respool.demo.asgi import Receive, Scope, Send
from respool.demo.canned import Canned, Cannery
from respool.demo.desk import Desk, input_items
from respool.demo.ids import Mint
from respool.demo.line import HungUpError, Line
from respool.demo.received import Received, received
from respool.demo.routes import Routes, json_object
from respool.demo.script import is_user, text_of


class ScriptedApp:
    """The application; its arguments are those of `respool.demo.server.running_server`.

    `requests` grows by each request as soon as its body is complete. Setting `closing`, on the
    server's own loop, breaks off every answer that is still waiting.
    """

    def __init__(self, *, seed: str | None, delay_ms: float, canned: Cannery) -> None:
        self.requests: list[Received] = []
        self.closing = asyncio.Event()
        self._delay_ms = delay_ms
        self._canned = canned
        self._desk = Desk(seed)
        self._routes = Routes(self._desk)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = await received(scope, receive)
        self.requests.append(request)
        line = Line(scope, receive, send, self.closing)
        try:
            await self._answer(request, line)
        except HungUpError:
            await line.drop()
        finally:
            line.close()

    async def _answer(self, request: Received, line: Line) -> None:
        mint, nth = self._desk.mint(request)
        try:
            if canned := self._canned_answer(request):
                await line.play(canned)
                return
            reply = self._routes.answer(request, mint, nth)
        except errors.ApiError as error:
            await line.send_json(error.status, _head(mint) | error.headers, error.body)
            return
        if isinstance(reply, bytes):
            await line.send_bytes(_head(mint), reply)
        elif isinstance(reply, Mapping):
            await line.send_json(200, _head(mint), reply)
        else:
            await line.send_events(_head(mint), reply, self._delay_ms)

    def _canned_answer(self, request: Received) -> Canned | None:
        name = request.header("x-scripted")
        if name is None and self._canned:
            with contextlib.suppress(errors.ApiError):
                name = next(map(text_of, filter(is_user, input_items(json_object(request)))), None)
        elif name is not None and name not in self._canned:
            raise errors.unreadable(f"x-scripted names no canned answer: {name}")
        found = None if name is None else self._canned.get(name)
        return found(request) if callable(found) else found


def _head(mint: Mint) -> dict[str, str]:
    return {
        "date": formatdate(mint.now, usegmt=True),
        "x-request-id": mint.id("req"),
        "openai-version": "2020-10-01",
        "openai-processing-ms": str(mint.number(20, 400)),
    }
