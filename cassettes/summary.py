"""What an exchange says: the request's members, the final response, usage, times, errors.

One reading for all who tell about exchanges (`show`, `tail`, ingest), so that they never disagree.
Nothing is made up: what the traffic did not say is None. Raw slices keep the sender's own JSON.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from cassettes.exchange import Exchange, Piece
from wire.events import RESPONSES
from wire.slices import NOT_JSON, Span, items, members
from wire.sse import Event, parse
from wire.vocabulary import UNFINISHED

Json = Any  # any JSON value: what servers send is known only after looking


def load_json(text: bytes | str) -> Json:
    """Parse JSON, also what strict parsers refuse; None for what is not JSON."""
    return _load(text)[0]


def _load(text: bytes | str) -> tuple[Json, bool]:
    """Parse JSON as `load_json`; whether a strict parser would do, too."""
    try:
        return msgspec.json.decode(text), True
    except (*NOT_JSON, msgspec.ValidationError):
        try:
            return json.loads(text), False
        except (ValueError, RecursionError):
            return None, False


def strict_members(text: bytes) -> tuple[bytes, dict[str, Span] | None]:
    """An object's text and where its members stand; None for the latter where it is no object.

    The text is the sender's own. What only lenient parsers read (NaN, a byte order mark, a member
    that is named twice) is copied so that strict ones read the same: numbers that are none become
    null, and the last of two members counts.
    """
    spans = members(text)
    if spans is None and isinstance(load_json(text), dict):
        text = _strict_copy(text)
        spans = members(text)
    return text, spans


def _strict_copy(text: bytes) -> bytes:
    try:
        value = json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
        try:
            return json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # a lone surrogate
            return json.dumps(value).encode()
    except (ValueError, RecursionError):  # thousands of digits, or of levels
        return text


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server reported them; None where it said nothing or no whole number."""

    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    total_tokens: int | None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a stream that carried data: its type, arrival in ms, and size in bytes."""

    t_ms: float | None
    name: str | None
    type: str
    data: str
    size: int
    binary: bool = False
    """Whether it came as a WebSocket message that is no text message."""


@dataclass(slots=True)
class Summary:
    """What one exchange says."""

    request: dict[str, Json] = field(default_factory=dict)
    """The request's JSON; empty if it had none."""
    is_foreign: bool = False
    """Whether it is other traffic, whose members of the same names mean something else."""
    response: dict[str, Json] | None = None
    """The final response or compaction object, or an error's body."""
    output: list[bytes] = field(default_factory=list)
    """Raw JSON of the output items."""
    lenient: set[Literal["response", "event"]] = field(default_factory=set)
    """What of the answer only lenient parsers read: the body, or any of the events."""
    events: list[StreamEvent] = field(default_factory=list)
    usage: Usage | None = None
    error_code: str | None = None
    error_message: str | None = None
    first_event_ms: float | None = None
    """From the whole request to the first event of a stream."""
    first_token_ms: float | None = None
    """From the whole request to the first event that carries output (`*.delta`)."""

    @property
    def model(self) -> str | None:
        """The model that answered, else the one that was asked for."""
        return _text(self.response, "model") or _text(self.request, "model")

    @property
    def requested_model(self) -> str | None:
        """The model that was asked for."""
        return _text(self.request, "model")

    @property
    def response_id(self) -> str | None:
        """The id of the response."""
        return self._of_response("id")

    @property
    def status(self) -> str | None:
        """The response's own status: `completed`, `incomplete`, `failed`, ..."""
        return self._of_response("status")

    def _of_response(self, name: str) -> str | None:
        return None if self.is_foreign else _text(self.response, name)

    @property
    def incomplete_reason(self) -> str | None:
        """Why a response with the status `incomplete` ended."""
        details = (self.response or {}).get("incomplete_details")
        return _text(details, "reason") if isinstance(details, Mapping) else None


def summarise(exchange: Exchange) -> Summary:
    """Read an exchange; never fails, whatever the traffic was."""
    request = load_json(exchange.request.body) if exchange.request.body else None
    summary = Summary(
        request=request if isinstance(request, dict) else {}, is_foreign=exchange.route is None
    )
    if exchange.streamed:
        _read_stream(exchange, summary)
    else:
        _read_body(exchange.body, summary)
    _read_error(exchange, summary)
    if not summary.is_foreign:
        summary.usage = _final_usage(summary)
    return summary


