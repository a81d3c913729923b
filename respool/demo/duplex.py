"""The server's end of one WebSocket: whole messages in, messages and raw frames out.

Whatever waits to be sent ends with the connection: the tasks that send are the reader's to cancel.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

from respool.demo.asgi import SOCKET, TRANSPORT, Receive, Scope, Send
from respool.demo.canned import Break, Close, Fragments, Gate, Ping, SocketStep
from respool.demo.line import Headers, HungUpError, raw
from respool.demo.scene import Json
from respool.demo.usage import compact_json


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, letting the application see its connection and send single frames."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.handshake_complete:
            self.scope["extensions"][TRANSPORT] = {"transport": self.transport}
            self.scope["extensions"][SOCKET] = {"protocol": self}

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True  # refused; uvicorn takes it for forgotten, and logs it

    def send_fragments(self, pieces: Sequence[str | bytes]) -> None:
        """One message, a frame for each piece."""
        for index, piece in enumerate(pieces):
            fin = index == len(pieces) - 1
            data = piece.encode() if isinstance(piece, str) else piece
            if index:
                self.conn.send_continuation(data, fin)
            elif isinstance(piece, str):
                self.conn.send_text(data, fin)
            else:
                self.conn.send_binary(data, fin)
            self.transport.write(b"".join(self.conn.data_to_send()))

    def ping(self, payload: bytes) -> None:
        """A ping frame."""
        self.conn.send_ping(payload)
        self.transport.write(b"".join(self.conn.data_to_send()))


class Duplex:
    """One connection. What is sent on it after its end raises HungUpError."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._protocol: SocketProtocol = scope["extensions"][SOCKET]["protocol"]
        self._receive = receive
        self._send = send

    async def accept(self, headers: Headers) -> None:
        """Agree to the upgrade."""
        await self._sent({"type": "websocket.accept", "headers": raw(headers)})

    async def messages(self) -> AsyncIterator[bytes]:
        """The client's messages, text as UTF-8, until it leaves or the server closes."""
        while (message := await self._receive())["type"] == "websocket.receive":
            text = message.get("text")
            yield message["bytes"] if text is None else text.encode("utf-8", "surrogatepass")

    async def send_event(self, event: Json) -> None:
        """An event, as the JSON of one text message."""
        text = compact_json(event).encode("utf-8", "replace").decode()
        await self._sent({"type": "websocket.send", "text": text})

    async def play(self, steps: Sequence[SocketStep]) -> None:
        """Steps of a canned socket. Raises HungUpError at the one that ends the connection."""
        for step in steps:
            match step:
                case str():
                    await self._sent({"type": "websocket.send", "text": step})
                case bytes():
                    await self._sent({"type": "websocket.send", "bytes": step})
                case Fragments():
                    await self._framed(step)
                case Ping():
                    await self._framed(step)
                case Gate():
                    await step.passed()
                case Close():
                    closing = {"code": step.code, "reason": step.reason}
                    await self._sent({"type": "websocket.close", **closing})
                    raise HungUpError
                case Break():
                    self.hang_up()
                    raise HungUpError
                case pause_ms:
                    await asyncio.sleep(pause_ms / 1000)

    def hang_up(self) -> None:
        """End the connection without a close; what was sent still arrives."""
        self._protocol.transport.close()

    async def _framed(self, step: Fragments | Ping) -> None:
        await self._protocol.writable.wait()
        try:
            if isinstance(step, Ping):
                self._protocol.ping(step.payload)
            else:
                self._protocol.send_fragments(step.pieces)
        except InvalidState as error:
            raise HungUpError from error

    async def _sent(self, message: Json) -> None:
        try:
            await self._send(message)
        except (ClientDisconnected, InvalidState) as error:
            raise HungUpError from error


def refusing(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """The two ends of an HTTP answer that refuses an upgrade."""

    async def receive_http() -> Json:
        message = await receive()
        return message | {"type": message["type"].replace("websocket.", "http.")}

    async def send_http(message: Json) -> None:
        body = {"body": b""} if message["type"] == "http.response.body" else {}
        await send(body | message | {"type": f"websocket.{message['type']}"})

    return receive_http, send_http
