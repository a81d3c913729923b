"""The key of an exchange: one function for what was recorded and for what is asked.

Two requests have the same key if they ask the same thing: endpoint, query and the canonical JSON
of the body without its volatile parts. Placeholders of secrets stand for any value. How the answer
travels is a part of its own, because a stream does not answer a client that expects JSON.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from cassettes.exchange import RequestPart, Transport, route_of
from cassettes.items import LISTS
from cassettes.redaction import without_placeholders
from wire.canonical import canonical, digest
from wire.endpoints import WEBSOCKET
from wire.slices import items, members
from wire.volatile import IMPLIED, LEFT_OUT

_BOUNDARY = re.compile(r'multipart/[^;]+;.*\bboundary="?([^";]+)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """What two requests must have in common for one to get the other's answer."""

    resource: str
    """The endpoint, with the id of a response; of other traffic method and path under the base."""
    query: tuple[tuple[str, str], ...]
    digest: bytes
    transport: Transport


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A request's body in digests: of each member, and of each item of its lists."""

    members: Mapping[str, bytes]
    lists: Mapping[str, tuple[bytes, ...]]
    stream: bool

    def digest(self) -> bytes:
        """One digest of all that takes part in matching."""
        parts = [
            part
            for name in sorted(self.members)
            if name not in LEFT_OUT
            for part in (name.encode(), self.members[name])
        ]
        return digest(*parts)


def item_digest(text: bytes) -> bytes:
    """The digest of one item of a list, or of one member."""
    return digest(canonical(without_placeholders(text)))


def fingerprint(
    body: bytes,
    of_item: Callable[[bytes], bytes] = item_digest,
    parts: Mapping[str, tuple[bytes, ...]] | None = None,
) -> Fingerprint:
    """The fingerprint of a body; one that is no JSON object counts as a single member.

    `parts` are digests of what stands in place of members that were taken apart: of each item of a
    list, or of a text.
    """
    parts = parts or {}
    spans = members(body)
    if spans is None:
        return Fingerprint({"": digest(without_placeholders(body))}, {}, stream=False)
    lists: dict[str, tuple[bytes, ...]] = {}
    found: dict[str, bytes] = {}
    for name, span in spans.items():
        if span.of(body) == IMPLIED.get(name):
            continue
        digests = parts.get(name)
        if digests is None and name in LISTS:
            cut = items(body, span)
            digests = None if cut is None else tuple(of_item(item.of(body)) for item in cut)
        if digests is None:
            found[name] = item_digest(span.of(body))
        elif name in LISTS:
            lists[name] = digests
            found[name] = digest(b"list", *digests)
        else:
            found[name] = digests[0]
    return Fingerprint(found, lists, _is_true(body, spans.get("stream")))


def _is_true(body: bytes, span: tuple[int, int] | None) -> bool:
    return span is not None and body[span[0] : span[1]] == b"true"


def request_key(request: RequestPart, print_: Fingerprint, base: str = "") -> Key:
    """The key of a request to a server at the base path `base`; its body has `print_`."""
    path = without_placeholders(request.path.encode("utf-8", "surrogateescape"))
    target, _, query = path.decode("utf-8", "surrogateescape").partition("?")
    route = route_of(request)
    transport: Transport = "sse" if print_.stream else "json"
    return Key(
        resource=route.resource if route else f"{request.method} {target.removeprefix(base)}",
        query=tuple(sorted(parse_qsl(query, keep_blank_values=True))),
        digest=print_.digest(),
        transport="websocket" if request.method == WEBSOCKET else transport,
    )


def comparable_body(request: RequestPart) -> bytes:
    """The body without the boundary of a form, which clients draw by lot for each request."""
    kind = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    found = _BOUNDARY.match(kind)
    return request.body.replace(found[1].encode(), b"boundary") if found else request.body
