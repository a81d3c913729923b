"""Which requests are Responses exchanges, by method and path suffix, whatever the base path.

One function decides, and recorder, player and ingest all ask it. The paths are those of the API
reference ("Responses" section); the base (`/v1`, `/openai/v1`, a gateway's prefix) is the
server's own affair.
"""

import re
from dataclasses import dataclass

_PATH = re.compile(
    r"(?P<base>.*)/responses(?:/(?P<id>[^/]+)(?:/(?P<sub>cancel|input_items))?)?/?\Z"
)
_COLLECTION = {"POST": "create"}
_NAMED = {("POST", "compact"): "compact", ("POST", "input_tokens"): "input_tokens"}
_MEMBER = {
    ("GET", None): "retrieve",
    ("DELETE", None): "delete",
    ("POST", "cancel"): "cancel",
    ("GET", "input_items"): "input_items",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A recognised exchange: its endpoint's name, base path (`/v1`) and response id, if any."""

    endpoint: str
    base: str
    response_id: str | None = None

    @property
    def resource(self) -> str:
        """What the exchange is about, without the base: `create`, `retrieve/resp_1`."""
        return f"{self.endpoint}/{self.response_id}" if self.response_id else self.endpoint


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
