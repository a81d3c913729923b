"""A player in a thread of the test's own, serving a cassette over a real socket."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import OpenAI
from traffic import write
from websockets.sync.client import ClientConnection, connect

from cassettes.notes import Note
from cassettes.player import Player
from cassettes.reader import Cassette
from cassettes.serving import HOST, listen, serving
from cassettes.tape import Tape


@dataclass
class Playing:
    """A player in a thread of its own: where it listens, and what it has said."""

    address: str
    player: Player
    said: list[str] = field(default_factory=list)

    def client(self, **options: Any) -> OpenAI:
        """The official SDK, as its users have it: with retries."""
        return OpenAI(base_url=f"http://{self.address}/v1", api_key="sk-another-key", **options)

    def send(
        self,
        body: bytes = b"",
        path: str = "/v1/responses",
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to one request, by plain HTTP."""
        connection = http.client.HTTPConnection(self.address, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def connect(self, path: str = "/v1/responses", **options: Any) -> ClientConnection:
        """A WebSocket to it."""
        return connect(f"ws://{self.address}{path}", **options)

    def refusal(self, body: bytes = b"", **request: Any) -> str:
        """The message of the error that a request gets."""
        status, headers, answer = self.send(body, **request)
        assert (status, headers["x-should-retry"]) == (404, "false")
        error = json.loads(answer)["error"]
        assert (error["type"], error["code"], error["param"]) == ("respool_miss",) * 2 + (None,)
        return error["message"]


@contextmanager
def playing(path: Path, *notes: list[Note], pace: float = 0.0) -> Iterator[Playing]:
    """Play a cassette, which is made of `notes` if there are any, until the block ends."""
    with Cassette.open(write(path, *notes) if notes else path) as cassette:
        sock = listen(0)
        said: list[str] = []
        player = Player(Tape(cassette), pace=pace, report=said.append)
        loop = asyncio.new_event_loop()
        stopped = asyncio.Event()

        async def serve() -> None:
            async with serving(player, sock):
                await stopped.wait()

        thread = threading.Thread(target=lambda: asyncio.run(serve(), loop_factory=lambda: loop))
        thread.start()
        try:
            yield Playing(f"{HOST}:{sock.getsockname()[1]}", player, said)
        finally:
            loop.call_soon_threadsafe(stopped.set)
            thread.join()
