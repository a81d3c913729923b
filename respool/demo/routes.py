"""The endpoints of the scripted server: which request is answered by what.

They are found by how the path ends, so that any base path will do.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs

from respool.demo import answers, errors
from respool.demo.canned import Break
from respool.demo.desk import Desk
from respool.demo.files import Files
from respool.demo.ids import Mint
from respool.demo.kept import Kept
from respool.demo.received import Received
from respool.demo.scene import Json


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to an endpoint, how often it came, and the id in its path."""

    request: Received
    mint: Mint
    nth: int
    id: str

    def body(self) -> Json:
        """The body, which must be a JSON object. Raises ApiError, 400."""
        return json_object(self.request)

    def query(self, name: str) -> list[str]:
        """All values of a query parameter, which may bear brackets."""
        query = parse_qs(self.request.query)
        return [*query.get(name, []), *query.get(f"{name}[]", [])]


type Reply = Json | bytes | Iterator[Json | Break]
"""An object, the bytes of a file, or events."""


class Routes:
    """All endpoints over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._files = Files()
        name = "/(?P<id>[^/]+)"
        self._table: tuple[tuple[str, str, Callable[[Asked], Reply]], ...] = (
            ("POST", "/responses", self._create),
            ("POST", "/responses/compact", self._compact),
            ("POST", "/responses/input_tokens", self._count),
            ("POST", f"/responses{name}/cancel", self._cancel),
            ("GET", f"/responses{name}/input_items", self._input_items),
            ("GET", f"/responses{name}", self._retrieve),
            ("DELETE", f"/responses{name}", self._delete),
            ("GET", "/models", self._models),
            ("GET", f"/models{name}", self._model),
            ("POST", "/conversations", self._converse),
            ("GET", f"/conversations{name}", self._conversation),
            ("POST", "/files", self._upload),
            ("GET", f"/files{name}", self._file),
            ("GET", f"/files{name}/content", self._content),
        )

    def answer(self, request: Received, mint: Mint, nth: int) -> Reply:
        """The answer to a request. Raises ApiError."""
        authorized(request)
        for method, path, endpoint in self._table:
            if request.method == method and (found := re.fullmatch(f".*{path}", request.path)):
                return endpoint(Asked(request, mint, nth, found.groupdict().get("id", "")))
        raise errors.not_found(request.method, request.path)

    def _create(self, asked: Asked) -> Reply:
        body = asked.body()
        kept = self._desk.create(body, asked.mint, asked.nth)
        if not body.get("stream"):
            return kept.now()
        return kept.stream(padded=_wants_padding(body))

    def _compact(self, asked: Asked) -> Reply:
        return self._desk.compact(asked.body(), asked.mint)

    def _count(self, asked: Asked) -> Reply:
        return self._desk.count(asked.body())

    def _retrieve(self, asked: Asked) -> Reply:
        kept = self._desk.found(asked.id)
        if asked.query("stream") == ["true"]:
            after = _whole_number(asked, "starting_after", -1)
            padded = asked.query("include_obfuscation") != ["false"]
            return kept.stream(after, padded=padded)
        kept.advance()
        return kept.now()

    def _delete(self, asked: Asked) -> Reply:
        del self._desk.kept[self._desk.found(asked.id).id]
        return {"id": asked.id, "object": "response", "deleted": True}

    def _cancel(self, asked: Asked) -> Reply:
        kept = self._desk.found(asked.id)
        if not kept.background:
            raise errors.unreadable("Cannot cancel a synchronous response.")
        kept.cancel()
        return kept.now()

    def _input_items(self, asked: Asked) -> Reply:
        return _page(self._desk.found(asked.id), asked)

    def _models(self, asked: Asked) -> Reply:
        return {"object": "list", "data": [_model(name) for name in answers.MODELS]}

    def _model(self, asked: Asked) -> Reply:
        if asked.id not in {*answers.MODELS, *answers.MODELS.values()}:
            raise errors.no_such("Model", asked.id)
        return _model(asked.id)

    def _converse(self, asked: Asked) -> Reply:
        return self._desk.conversations.create(asked.body(), asked.mint)

    def _conversation(self, asked: Asked) -> Reply:
        return self._desk.conversations.found(asked.id)

    def _upload(self, asked: Asked) -> Reply:
        return self._files.create(asked.request, asked.mint)

    def _file(self, asked: Asked) -> Reply:
        return self._files.found(asked.id)

    def _content(self, asked: Asked) -> Reply:
        return self._files.content(asked.id)


def authorized(request: Received) -> None:
    """Raise ApiError, 401, if no key came along."""
    if not (request.header("authorization") or "").startswith("Bearer "):
        raise errors.unauthorized()


def json_object(request: Received) -> Json:
    """The body, which must be a JSON object. Raises ApiError, 400."""
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise errors.unreadable("We could not parse the JSON body of your request.")
    return body


def _wants_padding(body: Json) -> bool:
    return (body.get("stream_options") or {}).get("include_obfuscation") is not False


def _page(kept: Kept, asked: Asked) -> Json:
    """A page of input items (API reference: input_items, `limit`, `order`, `after`)."""
    items = kept.input_items()
    if asked.query("order") != ["asc"]:
        items.reverse()
    if after := asked.query("after"):
        ids = [item["id"] for item in items]
        if after[0] not in ids:
            raise errors.no_such("Item", after[0])
        items = items[ids.index(after[0]) + 1 :]
    limit = _whole_number(asked, "limit", 20)
    shown = items[:limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(items) > limit,
    }


def _whole_number(asked: Asked, name: str, default: int) -> int:
    given = asked.query(name)
    if not given:
        return default
    if not given[0].isdecimal():
        message = f"Invalid type for '{name}': expected an integer."
        raise errors.unreadable(message, param=name, code="invalid_type")
    return int(given[0])


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 1_760_000_000, "owned_by": "respool-demo"}
