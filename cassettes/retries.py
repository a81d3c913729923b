"""Which requests are retries, and of what: one rule for all who tell of exchanges.

A retry asks the same as an earlier request (`matching`, however the answer travels) that failed in
a way on which clients try again, and that nobody has retried yet. Where a client counts its retries
(`x-stainless-retry-count`) its word is taken; where it does not, time tells. The answer depends on
what the exchanges of one request are like and on nothing else: not on who asks, nor when.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from msgspec import UNSET, UnsetType

from cassettes.contents import Contents
from cassettes.exchange import Exchange, RequestPart
from cassettes.matching import (
    Fingerprint,
    comparable_body,
    fingerprint,
    item_digest,
    request_key,
)
from cassettes.notes import SWITCHED
from cassettes.summary import Summary, summarise
from wire.canonical import digest
from wire.endpoints import WEBSOCKET

type Failure = Literal["none", "maybe", "clear"]
"""`clear`: clients try again after it. `maybe`: only one that says so is believed."""

COUNTER = "x-stainless-retry-count"
"""The header in which the OpenAI SDKs say how often they have tried before; 0 is the first try."""

COUNTED_WITHIN_S = 130.0
"""The SDKs wait as long as a `Retry-After` says, up to two minutes (openai 3.54,
`MAX_RETRY_AFTER_DELAY`), else 8 s at most."""
UNCOUNTED_WITHIN_S = 65.0
"""The Vercel AI SDK obeys a `Retry-After` of less than a minute; Codex waits 0.2 s, doubled each
time, or what a rate limit says."""
_EARLY_S = 0.1
"""By how much a request may seem to come before the end that it reacts to: times are rounded, and a
client that hung up may be heard again before it is missed."""

_TRIED_AGAIN = frozenset({408, 409, 429})
"""HTTP statuses on which the SDKs, Vercel's and Codex try again, beside those from 500 on."""
_TRANSIENT = frozenset({"server_error", "rate_limit_exceeded"})
"""What a stream that has begun says in place of 500 and 429 (API reference: the response object,
`error.code`)."""
_BROKEN = frozenset(
    {"client_gone", "upstream_gone", "upstream_unreachable", "truncated", "proxy_stopped"}
)
_NEVER_FAILED = "recorder_overrun"
"""The client got its answer, though the file did not."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What tells of one exchange whether it was retried, and whether it is a retry."""

    number: int
    began: datetime | None
    lasted_ms: float | None
    counter: int | None
    """What the client says: how often it has tried before; None where it does not say."""
    failure: Failure

    @property
    def first(self) -> int:
        """Which attempt it is where nothing is known that it retries, from 1."""
        return 1 + (self.counter or 0)


@dataclass(frozen=True, slots=True)
class Retry:
    """That an exchange is a retry: of which other, and which attempt at the request, from 2."""

    of: int
    attempt: int


