"""Why nothing recorded answers a request, in one or two sentences that say what to do.

The reason names the recorded request that comes nearest and the members in which it differs, or
that it was recorded for another transport, or that its answers were used up.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cassettes.exchange import Transport
from cassettes.matching import Fingerprint, Key
from wire.volatile import LEFT_OUT

_CODE = "respool_miss"
_AS: dict[Transport, str] = {"json": "JSON", "sse": "a stream", "websocket": "a WebSocket message"}


@dataclass(frozen=True, slots=True)
class Miss:
    """Why nothing recorded answers a request, in one or two sentences."""

    reason: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An exchange that might have answered."""

    number: int
    key: Key
    print_: Fingerprint


def explained(key: Key, asked: Fingerprint, recorded: Sequence[Recorded], path: Path) -> Miss:
    """Why none of what was `recorded` in the cassette at `path` answers a request."""
    return Miss(
        _used_up(key, recorded) or _turned(key, recorded) or _nearest(key, asked, recorded, path)
    )


def _used_up(key: Key, recorded: Sequence[Recorded]) -> str:
    same = [each.number for each in recorded if each.key == key]
    if not same:
        return ""
    times = "once" if len(same) == 1 else f"{len(same)} times"
    return (
        f"this request was recorded {times} ({_numbers(same)}) and all answers were used; "
        "restart the replay, or POST /__respool/reset to begin anew"
    )


def _turned(key: Key, recorded: Sequence[Recorded]) -> str:
    """Another transport: the same request was answered another way than the client asks for."""
    for transport in _AS:
        other = replace(key, transport=transport)
        turned = [each.number for each in recorded if each.key == other]
        if turned:
            return (
                f"this request was recorded as {_AS[transport]} ({_numbers(turned)}), and the "
                f"client asks for {_AS[key.transport]}; record it again that way"
            )
    return ""


def _nearest(key: Key, asked: Fingerprint, recorded: Sequence[Recorded], path: Path) -> str:
    alike = [each for each in recorded if each.key.resource == key.resource]
    if not alike and " " in key.resource:
        return (
            f"{key.resource} is not a Responses API request, and none like it was recorded; "
            "record with --record-all to have other traffic in the cassette too"
        )
    if not alike and key.resource == "connect":
        return "the cassette has no WebSocket connection; it was recorded over HTTP, or not at all"
    if not alike:
        return f"the cassette has no {key.resource} request; record one"
    nearest = max(alike, key=lambda each: _likeness(key, asked, each))
    return (
        f"no recorded {key.resource} request is like this one; the nearest is exchange "
        f"{nearest.number}, which differs in {_differences(asked, nearest.print_)}; "
        f"see it with `respool show {path} {nearest.number}`"
    )


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return f"exchange {shown}" if len(numbers) == 1 else f"exchanges {shown}"


def _common(one: tuple[bytes, ...], other: tuple[bytes, ...]) -> int:
    """How many items two lists share from their beginning."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _likeness(key: Key, asked: Fingerprint, each: Recorded) -> tuple[int, int, bool, int]:
    recorded = each.print_
    shared = _common(asked.lists.get("input", ()), recorded.lists.get("input", ()))
    apart = abs(len(asked.lists.get("input", ())) - len(recorded.lists.get("input", ())))
    equal = sum(
        recorded.members.get(name) == value
        for name, value in asked.members.items()
        if name not in LEFT_OUT
    )
    return shared, equal, each.key.transport == key.transport, -apart


def _differences(asked: Fingerprint, recorded: Fingerprint) -> str:
    if "" in asked.members or "" in recorded.members:
        return "the body"
    found = []
    for name in sorted((asked.members.keys() | recorded.members.keys()) - LEFT_OUT):
        one, other = asked.members.get(name), recorded.members.get(name)
        if one == other:
            continue
        if name in asked.lists and name in recorded.lists:
            at = _common(asked.lists[name], recorded.lists[name])
            sizes = len(asked.lists[name]), len(recorded.lists[name])
            found.append(f"{name}[{at}] ({sizes[0]} items asked, {sizes[1]} recorded)")
        elif other is None:
            found.append(f"{name} (not recorded)")
        elif one is None:
            found.append(f"{name} (only recorded)")
        else:
            found.append(name)
    return ", ".join(found) or "its query"


def miss_error(miss: Miss) -> dict[str, str | None]:
    """The error object of the API (API reference, "Errors") that the SDKs raise with its text."""
    return {
        "message": f"respool: {miss.reason}",
        "type": _CODE,
        "param": None,
        "code": _CODE,
    }


def miss_body(miss: Miss) -> bytes:
    """The body of an HTTP answer that says it."""
    return json.dumps({"error": miss_error(miss)}, ensure_ascii=False).encode()


def miss_message(miss: Miss, stream_id: str | None) -> bytes:
    """The WebSocket message that says it in a lane (API reference: WebSocket mode, errors)."""
    said = {"type": "error", "status": 404, "error": miss_error(miss)}
    if stream_id is not None:
        said["stream_id"] = stream_id
    return json.dumps(said, ensure_ascii=False).encode()
