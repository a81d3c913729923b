"""What is in an item to read: its text, and the sizes of what is not text.

Text is what a person would search for. Media and encrypted contents never are part of it; they are
counted, in the characters that travelled.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cassettes.summary import Json, load_json
from wire.items import ARGV, CALLS, ItemType, item_type, part_type, tool_type, type_of

_DATA_URL = r"data:[\w.+-]++/[\w.+-]++(?:;(?!base64,)[^;,:\s]++)*+;base64,[A-Za-z0-9+/=_-]*+"
_RUN = r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{4096,}+={0,2}+"
_LONG = 4096
_MEDIA = re.compile(rf"{_DATA_URL}|{_RUN}")
"""What can be media within a text. No place is looked at twice, which would take minutes."""
_ALL_MEDIA = re.compile(rf"{_DATA_URL}|[A-Za-z0-9+/_-]{{1024,}}+={{0,2}}+")
"""A string that can be media as a whole."""
_LETTERS = [re.compile(letters) for letters in ("[A-Z]", "[a-z]", "[0-9]")]
"""What any media has in base64; hexadecimal digits, sequences of DNA and paths lack some."""
_URL = ("http://", "https://")
_DEEPEST = 20
"""Levels of nesting that are read: no known item has more than six."""


@dataclass(slots=True)
class Contents:
    """Texts in their order, and bytes of media and of encrypted contents as they travelled."""

    texts: list[str] = field(default_factory=list)
    media: int = 0
    encrypted: int = 0

    @property
    def text(self) -> str | None:
        """All texts, one below the other."""
        return "\n".join(self.texts) or None

    @property
    def output(self) -> str | None:
        """The text, or the size of the media that stands in its place."""
        return self.text or (media_note(self.media) if self.media else None)

    def read(self, value: Json, depth: int = 0) -> None:
        """Add what a member's value has to say: a string, a part, or a list of those."""
        if isinstance(value, str):
            self._read_string(value)
        elif depth > _DEEPEST:
            return
        elif isinstance(value, list):
            for each in value:
                self.read(each, depth + 1)
        elif isinstance(value, dict):
            self._read_part(value, depth)

    def read_output(self, value: Json) -> None:
        """Add what came of a call: as `read`, and as JSON what is no string, list or part."""
        before = len(self.texts), self.media, self.encrypted
        self.read(value)
        other = isinstance(value, bool | int | float) or (
            isinstance(value, dict) and not isinstance(value.get("type"), str)
        )
        if other and before == (len(self.texts), self.media, self.encrypted):
            self._read_string(as_text(value) or "")

    def read_media(self, value: Json) -> None:
        """Add a member that is media: base64, a URL, or an object that holds `data`."""
        if isinstance(value, Mapping):
            value = value.get("data") or value.get("url")
        if not isinstance(value, str) or not value:
            return
        if value.startswith(_URL):
            self.texts.append(value)
        else:
            self.media += len(value)

    def read_encrypted(self, value: Json) -> None:
        """Add a member that is encrypted, or would be if the server encrypted at all."""
        if isinstance(value, str):
            self.encrypted += len(value)

    def _read_string(self, value: str) -> None:
        if not value:
            return
        if _ALL_MEDIA.fullmatch(value) and _is_media(value):
            self.media += len(value)
        elif ";base64," in value or len(value) >= _LONG:
            self.texts.append(_MEDIA.sub(self._stand_in, value))
        else:
            self.texts.append(value)

    def _stand_in(self, found: re.Match[str]) -> str:
        if not _is_media(found[0]):
            return found[0]
        self.media += len(found[0])
        return media_note(len(found[0]))

    def _read_part(self, part: dict[str, Json], depth: int) -> None:
        known = part_type(part.get("type"))
        before = self.texts
        told: list[list[str]] = []
        for name in known.text:
            value = part.get(name)
            if name in ARGV and isinstance(value, list):
                value = " ".join(word for word in value if isinstance(word, str))
            self.texts = []
            self.read(value, depth + 1)
            told.append(self.texts)
        self.texts = before + _once(told)
        for name in known.media:
            self.read_media(part.get(name))
        self.read_encrypted(part.get("encrypted_content"))


