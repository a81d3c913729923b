"""Requests in parts: each distinct item, tool definition and instruction text is written once.

`Shelf` takes a request's body apart for the writer; `entries` and `restore` put it together again,
byte for byte. An agent resends its whole history at every turn, so a list that begins with the
whole list of an earlier exchange says `^<number>` for that part: a session's file grows with what
each turn adds, and not with what it repeats.
"""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from cassettes.format import Item, Request
from cassettes.payload import Payload, dress, pack
from cassettes.refs import Refs
from wire.canonical import chain
from wire.slices import Span, is_json, items, json_members, members

LISTS = ("input", "tools")
"""Members of a request that are lists of objects, taken apart item by item."""
KEPT_BY_SERVER = ("previous_response_id", "conversation")
"""Members that name a conversation to which the input is added (API reference: create)."""
TEXTS = ("instructions",)
"""Members of a request that are kept apart as a whole."""

MOST_INPUTS = 50_000
"""Inputs that are remembered of the earlier files of a capture; some 10 MB."""

_SEPARATOR = re.compile(rb",[ ]?\Z")


class Apart(NamedTuple):
    """A request taken apart: item lines that are new, and what its own line says beside them.

    `follows` is an exchange of an earlier file of the capture with whose whole input this input
    begins, and how many items that has.
    """

    items: list[Item]
    payload: Payload
    refs: dict[str, str]
    follows: tuple[int, int] | None = None


class Inputs:
    """The last exchange with each input, over all files of a capture; the oldest are forgotten."""

    def __init__(self, most: int = MOST_INPUTS) -> None:
        self._most = most
        self._last: dict[bytes, int] = {}

    def note(self, link: bytes, x: int) -> None:
        """Exchange `x` has the input whose last link this is."""
        self._last.pop(link, None)  # so that it is the newest
        self._last[link] = x
        if len(self._last) > self._most:
            del self._last[next(iter(self._last))]

    def beginning(self, links: list[bytes], longer_than: int) -> tuple[int, int] | None:
        """The exchange whose input is the longest beginning of this one, and its length."""
        for length in range(len(links), longer_than, -1):
            if (x := self._last.get(links[length - 1])) is not None:
                return x, length
        return None


class Shelf:
    """What a cassette already holds: items by ref, and lists by the digest of their refs."""

    def __init__(self, inputs: Inputs | None = None, refs: Refs | None = None) -> None:
        """`inputs` and `refs` are given where the file is one of several of a capture."""
        self.known: set[str] = set()
        self.inputs = inputs
        self._lists: dict[tuple[str, bytes], int] = {}
        self.refs = refs or Refs()

    def remember(self, x: int, lists: Mapping[str, list[str]], *, is_here: bool = True) -> None:
        """Note the lists of exchange `x`, so that later ones can build on them.

        One that is not here, but in an earlier file of the capture, is what they may go on from.
        """
        for name, refs in lists.items():
            if name in LISTS and refs and is_here:
                self._note(x, name, _links(refs))
            elif name == "input" and refs and self.inputs is not None:
                self.inputs.note(_links(refs)[-1], x)

    def _note(self, x: int, name: str, links: list[bytes]) -> None:
        self._lists[name, links[-1]] = x
        if name == "input" and self.inputs is not None:
            self.inputs.note(links[-1], x)

    def take_apart(self, x: int, body: bytes) -> Apart:
        """Take the body of the request of exchange `x` apart."""
        spans = json_members(body)
        payload = pack(body, sound=spans is not None)
        if payload.json is UNSET and payload.text is UNSET:
            return Apart([], payload, {})
        sound = payload.json is not UNSET  # and so each part of it, on one line as it is
        compact = body
        if payload.json is not UNSET and payload.indent is not UNSET:
            compact = bytes(payload.json)
        elif payload.after is not UNSET:
            compact = body[: len(body) - len(payload.after)]
        if spans is None or payload.indent is not UNSET:
            spans = members(compact) or {}
        new: dict[str, Item] = {}
        refs: dict[str, str] = {}
        parts: list[tuple[Span, bytes]] = []
        lists: dict[str, list[bytes]] = {}
        follows = None
        for name, span in spans.items():
            if name in LISTS and (cut := _cut(compact, span)):
                separator, slices = cut
                found = [self._shelve(text, new, sound) for text in slices]
                lists[name] = links = _links(found)
                earlier, length = self._beginning(name, links)
                shorthand = [*earlier, *("@" + ref for ref in found[length:])]
                parts.append((span, b"[" + separator.join(map(_quote, shorthand)) + b"]"))
                refs[name] = separator.decode()
                if name == "input" and self.inputs is not None and not _kept(spans, compact):
                    follows = self._elsewhere(self.inputs, links, length)
            elif name in TEXTS and compact[span.start : span.start + 1] == b'"':
                parts.append((span, _quote("@" + self._shelve(span.of(compact), new, sound))))
                refs[name] = ""
        if not refs:
            return Apart([], payload, {})
        skeleton = _replace(compact, parts)
        line = Payload(json=Raw(skeleton), indent=payload.indent, after=payload.after)
        if payload.json is UNSET:  # was only an item beyond strict JSON, or more than that?
            line = pack(skeleton)
            if line.json is UNSET or line.indent is not UNSET:
                return Apart([], payload, {})
        self.known.update(new)
        for name, links in lists.items():
            self._note(x, name, links)
        return Apart(list(new.values()), line, refs, follows)

    def _shelve(self, text: bytes, new: dict[str, Item], sound: bool) -> str:
        ref = self.refs.of(text)
        if ref not in self.known and ref not in new:
            sound = sound or (text[:1] == b'"' and is_json(text))
            whole = Payload(json=Raw(text)) if sound else pack(text)
            new[ref] = Item(ref=ref, **whole.members())
        return ref

    def _elsewhere(self, inputs: Inputs, links: list[bytes], length: int) -> tuple[int, int] | None:
        """What this input goes on from, where that stands in another file; as `Inputs.beginning`.

        `length` is what the file itself has of it: of as much elsewhere the last exchange counts.
        """
        found = inputs.beginning(links, max(length - 1, 0))
        if found and self._lists.get(("input", links[found[1] - 1])) == found[0]:
            return None
        return found

    def _beginning(self, name: str, links: list[bytes]) -> tuple[list[str], int]:
        """The longest earlier list of the file that this one begins with, and its length."""
        for length in range(len(links), 0, -1):
            earlier = self._lists.get((name, links[length - 1]))
            if earlier is not None:
                return [f"^{earlier}"], length
        return [], 0


