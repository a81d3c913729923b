"""Which exchange a message on a WebSocket belongs to, as far as the messages tell.

A connection has lanes (`stream_id`, or none), and a lane answers one request after another. So what
the server says in a lane belongs to the request that is being answered there, and
`response.created` begins the answer to the one that waits longest. A steer is acknowledged by
name, and the response that follows from it is its answer (API reference: WebSocket mode).
Thousands of requests may wait in a lane: no message costs a look at each of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from wire.events import CREATE, STEER, TERMINAL
from wire.words import Named, Words, read_words

_MOST_ODD = 16
"""Messages of unknown types that may wait for an answer: some servers never answer some of them."""
_MOST_RESPONSES = 10_000
"""Responses of a connection whose lanes are remembered, for steers that name them."""
_LAST_WORDS = frozenset({"response.steer.failed", "response.steer.pending"})
"""After these nothing more comes for a steer: its input is returned, or goes into a later one."""


@dataclass(slots=True)
class _Open:
    """A request on the connection that is not over."""

    x: int
    type: str
    lane: str | None
    target: str | None
    """The response that a steer is for."""
    answered: int = 0
    """How many messages of its answer have come."""
    begun: bool = False
    """Whether a response is under way that answers it."""
    steer_id: str | None = None

    @property
    def creates(self) -> bool:
        return self.type == CREATE

    @property
    def odd(self) -> bool:
        """Whether it is none that a server must know, and waits for what is said to it."""
        return self.type not in (CREATE, STEER) and not self.answered

    @property
    def waits(self) -> bool:
        """Whether it asks for a response that has not begun."""
        return self.creates and not self.begun

    @property
    def whole(self) -> bool:
        """Whether it may have got all that it will get, as only `response.create` must."""
        return not self.creates and not self.begun


class Place(NamedTuple):
    """Where a message of the server belongs.

    `x` is its exchange, None if nobody asked for it; `over` says that nothing more belongs there.
    `amid` is another answer that was under way in the lane, and how many of its messages had come.
    `others` are exchanges for which nothing more will come either, with whether they are whole.
    """

    x: int | None
    over: bool = False
    amid: tuple[int, int] | None = None
    others: tuple[tuple[int, bool], ...] = ()


class Lanes:
    """The open requests of one connection, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: dict[str | None, dict[int, _Open]] = {}
        """What asks for a response that has not begun, by lane."""
        self._active: dict[int, _Open] = {}
        """All other open requests: few, however many wait."""
        self._lane_of: dict[str, str | None] = {}
        """The lane of every response that was announced."""

    def expired(self) -> int | None:
        """The oldest of too many messages for which a server seems to have no answer."""
        odd = [each.x for each in self._active.values() if each.odd]
        if len(odd) <= _MOST_ODD:
            return None
        del self._active[odd[0]]
        return odd[0]

    def sent(self, x: int, text: bytes) -> tuple[int, int] | None:
        """The client's message began exchange `x`.

        Where it is about an answer that is under way, that exchange, and how many of its messages
        had come.
        """
        words = read_words(text)
        lane, target = words.stream_id, None
        if words.type == STEER:
            target = words.previous_response_id
            lane = self._lane_of.get(target or "")
        busy = self._answering(lane)
        new = _Open(x, words.type, lane, target)
        where = self._waiting.setdefault(lane, {}) if new.waits else self._active
        where[x] = new
        return None if new.creates or busy is None else (busy.x, busy.answered)

    def heard(self, text: bytes) -> Place:
        """Where a message of the server belongs."""
        words = read_words(text)
        begins = bool(words.response) and words.type == "response.created"
        found = self._owner(words)
        others = tuple(self._left_behind(found, words)) if begins else ()
        if found is None:
            return Place(None, others=others)
        busy = self._answering(found.lane)
        amid = None if busy is None or busy is found else (busy.x, busy.answered)
        found.answered += 1
        if words.steer and words.type.startswith(STEER + "."):
            found.steer_id = words.steer.id
            over = words.type in _LAST_WORDS
        else:
            over = words.type in TERMINAL or _answers(words, found)
        if over:
            self._remove(found)
        return Place(found.x, over, amid, others)

    def close(self) -> Iterator[tuple[int, bool]]:
        """The connection is gone: what was open, and whether it may have been answered whole."""
        entries = sorted(self._all(), key=_number)
        self._waiting.clear()
        self._active.clear()
        for entry in entries:
            yield entry.x, entry.whole

    def _all(self) -> Iterator[_Open]:
        yield from self._active.values()
        for lane in self._waiting.values():
            yield from lane.values()

    def _remove(self, entry: _Open) -> None:
        if self._active.pop(entry.x, None) is None:
            waiting = self._waiting[entry.lane]
            del waiting[entry.x]
            if not waiting:
                del self._waiting[entry.lane]

    def _owner(self, words: Words) -> _Open | None:
        lane = words.stream_id
        if words.steer and words.type.startswith(STEER + "."):
            return self._steer(words.steer)
        if words.response and words.type == "response.created":
            return self._begin(words.response, lane)
        if words.type == "error":
            return self._blamed(lane)
        return (
            self._first(lambda each: _answers(words, each))
            or self._answering(lane)
            or self._next(lane)
            or self._unanswered()
        )

    def _blamed(self, lane: str | None) -> _Open | None:
        """The request that an error is about.

        What is no message at all is refused before anything else. Of a type that is not known here
        a client sends only what its server knows, so it is blamed only where no request waits that
        may have failed.
        """
        return (
            self._first(lambda each: each.odd and not each.type)
            or self._next(lane)
            or self._first(lambda each: each.odd)
            or self._answering(lane)
            or self._unanswered()
        )

    def _left_behind(self, found: _Open | None, words: Words) -> Iterator[tuple[int, bool]]:
        """What is over as a response begins: its lane has gone on from it, or the server has."""
        before = words.response.previous_response_id if words.response else None
        for each in sorted(self._active.values(), key=_number):
            if each is found:
                continue
            committed = each.steer_id is not None and not each.begun and each.target == before
            passed = each.odd and found is not None and each.x < found.x
            ended = each.begun and each.lane == words.stream_id
            if committed or passed or ended:
                del self._active[each.x]
                yield each.x, not ended

    def _steer(self, named: Named) -> _Open | None:
        """The steer of that id, else the first one for that response that has none yet."""
        return self._first(lambda each: bool(each.steer_id) and each.steer_id == named.id) or (
            self._first(
                lambda each: (
                    each.type == STEER
                    and each.steer_id is None
                    and each.target == named.previous_response_id
                )
            )
        )

    def _begin(self, response: Named, lane: str | None) -> _Open | None:
        """The request that a new response answers: a steer of the one before, else a create."""
        if response.id:
            self._lane_of[response.id] = lane
            if len(self._lane_of) > _MOST_RESPONSES:
                del self._lane_of[next(iter(self._lane_of))]
        before = response.previous_response_id

        def continues(each: _Open) -> bool:
            return each.steer_id is not None and not each.begun and each.lane == lane

        found = (
            self._first(lambda each: continues(each) and each.target == before)
            or self._next(lane)
            or self._first(lambda each: continues(each) and before is None)
        )
        if found is not None:
            self._remove(found)
            found.begun = True
            self._active[found.x] = found
        return found

    def _answering(self, lane: str | None) -> _Open | None:
        """The request to which the newest response in a lane is the answer."""
        begun = [each for each in self._active.values() if each.begun and each.lane == lane]
        return max(begun, key=_number, default=None)

    def _next(self, lane: str | None) -> _Open | None:
        """What waits longest in a lane."""
        return next(iter(self._waiting.get(lane, {}).values()), None)

    def _unanswered(self) -> _Open | None:
        """What has waited longest for any message, in whatever lane."""
        groups = (self._active, *self._waiting.values())
        oldest = (next((e for e in g.values() if not e.answered), None) for g in groups)
        return min(filter(None, oldest), key=_number, default=None)

    def _first(self, fits: Callable[[_Open], bool]) -> _Open | None:
        """The oldest one that fits among those that wait for no response to begin."""
        return min(filter(fits, self._active.values()), key=_number, default=None)


def _number(entry: _Open) -> int:
    return entry.x


def _answers(words: Words, entry: _Open) -> bool:
    """Whether a message's type says that it answers a request of another type than create."""
    return not entry.creates and bool(entry.type) and words.type.startswith(entry.type + ".")
