"""The surface of the scripted server, as a bare ASGI application: HTTP, and WebSocket beside it.

Under any base path: all of `/responses`, and what clients use beside it of models, conversations
and files, see `respool.demo.routes`. What else is asked for, and what goes wrong, is answered in
the vendor's error shape. A WebSocket may be opened where responses are created, see
`respool.demo.session`. Every request, and every message, is kept for tests to read.
"""

import asyncio
import contextlib
from collections.abc import Mapping

from respool.demo import errors
from respool.demo.asgi import Receive, Scope, Send
from respool.demo.canned import Canned, CannedSocket, Cannery
from respool.demo.desk import Desk, input_items
from respool.demo.duplex import Duplex, refusing
from respool.demo.head import head
from respool.demo.line import Headers, HungUpError, Line
from respool.demo.received import Received, from_scope, received
from respool.demo.routes import Routes, authorized, json_object
from respool.demo.script import is_user, text_of
from respool.demo.session import CannedSession, Session


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
        """Answer one request, or all messages of one WebSocket."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
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
            canned = self._canned_answer(request)
            if isinstance(canned, CannedSocket):
                raise errors.unreadable("This canned answer is for a WebSocket.")
            if canned:
                await line.play(canned)
                return
            reply = self._routes.answer(request, mint, nth)
        except errors.ApiError as error:
            await line.send_json(error.status, head(mint) | error.headers, error.body)
            return
        if isinstance(reply, bytes):
            await line.send_bytes(head(mint), reply)
        elif isinstance(reply, Mapping):
            await line.send_json(200, head(mint), reply)
        else:
            await line.send_events(head(mint), reply, self._delay_ms)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a WebSocket and talk on it until it ends, or refuse to, as an HTTP answer."""
        await receive()
        handshake = from_scope(scope, "GET", b"")
        mint, _ = self._desk.mint(handshake)
        duplex = Duplex(scope, receive, send)
        line = Line(scope, *refusing(receive, send), self.closing)
        try:
            canned = self._canned_answer(handshake)
            if isinstance(canned, Canned):
                self.requests.append(handshake)
                await line.play(canned)
            elif canned:
                await self._talk(duplex, canned.headers, CannedSession(duplex, canned, handshake))
            else:
                authorized(handshake)
                if not handshake.path.endswith("/responses"):
                    raise errors.not_found("GET", handshake.path)
                session = Session(duplex, self._desk, handshake, self._delay_ms)
                await self._talk(duplex, head(mint), session)
        except errors.ApiError as error:
            self.requests.append(handshake)
            await line.send_json(error.status, head(mint) | error.headers, error.body)
        except HungUpError:
            await line.drop()
        finally:
            line.close()

    async def _talk(
        self, duplex: Duplex, headers: Headers, session: Session | CannedSession
    ) -> None:
        with contextlib.suppress(HungUpError):
            await duplex.accept(headers)
            await session.run(self.requests.append)

    def _canned_answer(self, request: Received) -> Canned | CannedSocket | None:
        name = request.header("x-scripted")
        if name is None and self._canned:
            with contextlib.suppress(errors.ApiError):
                name = next(map(text_of, filter(is_user, input_items(json_object(request)))), None)
        elif name is not None and name not in self._canned:
            raise errors.unreadable(f"x-scripted names no canned answer: {name}")
        found = None if name is None else self._canned.get(name)
        return found(request) if callable(found) else found
