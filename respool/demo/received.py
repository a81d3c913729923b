"""A request as the scripted server received it, kept for the tests to look at."""

import json
from dataclasses import dataclass
from typing import Any

from respool.demo.asgi import Receive, Scope


@dataclass(frozen=True, slots=True)
class Received:
    """One request. Header names are in lower case and in the order in which they came.

    A message of a WebSocket has the method `WEBSOCKET`, and path, query and headers of the
    handshake that opened it.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of this header, None if it did not come."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def json(self) -> Any:  # Any: a client may send whatever it likes
        """The body as JSON. Raises ValueError if it is none."""
        return json.loads(self.body)


async def received(scope: Scope, receive: Receive) -> Received:
    """The request of an HTTP scope, when its body is complete."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return from_scope(scope, scope["method"], body)


def from_scope(scope: Scope, method: str, body: bytes) -> Received:
    """A request with the path, query and headers of this scope."""
    return Received(
        method=method,
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=tuple(
            (k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"]
        ),
        body=body,
    )