def _final_usage(summary: Summary) -> Usage | None:
    """What was used: while a response is being made, zeros or an empty object may stand for it."""
    usage = (summary.response or {}).get("usage")
    if not isinstance(usage, dict) or not usage or summary.status in UNFINISHED:
        return None
    return read_usage(usage)


def _read_body(body: bytes, summary: Summary) -> None:
    value = load_json(body) if body else None
    if isinstance(value, dict):
        summary.response = value
        if not summary.is_foreign:
            summary.output, is_strict = _member_items(body, "output")
            if not is_strict:
                summary.lenient.add("response")


def _read_stream(exchange: Exchange, summary: Summary) -> None:
    final: bytes | None = None
    done: list[bytes] = []
    for piece in exchange.events():
        event = _event(exchange, piece)
        if event.data is None:
            continue
        value, is_strict = _load(event.data)
        found = value if isinstance(value, dict) else {}
        kind = _text(found, "type") or event.event or ""
        data = event.data.encode()
        if found and not is_strict and members(data) is None:
            summary.lenient.add("event")
        summary.events.append(
            StreamEvent(piece.t, event.event, kind, event.data, len(piece.data), piece.binary)
        )
        if summary.first_event_ms is None:
            summary.first_event_ms = piece.t
        if summary.first_token_ms is None and kind.endswith(".delta"):
            summary.first_token_ms = piece.t
        if kind in RESPONSES and isinstance(found.get("response"), dict):
            summary.response, final = found["response"], data
        elif kind == "response.output_item.done":
            text, spans = strict_members(data)
            if text is not data:
                summary.lenient.add("event")
            if spans and "item" in spans:
                done.append(spans["item"].of(text))
        elif kind == "error":
            summary.error_code, summary.error_message = _error_of(found)
    if final:
        text, spans = strict_members(final)
        is_strict = False
        if spans and "response" in spans:
            summary.output, is_strict = _member_items(spans["response"].of(text), "output")
        if text is not final or not is_strict:
            summary.lenient.add("event")
    # A stream that broke off, or a server whose last event leaves the output out.
    summary.output = summary.output or done


def _event(exchange: Exchange, piece: Piece) -> Event:
    """A block of a stream, or a WebSocket message, which is the data of one."""
    if exchange.transport == "websocket":
        return Event(data=piece.data.decode(errors="replace"))
    return parse(piece.data)


def _member_items(own: bytes, name: str) -> tuple[list[bytes], bool]:
    """The items of a member that is a list; whether strict parsers read them as they came."""
    text, spans = strict_members(own)
    found = items(text, spans[name]) if spans and name in spans else None
    return [item.of(text) for item in found or ()], text is own


def _read_error(exchange: Exchange, summary: Summary) -> None:
    if summary.error_message is not None:
        return
    response = summary.response or {}
    if response.get("error") is not None:
        summary.error_code, summary.error_message = _error_of(response)
    elif exchange.status is not None and exchange.status >= 400:
        body = exchange.body.decode(errors="replace").strip()
        message = response.get("message") or response.get("detail")
        summary.error_message = message if isinstance(message, str) else body or None


def _error_of(holder: Mapping[str, Json]) -> tuple[str | None, str | None]:
    """Code and message of an error: nested, flat, or a bare string, as servers have them."""
    error = holder.get("error", holder)
    if not isinstance(error, Mapping):
        return None, str(error)
    code = error.get("code") or error.get("type")
    message = error.get("message")
    return (
        str(code) if code is not None else None,
        message if isinstance(message, str) else json.dumps(error, ensure_ascii=False, default=str),
    )


def read_usage(usage: Mapping[str, Json]) -> Usage:
    """The token counts of a usage object (API reference: the response object, `usage`)."""
    given = usage.get("input_tokens_details")
    made = usage.get("output_tokens_details")
    given = given if isinstance(given, Mapping) else {}
    made = made if isinstance(made, Mapping) else {}
    return Usage(
        input_tokens=_count(usage.get("input_tokens")),
        cached_tokens=_count(given.get("cached_tokens")),
        output_tokens=_count(usage.get("output_tokens")),
        reasoning_tokens=_count(made.get("reasoning_tokens")),
        total_tokens=_count(usage.get("total_tokens")),
        cache_write_tokens=_count(given.get("cache_write_tokens")),
    )


def _count(value: Json) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 1 << 63 else None


def _text(holder: Mapping[str, Json] | None, name: str) -> str | None:
    value = (holder or {}).get(name)
    return value if isinstance(value, str) and value else None
