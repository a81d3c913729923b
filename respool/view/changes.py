"""What a request says beside its input: instructions, tools and settings.

They repeat at every turn, so that only what differs from the exchange before is worth reading.
"""

from collections.abc import Callable, Iterator
from typing import Any

from respool.view.facts import Reading
from respool.view.readable import abridged, dumps, readable
from respool.view.styled import Line

Json = Any  # any JSON value: what clients send is known only after looking

type Texts = Callable[[str, int, tuple[int, int]], Iterator[Line]]

_ELSEWHERE = frozenset(
    {"input", "instructions", "tools", "model", "stream", "type", "previous_response_id"}
)
_INSTRUCTIONS = (400, 6)
_CONTEXT = 40
"""Characters shown around a change."""
_ABSENT = object()


def changes(reading: Reading, kin: Reading | None, full: bool, texts: Texts) -> Iterator[Line]:
    """Instructions, tools and settings, shown only where they differ from those of `kin`."""
    request = reading.summary.request
    if kin is None or kin.endpoint != reading.endpoint:
        yield from _first(request, full, texts)
        return
    before, where = kin.summary.request, f"exchange {kin.number}"
    said, was = request.get("instructions"), before.get("instructions")
    tools = request.get("tools")
    if tools and tools == before.get("tools"):
        too = "; instructions too" if said == was and said is not None else ""
        yield Line(f"  tools: {_count(tools)}, as in {where}{too}", "faint")
    elif said == was and said is not None:
        yield Line(f"  instructions as in {where}", "faint")
    if said != was:
        yield Line("  instructions", "strong").add(f"  changed since {where}", "odd")
        for part in _difference(_text(was), _text(said)):
            yield from texts(part, 4, _INSTRUCTIONS)
    if tools != before.get("tools"):
        changed = ", ".join(_tool_changes(_by_name(before.get("tools")), _by_name(tools)))
        line = Line(f"  tools: {_count(tools)}", "strong")
        yield line.add(f"  changed since {where}: {changed}", "odd")
        if full and tools is not None:
            yield from texts(readable(tools), 4, _INSTRUCTIONS)
    yield from _changed_settings(request, before, where)


def _count(tools: Json) -> int:
    return len(tools) if isinstance(tools, list) else 0


def _first(request: dict[str, Json], full: bool, texts: Texts) -> Iterator[Line]:
    """All that a request says, where there is none to compare it with."""
    if (said := request.get("instructions")) is not None:
        yield Line("  instructions", "strong")
        yield from texts(_text(said), 4, _INSTRUCTIONS)
    if (tools := request.get("tools")) is not None:
        names = _by_name(tools)
        yield Line(f"  tools: {len(names)}", "strong").add(f"  {', '.join(names)}")
        if full:
            yield from texts(readable(tools), 4, _INSTRUCTIONS)
    settings = [f"{name}={_value(request, name)}" for name in request if name not in _ELSEWHERE]
    if settings:
        yield Line("  settings", "strong")
        yield from texts("  ".join(settings), 4, _INSTRUCTIONS)


def _text(instructions: Json) -> str:
    if instructions is None:
        return ""
    return instructions if isinstance(instructions, str) else readable(instructions)


def _difference(before: str, now: str) -> Iterator[str]:
    """The part in which two texts differ, with a few words around it, old and new."""
    start = _alike(before, now)
    end = _alike(before[start:][::-1], now[start:][::-1])
    left = max(0, start - _CONTEXT)

    def part(text: str) -> str:
        right = min(len(text), len(text) - end + _CONTEXT)
        return "…" * (left > 0) + text[left:right] + "…" * (right < len(text))

    for sign, text in (("-", before), ("+", now)):
        if text:
            yield f"{sign} " + part(text).replace("\n", "\n  ")


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _by_name(tools: Json) -> dict[str, Json]:
    named: dict[str, Json] = {}
    for tool in tools if isinstance(tools, list) else ():
        name = _tool_name(tool)
        named[name if name not in named else f"{name} (again)"] = tool
    return named


def _tool_name(tool: Json) -> str:
    if not isinstance(tool, dict):
        return dumps(abridged(tool))
    kind, name = tool.get("type"), tool.get("name") or tool.get("server_label")
    if not isinstance(name, str):
        return str(kind)
    return name if kind in {"function", "custom"} else f"{kind} {name}"


def _tool_changes(before: dict[str, Json], now: dict[str, Json]) -> Iterator[str]:
    yield from (f"+ {name}" for name in now if name not in before)
    yield from (f"- {name}" for name in before if name not in now)
    both = [name for name in now if name in before]
    yield from (f"{name} redefined" for name in both if before[name] != now[name])
    if before.keys() == now.keys() and before == now:
        yield "the same in another form or order"


def _changed_settings(
    request: dict[str, Json], before: dict[str, Json], where: str
) -> Iterator[Line]:
    for name in [*request, *(name for name in before if name not in request)]:
        was, now = before.get(name, _ABSENT), request.get(name, _ABSENT)
        if was != now and (name not in _ELSEWHERE or name == "model"):
            changed = f"  {_value(request, name)}  ({where}: {_value(before, name)})"
            yield Line(f"  {name}", "strong").add(changed, "odd")


def _value(request: dict[str, Json], name: str) -> str:
    return dumps(abridged(request[name], name=name)) if name in request else "not set"
