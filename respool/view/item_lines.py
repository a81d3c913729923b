"""What an item says, for people: who speaks, what it is about, and its text.

Items of every type the API has ever had or will have come through here, so nothing is relied upon:
a type that is not known is shown as compact JSON, and what is no object as what it is. Encrypted
contents are named with their size and never printed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cassettes.summary import load_json
from respool.view.facts import kind_of
from respool.view.readable import abridged, dumps, media, readable, weight
from wire.items import CALLS, item_type

Json = Any  # any JSON value: what clients and servers send is known only after looking

type Role = Literal["user", "text", "thought", "call", "output", "refusal", "other"]


@dataclass(frozen=True, slots=True)
class View:
    """An item as it is shown: `label name  note`, and `text` below; `brief` stands on one line."""

    role: Role
    label: str
    name: str = ""
    note: str = ""
    text: str = ""
    brief: str = ""

    @property
    def in_short(self) -> str:
        """The text as it stands behind the label where there is only one line."""
        return self.brief or self.text


def view(item: Json, names: Mapping[str, str] | None = None) -> View:
    """How an item is shown; `names` gives the tool's name for a `call_id`."""
    if not isinstance(item, dict):
        return View("other", "not an item", text=readable(item), brief=dumps(abridged(item)))
    kind = kind_of(item)
    if kind in _VIEWS:
        return _VIEWS[kind](item)
    if kind.endswith("_output"):
        return _output(item, names or {})
    return _generic(item)


def tool_names(items: Iterable[Json]) -> dict[str, str]:
    """The names of the tools that were called, by `call_id`."""
    return {
        _text(item, "call_id"): _name(item) or kind_of(item).removesuffix("_call")
        for item in items
        if item_type(kind_of(item)).what in CALLS and _text(item, "call_id")
    }


def content_text(content: Json) -> str:
    """The text of a message's content or a tool's output: a string, or parts of many types."""
    if isinstance(content, str):
        return media(content) or content
    if isinstance(content, list):
        return "\n".join(map(_part, content))
    return "" if content is None else _part(content)


def _part(part: Json) -> str:
    if not isinstance(part, dict):
        return part if isinstance(part, str) else readable(part)
    for name in ("text", "refusal", "transcript"):
        if isinstance(text := part.get(name), str):
            return text + _sources(part.get("annotations"))
    if "stdout" in part or "stderr" in part:
        streams = [_text(part, "stdout"), _text(part, "stderr")]
        ended = dumps(part["outcome"]) if "outcome" in part else ""
        return "\n".join(filter(None, [*(text.strip("\n") for text in streams), ended]))
    kind = str(part.get("type", "part"))
    what = kind.removeprefix("input_").removeprefix("output_").removeprefix("computer_")
    about = [_text(part, "filename")]
    for name in ("image_url", "file_url", "file_id", "file_data"):
        value = part.get(name)
        if isinstance(value, str) and value:
            about.append(str(abridged(value, name=name)).strip("[]"))
    known = " ".join(filter(None, about))
    return f"[{what} {known}]" if known else dumps(abridged(part))


def _sources(annotations: Json) -> str:
    urls = [
        _text(note, "url") or _text(note, "filename")
        for note in (annotations if isinstance(annotations, list) else ())
        if isinstance(note, dict)
    ]
    urls = [url for url in dict.fromkeys(urls) if url]
    return "\n[sources: " + ", ".join(urls) + "]" if urls else ""


_SHOWN: dict[str, Role] = {"user": "user", "assistant": "text"}


def _message(item: dict[str, Json]) -> View:
    role = _text(item, "role") or "message"
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    refused = any(isinstance(part, dict) and part.get("type") == "refusal" for part in parts)
    label, shown = role, _SHOWN.get(role, "other")
    if role == "assistant":
        label = shown = "refusal" if refused else "text"
    note = _notes(item, _text(item, "phase"))
    return View(shown, label, note=note, text=content_text(content))