def counter(request: RequestPart) -> int | None:
    """How often the client says it has tried before; None where it does not say.

    The header of a handshake is not about the messages on the connection.
    """
    if request.method == WEBSOCKET:
        return None
    said = next((value for name, value in request.headers if name.lower() == COUNTER), "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 5 else None


def failure(
    *, method: str, status: int | None, outcome: str, streamed: bool, error_code: str | None
) -> Failure:
    """In which way an exchange failed, in the eyes of a client that might try again.

    `status` is that of HTTP, None where no answer came. A WebSocket that came about has not failed
    as a request, however it ended.
    """
    if status == SWITCHED and method != WEBSOCKET:
        return "none"
    if outcome in _BROKEN or (status or 0) >= 500 or status in _TRIED_AGAIN:
        return "clear"
    if streamed and error_code in _TRANSIENT:
        return "clear"
    told = (status or 0) >= 400 or (streamed and error_code is not None)
    return "maybe" if told or outcome not in ("complete", _NEVER_FAILED) else "none"


def attempt_of(exchange: Exchange, summary: Summary) -> Attempt:
    """What is asked here of an exchange that is loaded."""
    return Attempt(
        number=exchange.number,
        began=exchange.began,
        lasted_ms=exchange.ended_ms,
        counter=counter(exchange.request),
        failure=failure(
            method=exchange.request.method,
            status=exchange.status,
            outcome=exchange.outcome,
            streamed=exchange.streamed,
            error_code=None if exchange.route is None else summary.error_code,
        ),
    )


class Keys:
    """What requests of a cassette ask, as digests that are equal for equal requests."""

    def __init__(self, cassette: Contents) -> None:
        self._cassette = cassette
        self._part = lru_cache(maxsize=100_000)(lambda ref: item_digest(cassette.item(ref)))
        self._known: dict[int, bytes] = {}

    def __call__(self, x: int) -> bytes:
        """The digest of exchange `x`'s request: 16 bytes."""
        if x not in self._known:
            self._known[x] = self._key(x)
        return self._known[x]

    def _key(self, x: int) -> bytes:
        request, found = self._read(x)
        key = request_key(request, found, self._cassette.header.base)
        query = [part.encode("utf-8", "surrogateescape") for pair in key.query for part in pair]
        resource = key.resource.encode("utf-8", "surrogateescape")
        return digest(resource, digest(*query), key.digest)

    def _read(self, x: int) -> tuple[RequestPart, Fingerprint]:
        """The request and its fingerprint; a body that was taken apart is not put together."""
        entry = self._cassette.exchanges[x]
        line, skeleton = entry.request, entry.request.json
        if line.refs is UNSET or isinstance(skeleton, UnsetType):
            request = self._cassette.request(x)
            return request, fingerprint(comparable_body(request))
        handshake = line if line.socket is UNSET else self._cassette.exchanges[line.socket].request
        assert handshake.path is not UNSET  # the reader has seen to it
        method = WEBSOCKET if line.method is UNSET else line.method
        request = RequestPart(method, handshake.path, [], bytes(skeleton))
        parts = {name: tuple(map(self._part, refs)) for name, refs in entry.parts.items()}
        return request, fingerprint(request.body, parts=parts)


class Linker:
    """Links retries to what they retry; is given the attempts in the order of their numbers."""

    def __init__(self, key: Callable[[int], bytes]) -> None:
        """`key` answers with the digest of an exchange's request; it is asked only if need be."""
        self._key = key
        self._waiting: dict[tuple[bytes, int | None], list[tuple[Attempt, int]]] = {}
        """What failed and was not retried yet, by request and counter, with its attempt."""
        self._timeless = False
        self._last_end = 0.0

    def take(self, attempt: Attempt) -> Retry | None:
        """What the next attempt retries, if anything."""
        retry = self._retry(attempt) if attempt.counter != 0 else None
        if attempt.failure != "none":
            at = (self._key(attempt.number), attempt.counter)
            tried = retry.attempt if retry else attempt.first
            self._waiting.setdefault(at, []).append((attempt, tried))
            self._timeless |= attempt.began is None
            self._last_end = max(self._last_end, _end(attempt))
        return retry

    def _retry(self, attempt: Attempt) -> Retry | None:
        if not self._waiting or self._too_late(attempt):
            return None
        before = None if attempt.counter is None else attempt.counter - 1
        waiting = self._waiting.get((self._key(attempt.number), before), [])
        for wanted in ("clear", "maybe") if attempt.counter else ("clear",):
            for at in reversed(range(len(waiting))):
                failed, tried = waiting[at]
                if failed.failure == wanted and _may_follow(attempt, failed):
                    del waiting[at]
                    return Retry(failed.number, tried + 1)
        return None

    def _too_late(self, attempt: Attempt) -> bool:
        """Whether time alone tells that it retries nothing, so that its key is not needed."""
        if attempt.began is None or self._timeless:
            return False
        return attempt.began.timestamp() - self._last_end > _within_s(attempt)


def _within_s(attempt: Attempt) -> float:
    return UNCOUNTED_WITHIN_S if attempt.counter is None else COUNTED_WITHIN_S


def _end(attempt: Attempt) -> float:
    """When it was over, in s; where no end was recorded, when it began."""
    began = attempt.began.timestamp() if attempt.began else 0.0
    return began + (attempt.lasted_ms or 0.0) / 1000


def _may_follow(attempt: Attempt, failed: Attempt) -> bool:
    """Whether the times allow it; where they are not known, only one that counts may follow."""
    if attempt.began is None or failed.began is None:
        return attempt.counter is not None
    waited_s = attempt.began.timestamp() - _end(failed)
    return -_EARLY_S <= waited_s <= _within_s(attempt)


def link(attempts: Iterable[Attempt], key: Callable[[int], bytes]) -> dict[int, Retry]:
    """The retries among attempts that are given in any order, by number."""
    linker = Linker(key)
    found = {each.number: linker.take(each) for each in sorted(attempts, key=_number)}
    return {number: retry for number, retry in found.items() if retry}


def _number(attempt: Attempt) -> int:
    return attempt.number


class Retries:
    """Looks up single exchanges of a cassette, which may grow meanwhile."""

    def __init__(self, cassette: Contents) -> None:
        self._cassette = cassette
        self._keys = Keys(cassette)
        self._ended: dict[int, Attempt] = {}

    def around(self, x: int) -> dict[int, Retry]:
        """The retries among all exchanges that ask the same as exchange `x`, by number."""
        key = self._keys(x)
        alike = [each for each in self._alike(x) if self._keys(each) == key]
        if len(alike) < 2:
            return {}
        return link(map(self._attempt, alike), self._keys)

    def _alike(self, x: int) -> Sequence[int]:
        """Those that may ask the same: where inputs were taken apart, of equal length."""
        entries = self._cassette.exchanges
        mine = entries[x].parts.get("input")
        return [
            number
            for number, entry in entries.items()
            if mine is None
            or (given := entry.parts.get("input")) is None
            or len(given) == len(mine)
        ]

    def _attempt(self, x: int) -> Attempt:
        if x in self._ended:
            return self._ended[x]
        exchange = self._cassette.exchange(x)
        attempt = attempt_of(exchange, summarise(exchange))
        if self._cassette.exchanges[x].ended:
            self._ended[x] = attempt
        return attempt
