"""What deviates in an exchange, by the SDK's types and by the rules that types cannot say.

Annotates and never rejects: whatever the parts are, the answer is a list of findings. A finding is
equal for equal deviations of any exchange, so that one row can stand for all of them. Every event
is checked in full (3 to 20 µs each), not a sample: servers deviate in single events too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from wire.events import BETA, RESPONSES, STEER, TERMINAL
from wire.schema import Deviation, Kind, check
from wire.schema_deviations import join

type Where = Literal["request", "response", "event"]

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
    "steer": "response",
    "message": "response",
    "connect": None,
}


@dataclass(frozen=True, slots=True)
class ExchangeParts:
    """An exchange as parsed JSON; a string stands for text that is not JSON, bytes for no text.

    `endpoint` is a name of `wire.endpoints`. `response` is the body of an answer that is not a
    stream (Response, compaction, error body ...), else the `response` of the terminal event; None
    if there is neither. `events` are SSE event name (None where the line is missing, and over
    WebSocket) and data. `outcome` is one of `cassettes.format.OUTCOMES`. `beta` as in
    `wire.vocabulary.is_beta`. `lenient` names the parts that strict parsers would have refused.

    Over WebSocket, `request` is the client's message and `events` are the server's. There are three
    endpoints more: "steer" (the client's message is a `response.steer`), "message" (any other that
    is no `response.create`) and "connect" (the handshake, and messages that belong nowhere else).
    """

    endpoint: str
    request: object | None = None
    status: int | None = None
    response: object | None = None
    events: Sequence[tuple[str | None, object]] = ()
    streamed: bool = False
    websocket: bool = False
    beta: bool = False
    outcome: str = "complete"
    lenient: Collection[Where] = ()


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
    if parts.websocket and _tag(parts.request) in BETA and not parts.beta:
        parts = replace(parts, beta=True)  # only the beta has such a message
    found: list[tuple[Where, Deviation]] = []
    found += [("request", each) for each in _request(parts, seen_item)]
    found += [("response", each) for each in _response(parts)]
    if parts.streamed or parts.websocket:
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
    if isinstance(request, str | bytes):
        yield _not_json(request, "", kind)
        return
    if "request" in parts.lenient:
        yield _not_strict("", kind)
    items = _member(request, "input")
    steers = _tag(request) == STEER  # its items are of a narrower kind
    if isinstance(request, dict) and isinstance(items, list) and not steers:
        request = {**request, "input": []}
        for item in items:
            if seen_item is None or not seen_item(item):
                found = check("input_item", item, beta=parts.beta)
                yield from (_under("input[]", each) for each in found)
    yield from check(kind, request, beta=parts.beta)


def _response(parts: ExchangeParts) -> Iterator[Deviation]:
    response = parts.response
    refused = parts.status is not None and parts.status >= 400
    # Over WebSocket an error is an event; only the handshake can be answered with a body.
    failed = refused and (parts.endpoint == "connect" or not parts.websocket)
    kind = "error" if failed else _RESPONSES[parts.endpoint]
    if kind is None or response is None:
        return
    if isinstance(response, str | bytes):
        yield _not_json(response, "", kind)
    else:
        if "response" in parts.lenient:
            yield _not_strict("", kind)
        yield from check(kind, response, beta=parts.beta)
        yield from _usage(response)


def _events(parts: ExchangeParts) -> Iterator[tuple[Where, Deviation]]:
    kind: Kind = "websocket_event" if parts.websocket else "event"
    last = None
    whole = parts.endpoint != "connect"  # whose messages are what is left over of any streams
    may_begin = parts.endpoint in ("steer", "message")
    begun, ended = whole and not may_begin, False
    place = ("", kind) if parts.websocket else ("data", "stream")
    if "event" in parts.lenient:
        yield "event", _not_strict(*place)
    for name, data in parts.events:
        if isinstance(data, str | bytes):
            yield "event", _not_json(data, *place)
            continue
        tag = _tag(data)
        ended = ended or tag in TERMINAL
        if not parts.websocket and name is None:
            yield "event", Deviation("missing_field", "event", "stream", "missing")
        elif name is not None and name != tag:
            yield "event", _broken("event", "stream", "event name != data.type")
        if may_begin and tag == "response.created":  # a steer's successor counts from its own zero
            begun, ended, last = True, False, None
        number = _member(data, "sequence_number")
        if whole and isinstance(number, int):
            if last is not None and number <= last:
                yield "event", _broken("sequence_number", "stream", "not increasing")
            last = number
        yield from _event(kind, data, parts)
    if begun and not ended and parts.outcome in ("complete", "truncated"):
        yield "event", _broken("", "stream", "no terminal event")


def _event(kind: Kind, data: object, parts: ExchangeParts) -> Iterator[tuple[Where, Deviation]]:
    """Check an event, and the Response that it carries, if any, on its own and only once."""
    response = _member(data, "response")
    carries = _tag(data) in RESPONSES and isinstance(response, dict)
    if not isinstance(data, dict) or not carries:
        yield from (("event", each) for each in check(kind, data, beta=parts.beta))
        return
    envelope = {name: value for name, value in data.items() if name != "response"}
    found = check(kind, envelope, beta=parts.beta)
    yield from (("event", each) for each in found if each.path != "response")
    if response is not parts.response and response != parts.response:
        yield from (("response", each) for each in check("response", response, beta=parts.beta))
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


def _not_json(found: str | bytes, path: str, thing: str) -> Deviation:
    shape = "[DONE]" if found == "[DONE]" else "text" if found else "empty"
    return Deviation("not_json", path, thing, "binary" if isinstance(found, bytes) else shape)


def _not_strict(path: str, thing: str) -> Deviation:
    return Deviation("not_json", path, thing, "not strict JSON")


def _under(head: str, found: Deviation) -> Deviation:
    return replace(found, path=join(head, found.path))
