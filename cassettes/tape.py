"""What a player has to serve: recorded exchanges by key, each answered once, in recorded order.

`take` answers with an exchange's number or with a `Miss` that explains itself. A tape holds keys
only; bodies are loaded when they are served.
"""

import json
from collections import deque
from dataclasses import dataclass
from functools import lru_cache

from cassettes.matching import Fingerprint, Key, fingerprint, item_digest, request_key
from cassettes.reader import Cassette
from cassettes.redaction import Redactor
from wire.endpoints import recognise
from wire.volatile import LEFT_OUT


@dataclass(frozen=True, slots=True)
class Miss:
    """Why nothing recorded answers a request, in one or two sentences."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Recorded:
    number: int
    key: Key
    print_: Fingerprint


class Tape:
    """The exchanges of a cassette, ready to be asked for."""

    def __init__(self, cassette: Cassette) -> None:
        self.cassette = cassette
        self._redactor = Redactor(cassette.header.salt)
        self._item_digest = lru_cache(maxsize=100_000)(item_digest)
        self._recorded = [
            _Recorded(number, *keyed)
            for number in cassette.exchanges
            if (keyed := self._key(number)) is not None
        ]
        self.served: dict[int, int] = {}
        """How often each exchange was served."""
        self._waiting: dict[Key, deque[int]] = {}
        self.rewind()

    def rewind(self) -> None:
        """Begin anew: every exchange can be asked for again."""
        self.served.clear()
        self._waiting.clear()
        for recorded in self._recorded:
            self._waiting.setdefault(recorded.key, deque()).append(recorded.number)

    def _key(self, number: int) -> tuple[Key, Fingerprint] | None:
        request = self.cassette.exchanges[number].request
        route = recognise(request.method, request.path)
        if route is None:
            return None
        found = fingerprint(self.cassette.body(number), self._item_digest)
        return request_key(route, request.path, found), found

    def take(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> int | Miss:
        """The number of the exchange that answers this request, which is then used up."""
        route = recognise(method, path)
        if route is None:
            return Miss(
                f"{method} {path} is not a Responses API request; "
                "a cassette answers only /responses and what is below it"
            )
        redacted, _ = self._redactor.request(path, headers)
        asked = fingerprint(self._redactor.text(body), self._item_digest)
        key = request_key(route, redacted, asked)
        waiting = self._waiting.get(key)
        if waiting:
            number = waiting.popleft()
            self.served[number] = self.served.get(number, 0) + 1
            return number
        return Miss(self._why(key, asked))

    def _why(self, key: Key, asked: Fingerprint) -> str:
        same = [r.number for r in self._recorded if r.key == key]
        if same:
            times = "once" if len(same) == 1 else f"{len(same)} times"
            return (
                f"this request was recorded {times} ({_numbers(same)}) and all answers were used; "
                "restart the replay, or POST /__respool/reset to begin anew"
            )
        other = Key(key.resource, key.query, key.digest, not key.stream)
        turned = [r.number for r in self._recorded if r.key == other]
        if turned:
            recorded, wanted = ("JSON", "a stream") if key.stream else ("a stream", "JSON")
            return (
                f"this request was recorded as {recorded} ({_numbers(turned)}), and the client "
                f"asks for {wanted}; record it again that way"
            )
        alike = [r for r in self._recorded if r.key.resource == key.resource]
        if not alike:
            return f"the cassette has no {key.resource} request; record one"
        nearest = max(alike, key=lambda r: _likeness(asked, r.print_))
        return (
            f"no recorded {key.resource} request is like this one; the nearest is exchange "
            f"{nearest.number}, which differs in {_differences(asked, nearest.print_)}; "
            f"see it with `respool show {self.cassette.path} {nearest.number}`"
        )


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return f"exchange {shown}" if len(numbers) == 1 else f"exchanges {shown}"


def _common(one: tuple[bytes, ...], other: tuple[bytes, ...]) -> int:
    """How many items two lists share from their beginning."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _likeness(asked: Fingerprint, recorded: Fingerprint) -> tuple[int, int, int]:
    shared = _common(asked.lists.get("input", ()), recorded.lists.get("input", ()))
    apart = abs(len(asked.lists.get("input", ())) - len(recorded.lists.get("input", ())))
    equal = sum(
        recorded.members.get(name) == value
        for name, value in asked.members.items()
        if name not in LEFT_OUT
    )
    return shared, equal, -apart


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


def miss_body(miss: Miss) -> bytes:
    """A miss as an error of the API (API reference, "Errors"): the SDK raises it with this text."""
    error = {
        "message": f"respool: {miss.reason}",
        "type": "respool_miss",
        "param": None,
        "code": "respool_miss",
    }
    return json.dumps({"error": error}, ensure_ascii=False).encode()
