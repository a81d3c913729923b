"""Which requests are Responses exchanges, by method and path suffix, whatever the base path.

One function decides, and recorder, player and ingest all ask it. The paths are those of the API
reference ("Responses" section); the base (`/v1`, `/openai/v1`, a gateway's prefix) is the
server's own affair. On a WebSocket the client's messages are requests, told apart by their `type`.
"""

import re
from dataclasses import dataclass

from wire.events import CREATE, STEER

_PATH = re.compile(
    r"(?P<base>.*)/responses(?:/(?P<id>[^/]+)(?:/(?P<sub>cancel|input_items))?)?/?\Z"
)
_COLLECTION = {"POST": "create", "GET": "connect"}
_NAMED = {("POST", "compact"): "compact", ("POST", "input_tokens"): "input_tokens"}
_MEMBER = {
    ("GET", None): "retrieve",
    ("DELETE", None): "delete",
    ("POST", "cancel"): "cancel",
    ("GET", "input_items"): "input_items",
}
_MESSAGES = {CREATE: "create", STEER: "steer"}

WEBSOCKET = "WEBSOCKET"
"""What stands for the method of a request that is a client's WebSocket message."""


@dataclass(frozen=True, slots=True)
class Route:
    """A recognised exchange: its endpoint's name, base path (`/v1`) and response id, if any.

    `connect` is the handshake of a WebSocket; its client messages are `create`, `steer`, and
    `message` for those of any other `message_type`.
    """

    endpoint: str
    base: str
    response_id: str | None = None
    message_type: str | None = None

    @property
    def resource(self) -> str:
        """What the exchange is about, without the base: `create`, `retrieve/resp_1`."""
        of = self.response_id or self.message_type
        return f"{self.endpoint}/{of}" if of else self.endpoint


def recognise(method: str, path: str) -> Route | None:
    """The route of a request, or None if it is not a Responses exchange.

    `path` may carry a query string, which is ignored.
    """
    found = _PATH.match(path.partition("?")[0])
    if found is None:
        return None
    base, ident, sub = found["base"], found["id"], found["sub"]
    if ident is None:
        name = _COLLECTION.get(method)
        return Route(name, base) if name else None
    if sub is None and (method, ident) in _NAMED:
        return Route(_NAMED[method, ident], base)
    name = _MEMBER.get((method, sub))
    return Route(name, base, ident) if name else None


def recognise_message(path: str, message_type: str) -> Route | None:
    """The route of a client's message on the WebSocket whose handshake asked for `path`."""
    connect = recognise("GET", path)
    if connect is None or connect.endpoint != "connect":
        return None
    name = _MESSAGES.get(message_type)
    return Route(name, connect.base) if name else Route("message", connect.base, None, message_type)
