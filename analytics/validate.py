"""What deviates in an exchange, by the SDK's types and by the rules that types cannot say.

Annotates and never rejects: whatever the parts are, the answer is a list of findings. A finding is
equal for equal deviations of any exchange, so that one row can stand for all of them. Every event
is checked in full (3 to 20 µs each), not a sample: servers deviate in single events too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from wire.events import TERMINAL
from wire.schema import Deviation, Kind, check
from wire.schema_deviations import join

type Where = Literal["request", "response", "event"]

_CARRIERS = TERMINAL - {"error"} | {"response.created", "response.in_progress", "response.queued"}
"""Events that carry a Response, which is then filed like one that came as a body."""

_REQUESTS: Mapping[str, Kind] = {
    "create": "create_request",
    "compact": "compact_request",
    "input_tokens": "input_tokens_request",
}
_RESPONSES: Mapping[str, Kind | None] = {
    "create": "response",
    "retrieve": "response",
    "cancel": "response",
    "compact": "compacted_response",
    "input_items": "item_page",
    "input_tokens": "input_token_count",
    "delete": None,  # the SDK has no type for its answer
}


@dataclass(frozen=True, slots=True)
class ExchangeParts:
    """An exchange as parsed JSON; a string stands for text that is not JSON.

    `endpoint` is a name of `wire.endpoints`. `response` is the body of an answer that is not a
    stream (Response, compaction, error body ...), else the `response` of the terminal event; None
    if there is neither. `events` are SSE event name (None where the line is missing, and over
    WebSocket) and data. `outcome` is one of `cassettes.format.OUTCOMES`.
    """

    endpoint: str
    request: object | None = None
    status: int | None = None
    response: object | None = None
    events: Sequence[tuple[str | None, object]] = ()
    streamed: bool = False
    websocket: bool = False
    outcome: str = "complete"


@dataclass(frozen=True, slots=True)
class Finding:
    """A `Deviation` and the part of the exchange in which it was found.

    Two kinds come on top of those of `wire.schema`: `broken_invariant` (`shape` says which) and
    `not_json`. Its `type` is `stream` where it concerns the stream as a whole. A Response within an
    event is filed as `response`, like one that came as a body.
    """

    where: Where
    kind: str
    path: str
    type: str
    shape: str


def findings(
    parts: ExchangeParts, seen_item: Callable[[object], bool] | None = None
) -> list[Finding]:
    """What deviates, each finding once, in order of discovery.

    Agents resend their history at every turn: input items for which `seen_item` is true, because an
    earlier exchange had them, are not checked again. Exchanges with other endpoints than those of
    the Responses API are not checked at all.
    """
    if parts.endpoint not in _RESPONSES:
        return []
    found: list[tuple[Where, Deviation]] = []
    found += [("request", each) for each in _request(parts, seen_item)]
    found += [("response", each) for each in _response(parts)]
    if parts.streamed:
        found += _events(parts)
    distinct = dict.fromkeys(found)
    return [Finding(where, d.kind, d.path, d.type, d.shape) for where, d in distinct]


def _request(
    parts: ExchangeParts, seen_item: Callable[[object], bool] | None
) -> Iterator[Deviation]:
    kind = "client_event" if parts.websocket else _REQUESTS.get(parts.endpoint)
    request = parts.request
    if kind is None or request is None:
        return
    if isinstance(request, str):
        yield _not_json(request, "", kind)
        return
    items = _member(request, "input")
    steers = _tag(request) == "response.steer"  # its items are of a narrower kind
    if isinstance(request, dict) and isinstance(items, list) and not steers:
        request = {**request, "input": []}
        for item in items:
            if seen_item is None or not seen_item(item):
                yield from (_under("input[]", each) for each in check("input_item", item))
    yield from check(kind, request)


def _response(parts: ExchangeParts) -> Iterator[Deviation]:
    response = parts.response
    failed = parts.status is not None and parts.status >= 400
    kind = "error" if failed else _RESPONSES[parts.endpoint]
    if kind is None or response is None:
        return
    if isinstance(response, str):
        yield _not_json(response, "", kind)
    else:
        yield from check(kind, response)
        yield from _usage(response)


def _events(parts: ExchangeParts) -> Iterator[tuple[Where, Deviation]]:
    kind: Kind = "websocket_event" if parts.websocket else "event"
    last = None
    ended = False
    for name, data in parts.events:
        if isinstance(data, str):
            yield "event", _not_json(data, "data", "stream")
            continue
        tag = _tag(data)
        ended = ended or tag in TERMINAL
        if not parts.websocket and name is None:
            yield "event", Deviation("missing_field", "event", "stream", "missing")
        elif name is not None and name != tag:
            yield "event", _broken("event", "stream", "event name != data.type")
        number = _member(data, "sequence_number")
        if isinstance(number, int):
            if last is not None and number <= last:
                yield "event", _broken("sequence_number", "stream", "not increasing")
            last = number
        yield from _event(kind, data, parts.response)
    if not ended and parts.outcome in ("complete", "truncated"):
        yield "event", _broken("", "stream", "no terminal event")


def _event(kind: Kind, data: object, checked: object) -> Iterator[tuple[Where, Deviation]]:
    """Check an event, and the Response that it carries, if any, on its own and only once."""
    response = _member(data, "response")
    carries = _tag(data) in _CARRIERS and isinstance(response, dict)
    if not isinstance(data, dict) or not carries:
        yield from (("event", each) for each in check(kind, data))
        return
    envelope = {name: value for name, value in data.items() if name != "response"}
    yield from (("event", each) for each in check(kind, envelope) if each.path != "response")
    if response is not checked:
        yield from (("response", each) for each in check("response", response))
        yield from (("response", each) for each in _usage(response))


def _usage(response: object) -> Iterator[Deviation]:
    """The sums of a Response's usage, in tokens (API reference, "usage"); absent ones pass."""
    usage = _member(response, "usage")
    put_in, put_out = _member(usage, "input_tokens"), _member(usage, "output_tokens")
    total = _member(usage, "total_tokens")
    cached = _member(_member(usage, "input_tokens_details"), "cached_tokens")
    reasoning = _member(_member(usage, "output_tokens_details"), "reasoning_tokens")
    if _exceeds(cached, put_in):
        yield _broken("usage", "usage", "cached_tokens > input_tokens")
    if _exceeds(reasoning, put_out):
        yield _broken("usage", "usage", "reasoning_tokens > output_tokens")
    if isinstance(put_in, int) and isinstance(put_out, int):
        both = put_in + put_out
        if isinstance(total, int) and total != both:
            yield _broken("usage", "usage", "total_tokens != input_tokens + output_tokens")


def _exceeds(part: object, whole: object) -> bool:
    return isinstance(part, int) and isinstance(whole, int) and part > whole


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _tag(value: object) -> str | None:
    tag = _member(value, "type")
    return tag if isinstance(tag, str) else None


def _broken(path: str, thing: str, rule: str) -> Deviation:
    return Deviation("broken_invariant", path, thing, rule)


def _not_json(text: str, path: str, thing: str) -> Deviation:
    shape = text if text == "[DONE]" else "text" if text else "empty"
    return Deviation("not_json", path, thing, shape)


def _under(head: str, found: Deviation) -> Deviation:
    return replace(found, path=join(head, found.path))
