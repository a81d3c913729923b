"""The HTTP surface of the scripted server, as a bare ASGI application.

Under any base path: `POST /responses` (JSON or server-sent events), `POST /responses/compact` and
`GET /models`. What else is asked for, and what goes wrong, is answered in the vendor's error shape.
State is kept for three things only: answers that a `previous_response_id` may name, how often the
same request came, and the requests themselves for tests to read.
"""

import asyncio
import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from email.utils import formatdate

from respool.demo import answers, errors, events
from respool.demo.canned import Canned, Cannery
from respool.demo.ids import Mint
from respool.demo.line import HungUpError, Line, Receive, Scope, Send
from respool.demo.received import Received
from respool.demo.script import Json, direct, is_user, text_of

RETRY_AFTER_MS = 20


class ScriptedApp:
    """The application; its arguments are those of `respool.demo.server.running_server`.

    `requests` grows by each request as soon as its body is complete. Setting `closing`, on the
    server's own loop, breaks off every answer that is still waiting.
    """

    def __init__(self, *, seed: str | None, delay_ms: float, canned: Cannery) -> None:
        self.requests: list[Received] = []
        self.closing = asyncio.Event()
        self._seed = seed
        self._delay_ms = delay_ms
        self._canned = canned
        self._seen: Counter[bytes] = Counter()
        self._stored: dict[str, list[Json]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = await _received(scope, receive)
        self.requests.append(request)
        line = Line(scope, receive, send, self.closing)
        try:
            await self._answer(request, line)
        except HungUpError:
            await line.drop()
        finally:
            line.close()

    async def _answer(self, request: Received, line: Line) -> None:
        same = hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).digest()
        self._seen[same] += 1
        mint = Mint(self._seed, same, self._seen[same])
        try:
            if canned := self._canned_answer(request):
                await line.play(canned)
                return
            answer = self._route(request, mint, self._seen[same])
        except errors.ApiError as error:
            await line.send_json(error.status, _head(mint) | error.headers, error.body)
            return
        if isinstance(answer, Mapping):
            await line.send_json(200, _head(mint), answer)
        else:
            await line.send_events(_head(mint), answer, self._delay_ms)

    def _canned_answer(self, request: Received) -> Canned | None:
        name = request.header("x-scripted")
        if name is None and self._canned:
            with contextlib.suppress(errors.ApiError):
                name = next(map(text_of, filter(is_user, _items(_body(request)))), None)
        elif name is not None and name not in self._canned:
            raise errors.unreadable(f"x-scripted names no canned answer: {name}")
        found = None if name is None else self._canned.get(name)
        return found(request) if callable(found) else found

    def _route(self, request: Received, mint: Mint, nth: int) -> Json | Iterable[Json]:
        if not (request.header("authorization") or "").startswith("Bearer "):
            raise errors.unauthorized()
        if request.method == "GET" and request.path.endswith("/models"):
            return _models()
        if request.method == "POST" and request.path.endswith("/responses/compact"):
            body = _body(request)
            return answers.compact(body, self._conversation(body), mint)
        if request.method == "POST" and request.path.endswith("/responses"):
            return self._respond(_body(request), mint, nth)
        raise errors.not_found(request.method, request.path)

    def _respond(self, body: Json, mint: Mint, nth: int) -> Json | Iterable[Json]:
        items = self._conversation(body)
        tools = [] if body.get("tool_choice") == "none" else body.get("tools") or []
        offered = {tool.get("name") for tool in tools}
        parallel = body.get("parallel_tool_calls") is not False
        scene, move = direct(items, offered, parallel=parallel)
        if scene.trouble == "too_long":
            raise errors.too_long()
        if scene.trouble == "rate_limited_once" and nth % 2:
            raise errors.rate_limited(RETRY_AFTER_MS)
        broken = scene.trouble == "breaks_off"
        if broken and not body.get("stream"):
            raise errors.server_error()
        response = answers.respond(body, items, scene, move, mint)
        if body.get("store") is not False and scene.trouble != "fails" and not broken:
            self._stored[response["id"]] = [*items, *response["output"]]
        if not body.get("stream"):
            return response
        padded = (body.get("stream_options") or {}).get("include_obfuscation") is not False
        streamed = events.broken_stream if broken else events.stream
        return streamed(response, mint if padded else None)

    def _conversation(self, body: Json) -> list[Json]:
        """All input items: those behind `previous_response_id`, then those of the request."""
        if not isinstance(body.get("model"), str):
            message, code = "Missing required parameter: 'model'.", "missing_required_parameter"
            raise errors.unreadable(message, param="model", code=code)
        previous = body.get("previous_response_id")
        if previous is None:
            return _items(body)
        if previous not in self._stored:
            raise errors.unknown_response(previous)
        return [*self._stored[previous], *_items(body)]


async def _received(scope: Scope, receive: Receive) -> Received:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Received(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]),
        body=body,
    )


def _body(request: Received) -> Json:
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise errors.unreadable("We could not parse the JSON body of your request.")
    return body


def _items(body: Json) -> list[Json]:
    given = body.get("input")
    if given is None:
        return []
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    if isinstance(given, list) and all(isinstance(item, dict) for item in given):
        return given
    message = "Invalid type for 'input': expected a string or a list of items."
    raise errors.unreadable(message, param="input", code="invalid_type")


def _models() -> Json:
    made = {"object": "model", "created": 1_760_000_000, "owned_by": "respool-demo"}
    return {"object": "list", "data": [{"id": model, **made} for model in answers.MODELS]}


def _head(mint: Mint) -> dict[str, str]:
    return {
        "date": formatdate(mint.now, usegmt=True),
        "x-request-id": mint.id("req"),
        "openai-version": "2020-10-01",
        "openai-processing-ms": str(mint.number(20, 400)),
    }