def _reasoning(item: dict[str, Json]) -> View:
    parts = [
        content_text(part)
        for member in (item.get("summary"), item.get("content"))
        for part in (member if isinstance(member, list) else [member])
    ]
    text = "\n\n".join(filter(None, parts))
    encrypted = item.get("encrypted_content")
    sealed = f"{weight(encrypted)} encrypted" if isinstance(encrypted, str) and encrypted else ""
    return View("thought", "reasoning", note=_notes(item, sealed), text=text)


def _call(item: dict[str, Json]) -> View:
    given = item.get("arguments", item.get("input"))
    given = "" if given is None else given
    value = load_json(given) if isinstance(given, str) else given
    name = ".".join(
        filter(None, [_text(item, "server_label") or _text(item, "namespace"), _name(item)])
    )
    name = name or kind_of(item).removesuffix("_call")
    structured = isinstance(value, (dict, list))
    text = readable(value) if structured or not isinstance(given, str) else given
    brief = f"{name}({_arguments(value) if structured else ' '.join(text.split())})"
    for member in ("output", "error"):  # hosted calls carry what came of them
        if item.get(member) is not None:
            text += f"\n{member}: {content_text(item[member])}"
    return View("call", "call", name, _notes(item, _text(item, "call_id")), text, brief)


def _arguments(value: Json) -> str:
    if not isinstance(value, dict):
        return dumps(abridged(value))
    return ", ".join(f"{name}={dumps(abridged(entry))}" for name, entry in value.items())


def _output(item: dict[str, Json], names: Mapping[str, str]) -> View:
    ident = _text(item, "call_id")
    name = _name(item) or names.get(ident, "")
    given = item.get("output", item.get("result", item.get("tools")))
    value = load_json(given) if isinstance(given, str) and given[:1] in {"{", "["} else None
    if isinstance(value, (dict, list)):
        text, brief = readable(value), dumps(abridged(value))
    else:
        text, brief = content_text(given), ""
    label = "output" if kind_of(item) == "function_call_output" or name else kind_of(item)
    return View("output", label, name, _notes(item, ident), text, brief)


def _compaction(item: dict[str, Json]) -> View:
    encrypted = item.get("encrypted_content")
    text = f"[encrypted, {weight(encrypted)}]" if isinstance(encrypted, str) else ""
    if content := content_text(item.get("summary", item.get("content"))):
        text = f"{text}\n{content}".lstrip("\n")
    return View("other", kind_of(item), note=_notes(item), text=text)


def _doing(*members: str) -> Callable[[dict[str, Json]], View]:
    """A view of a hosted tool's call that shows these members, the first that has them."""

    def view_of(item: dict[str, Json]) -> View:
        shown = [
            str(abridged(value, name=name)) if isinstance(value, str) else readable(value)
            for name in members
            if (value := item.get(name)) not in (None, "", [], {})
        ]
        note = _notes(item, _text(item, "call_id"))
        text = "\n".join(shown)
        return View("call", kind_of(item), note=note, text=text or readable(_essentials(item)))

    return view_of


def _generic(item: dict[str, Json]) -> View:
    text = readable(_essentials(item))
    return View("other", kind_of(item) or "no type", note=_notes(item), text=text)


def _essentials(item: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in item.items() if name not in {"type", "status"}}


_VIEWS: dict[str, Callable[[dict[str, Json]], View]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _call,
    "custom_tool_call": _call,
    "mcp_call": _call,
    "mcp_approval_request": _call,
    "tool_search_call": _call,
    "compaction": _compaction,
    "compaction_summary": _compaction,
    "context_compaction": _compaction,
    "web_search_call": _doing("action"),
    "file_search_call": _doing("queries", "results"),
    "code_interpreter_call": _doing("code", "outputs"),
    "local_shell_call": _doing("action"),
    "shell_call": _doing("action"),
    "apply_patch_call": _doing("operation"),
    "computer_call": _doing("action", "actions"),
    "image_generation_call": _doing("revised_prompt", "result", "error"),
    "program": _doing("code"),
    "item_reference": _doing("id"),
}


def _notes(item: dict[str, Json], *more: str) -> str:
    status = _text(item, "status")
    return "  ".join(filter(None, [*more, status if status != "completed" else ""]))


def _name(item: dict[str, Json]) -> str:
    return _text(item, "name")


def _text(item: dict[str, Json], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""
