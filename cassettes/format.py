"""The lines of a cassette, format version 1: one JSON object for each thing that happened.

The file is described for its readers in docs/cassette-format.md; this module is that page as
types. Every line names its `kind` first. A reader skips kinds that it does not know; a version
above its own is an error.
"""

from collections.abc import Buffer
from typing import Any, Literal, get_args

import msgspec
from msgspec import UNSET, UnsetType

from cassettes.payload import MEMBERS as PAYLOAD_MEMBERS
from cassettes.payload import Payload

VERSION = 1

Headers = list[tuple[str, str]]
Side = Literal["client", "server"]


class _Of(Payload, omit_defaults=True, kw_only=True):
    """What lines of an exchange share: its number, and ms since its request had arrived whole."""

    x: int
    t: float | UnsetType = UNSET


class Header(msgspec.Struct, tag_field="kind", tag="cassette", omit_defaults=True, kw_only=True):
    """The first line. `id` is the cassette's own UUID; `revision` counts the rewritings.

    The files of a rotated capture share `id` and `salt`; `part` is the place of this one, `first`
    its lowest number, and `last`, once it is closed, its highest.
    """

    version: int
    id: str
    salt: str
    base: str
    upstream: str
    generator: str
    created: str
    revision: int = 0
    part: int = 0
    first: int = 0
    last: int = 0


class Session(msgspec.Struct, tag_field="kind", tag="session", omit_defaults=True, kw_only=True):
    """A later recorder went on with the file: what was in flight before this line is over."""

    generator: str
    at: str


class Torn(msgspec.Struct, tag_field="kind", tag="torn", omit_defaults=True, kw_only=True):
    """The line before this one was cut off by a crash and counts for nothing."""


class Item(Payload, tag_field="kind", tag="item", kw_only=True):
    """One distinct part of requests; `ref` is the digest of its text."""

    ref: str


class Request(Payload, tag_field="kind", tag="request", kw_only=True):
    """A request that began exchange `x`; `refs` names the members that were replaced by items.

    `upstream` is there where it is another one than the header's. A client's WebSocket message is
    a request too: `socket` names the exchange of its handshake, which has method, path and headers;
    `amid` the exchange that was being answered when it came, and how many messages of that answer
    had come; `binary` says that it was no text message. `follows` names an exchange of an earlier
    file of the capture, and how many items its input has, with which this one's begins.
    """

    x: int
    at: str | UnsetType = UNSET
    socket: int | UnsetType = UNSET
    amid: tuple[int, int] | UnsetType = UNSET
    method: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    upstream: str | UnsetType = UNSET
    headers: Headers | UnsetType = UNSET
    binary: bool | UnsetType = UNSET
    follows: tuple[int, int] | UnsetType = UNSET
    refs: dict[str, str] | UnsetType = UNSET


class Response(_Of, tag_field="kind", tag="response", kw_only=True):
    """The response's head; `encoding` is the content encoding that was undone for the lines."""

    status: int
    headers: Headers
    encoding: str | UnsetType = UNSET


class Event(_Of, tag_field="kind", tag="event", kw_only=True):
    """One block of an SSE stream; `frame` says how `json` is framed, `text` is the whole block."""

    frame: str | UnsetType = UNSET


class Body(_Of, tag_field="kind", tag="body", kw_only=True):
    """A whole body that is not a stream of events, or what there is of it."""


class Chunk(_Of, tag_field="kind", tag="chunk", kw_only=True):
    """A part of a body; the parts of an exchange, joined in order, are its body."""


class Message(_Of, tag_field="kind", tag="message", kw_only=True):
    """A WebSocket message of the server: a piece of what answers exchange `x`.

    In the exchange of a handshake stand those that belong to no request; `since` is then the last
    exchange that had begun on the connection, or the handshake's own. `amid` is as in a request.
    """

    amid: tuple[int, int] | UnsetType = UNSET
    since: int | UnsetType = UNSET
    binary: bool | UnsetType = UNSET


class Timing(msgspec.Struct, tag_field="kind", tag="timing", omit_defaults=True, kw_only=True):
    """In the calm form: when exchange `x` began, and the `t` of its other lines in order."""

    x: int
    at: str
    t: list[float | None]


class Close(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The frame that closed a WebSocket: its code (RFC 6455, section 7.4) and who sent it first."""

    code: int
    reason: str = ""
    by: Side


class End(msgspec.Struct, tag_field="kind", tag="end", omit_defaults=True, kw_only=True):
    """The exchange is over; `outcome` is `complete` or says who broke it off.

    `close` is there where it was a WebSocket that was closed by a frame.
    """

    x: int
    t: float | UnsetType = UNSET
    outcome: str
    close: Close | UnsetType = UNSET
    error: str | UnsetType = UNSET


AnyLine = (
    Header
    | Session
    | Torn
    | Item
    | Request
    | Response
    | Event
    | Body
    | Chunk
    | Message
    | Timing
    | End
)

OUTCOMES = {
    "complete": "the answer arrived whole",
    "truncated": "the answer ended in good order, but without its terminal event or amid its JSON",
    "client_gone": "the client closed the connection first",
    "upstream_gone": "the upstream broke the answer off",
    "upstream_unreachable": "no connection to the upstream, so no answer",
    "proxy_stopped": "respool was stopped while the exchange was in flight",
    "recorder_overrun": "the disk could not keep up; the client got its answer, the file did not",
    "incomplete": "no end was recorded: the exchange is in flight, or the recorder was killed",
}
"""Every outcome and what it means; `incomplete` stands in no file, readers conclude it."""

_OMITTED_WHEN_ZERO = frozenset({"revision", "part", "first", "last"})


def _order(line: type[msgspec.Struct]) -> tuple[str, ...]:
    names = line.__struct_fields__
    own = tuple(name for name in names if name not in PAYLOAD_MEMBERS)
    return own + tuple(name for name in PAYLOAD_MEMBERS if name in names)


_ORDER = {line: _order(line) for line in get_args(AnyLine)}
KINDS = frozenset(str(line.__struct_config__.tag) for line in _ORDER)

_LARGE = 16 << 10

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyLine)


def encode(line: AnyLine) -> bytes:
    """The line as bytes, its newline included: `kind` first, payload last."""
    return b"".join(pieces(line))


def pieces(line: AnyLine) -> list[Buffer]:
    """The same in pieces, so that what is large need not be copied."""
    config = line.__struct_config__
    members = {"kind": config.tag}
    large: list[Buffer] = []
    for name in _ORDER[type(line)]:
        value = getattr(line, name)
        if value is UNSET or (not value and name in _OMITTED_WHEN_ZERO):
            continue
        if name == "json" and memoryview(value).nbytes > _LARGE:
            large = [_encoder.encode(members)[:-1] + b',"json":', value]
            members = {}
        else:
            members[name] = value
    if not large:
        return [_encoder.encode(members) + b"\n"]
    after = b"," + _encoder.encode(members)[1:] if members else b"}"
    return [*large, after + b"\n"]


def decode(raw: bytes) -> Any:  # one of AnyLine; callers narrow by kind
    """Read a line; raises msgspec.DecodeError (or its child ValidationError) if it is damaged."""
    return _decoder.decode(raw)