def _kept(spans: Mapping[str, Span], text: bytes) -> bool:
    """Whether the server keeps the conversation: the input is new then, even if it was said."""
    return any(name in spans and spans[name].of(text) != b"null" for name in KEPT_BY_SERVER)


def _links(refs: list[str]) -> list[bytes]:
    return chain(ref.encode() for ref in refs)


def _cut(text: bytes, span: Span) -> tuple[bytes, list[bytes]] | None:
    """Separator and slices of a list of objects that is written in one even style."""
    found = items(text, span)
    if not found or any(text[item.start : item.start + 1] != b"{" for item in found):
        return None
    separator = text[found[0].end : found[1].start] if len(found) > 1 else b","
    if not _SEPARATOR.fullmatch(separator):
        return None
    starts = [span.start + 1, *(item.end + len(separator) for item in found)]
    ends = [*(item.start for item in found), span.end - 1 + len(separator)]
    between = {text[item.end : after.start] for item, after in pairwise(found)}
    if starts != ends or not between <= {separator}:
        return None
    return separator, [item.of(text) for item in found]


def _quote(text: str) -> bytes:
    return b'"' + text.encode() + b'"'


def _replace(text: bytes, parts: list[tuple[Span, bytes]]) -> bytes:
    """`text` with each span replaced; spans are in order."""
    out, at = [], 0
    for span, new in parts:
        out += [text[at : span.start], new]
        at = span.end
    return b"".join([*out, text[at:]])


_strings = msgspec.json.Decoder(list[str])


def entries(
    line: Request, earlier: Callable[[int], Mapping[str, list[str]]]
) -> dict[str, list[str]]:
    """The refs that each member in the line's `refs` stands for, in order.

    `earlier` answers with the entries of an exchange that came before. Raises ValueError where the
    line contradicts itself and KeyError where it builds on what is not there.
    """
    if line.refs is UNSET:
        return {}
    spans, text = _skeleton(line)
    found: dict[str, list[str]] = {}
    for name, separator in line.refs.items():
        if name not in spans:
            raise ValueError(f"its refs name {name!r}, which its json does not have")
        value = spans[name].of(text)
        names = _strings.decode(value if separator else b"[" + value + b"]")
        found[name] = refs = []
        for entry in names:
            if entry.startswith("^"):
                refs += earlier(int(entry[1:]))[name]
            elif entry.startswith("@"):
                refs.append(entry[1:])
            else:
                raise ValueError(f"{entry!r} in {name!r} is neither @ref nor ^number")
    return found


def builds_on(line: Request) -> int | None:
    """The exchange whose whole input this request's input begins with, as the writer found it.

    None where the server keeps the conversation: the input is new then, even if it was said before.
    """
    if line.refs is UNSET or "input" not in line.refs:
        return None
    spans, text = _skeleton(line)
    if _kept(spans, text):
        return None
    names = _strings.decode(spans["input"].of(text))
    return int(names[0][1:]) if names and names[0].startswith("^") else None


def _skeleton(line: Request) -> tuple[dict[str, Span], bytes]:
    if isinstance(line.json, UnsetType):
        raise ValueError("a request with refs has no json")
    text = bytes(line.json)
    spans = members(text)
    if spans is None:
        raise ValueError("a request's json is not an object")
    return spans, text


def restore(line: Request, found: Mapping[str, list[str]], item: Callable[[str], bytes]) -> bytes:
    """The exact body of a request with refs, given its `entries` and what gives a ref's text."""
    assert line.refs is not UNSET  # the caller unpacks lines without refs
    spans, text = _skeleton(line)
    parts = []
    for name, span in spans.items():
        if name in line.refs:
            separator = line.refs[name]
            texts = [item(ref) for ref in found[name]]
            value = b"[" + separator.encode().join(texts) + b"]" if separator else texts[0]
            parts.append((span, value))
    return dress(_replace(text, parts), line)