def contents(members: dict[str, Json], kind: ItemType) -> Contents:
    """What is in a whole item."""
    found = Contents()
    if kind.what == "approval_response" and isinstance(members.get("approve"), bool):
        found.texts.append("approved" if members["approve"] else "not approved")
    for name in kind.text:
        value = members.get(name)
        if name in kind.output:
            found.read_output(value)
        else:
            # Arguments have members of any names, which all may be looked for.
            found.read(as_text(value) if name == "arguments" else value)
    if kind.tools:
        found.texts += _tool_names(members.get(kind.tools))
    for name in kind.media:
        found.read_media(members.get(name))
    found.read_encrypted(members.get("encrypted_content"))
    return found


def output(members: dict[str, Json], kind: ItemType) -> str | None:
    """What came of a call, where the call carries it itself; of media its size."""
    found = Contents()
    for name in kind.output:
        if name in kind.media:
            found.read_media(members.get(name))
        else:
            found.read_output(members.get(name))
    return found.output


def told_output(text: str | bytes) -> str | None:
    """What came of a call, as the item with this JSON tells it; nothing of what is no call."""
    members = load_json(text)
    if not isinstance(members, dict):
        return None
    kind = item_type(type_of(members))
    told = output(members, kind) if kind.what in CALLS else None
    return told and told.encode(errors="replace").decode()  # as `tables.insert` has it


def error(members: dict[str, Json], kind: ItemType) -> str | None:
    """What went wrong, as far as the item itself says: its error, or how its commands ended."""
    told = members.get(kind.error) if kind.error else None
    if told or kind.what != "output":
        return as_text(told) if told else None
    value = members.get("output")
    parts = value if isinstance(value, list) else []
    return ", ".join(filter(None, map(_ending, parts))) or None


def as_text(value: Json) -> str | None:
    """A string as it is, anything else as JSON, nothing for null."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def media_note(size: int) -> str:
    """What stands for media in a text."""
    return f"[{size} bytes of media]"


def tool_name(tool: dict[str, Json]) -> str | None:
    """The name of a tool definition; its type, where tools of its type have none."""
    kind = tool.get("type")
    member = tool_type(kind if isinstance(kind, str) else None).name
    name = tool.get(member) if member else None
    return next((each for each in (name, kind) if isinstance(each, str)), None)


def tools_in(tool: dict[str, Json]) -> list[dict[str, Json]]:
    """The tools that a definition groups under its own name."""
    kind = tool.get("type")
    member = tool_type(kind if isinstance(kind, str) else None).tools
    held = tool.get(member) if member else None
    return [each for each in held if isinstance(each, dict)] if isinstance(held, list) else []


def _is_media(text: str) -> bool:
    """Whether what looks like media is more than one long word."""
    return text.startswith("data:") or all(each.search(text) for each in _LETTERS)


def _once(told: list[list[str]]) -> list[str]:
    """The texts of a part's members, but for a member whose texts another one repeats.

    A search says its query both alone and in its list of queries.
    """
    told = [texts for texts in told if texts]
    if len(told) < 2:
        return told[0] if told else []
    ranks = [(-len(texts), n) for n, texts in enumerate(told)]
    return [
        text
        for mine, texts in zip(ranks, told, strict=True)
        if not any(
            other < mine and set(texts) <= set(others)
            for other, others in zip(ranks, told, strict=True)
        )
        for text in texts
    ]


def _tool_names(tools: Json) -> Iterable[str]:
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            yield from filter(None, map(tool_name, [tool, *tools_in(tool)]))


def _ending(part: Json) -> str | None:
    """How a shell's command ended, if not well (API reference: `shell_call_output`, `outcome`)."""
    outcome = part.get("outcome") if isinstance(part, dict) else None
    if not isinstance(outcome, dict):
        return None
    if outcome.get("type") == "timeout":
        return "timeout"
    code = outcome.get("exit_code")
    return f"exit code {code}" if isinstance(code, int) and code != 0 else None
