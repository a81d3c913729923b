"""What a player has to serve: recorded exchanges by key, each answered once, in recorded order.

`take` answers with an exchange's number or with a `Miss` that explains itself. What only looks
(GET, a poll or a handshake) advances like the rest, but its last answer stays: how often a client
polls is chance. A tape holds keys only; bodies are loaded when they are served.
"""

from collections import deque
from functools import lru_cache

from msgspec import UNSET

from cassettes.contents import Contents
from cassettes.exchange import RequestPart
from cassettes.matching import (
    Fingerprint,
    Key,
    comparable_body,
    fingerprint,
    item_digest,
    request_key,
)
from cassettes.miss import Miss, Recorded, explained
from cassettes.mounts import Mount, Mounts
from cassettes.redaction import Redactor


class Tape:
    """The exchanges of a cassette, ready to be asked for."""

    def __init__(self, cassette: Contents) -> None:
        self.cassette = cassette
        self._redactor = Redactor(cassette.header.salt)
        self._item_digest = lru_cache(maxsize=100_000)(item_digest)
        upstreams = {number: cassette.upstream(number) for number in cassette.exchanges}
        header = cassette.header
        self.mounts = Mounts(upstreams.values(), header.upstream, header.base)
        """Where the servers of the recording stand."""
        self._upstreams = upstreams if len(self.mounts.upstreams) > 1 else {}
        self._recorded = [
            Recorded(number, *self._key(cassette.request(number), self.mounts.base_of(upstream)))
            for number, upstream in upstreams.items()
        ]
        self.served: dict[int, int] = {}
        """How often each exchange was served."""
        self.interruptions: dict[int, list[tuple[int, int]]] = {}
        """For answers on a WebSocket: after how many of its messages which steer came, in order."""
        steers = {each.number for each in self._recorded if each.key.resource == "steer"}
        for number, entry in cassette.exchanges.items():
            if entry.request.amid is not UNSET and number in steers:
                x, messages = entry.request.amid
                self.interruptions.setdefault(x, []).append((messages, number))
        self._waiting: dict[Key, deque[int]] = {}
        self.rewind()

    def rewind(self) -> None:
        """Begin anew: every exchange can be asked for again."""
        self.served.clear()
        self._waiting.clear()
        for recorded in self._recorded:
            self._waiting.setdefault(recorded.key, deque()).append(recorded.number)
        for key, waiting in self._waiting.items():
            if key.transport != "websocket":
                self._end_with_an_answer(waiting)

    def _end_with_an_answer(self, waiting: deque[int]) -> None:
        """Drop polls at the end that got no answer, so that it is an answer that stays."""
        entries = self.cassette.exchanges
        if entries[waiting[0]].request.method == "GET":
            while len(waiting) > 1 and not entries[waiting[-1]].answered:
                waiting.pop()

    def _key(self, request: RequestPart, base: str) -> tuple[Key, Fingerprint]:
        found = fingerprint(comparable_body(request), self._item_digest)
        return request_key(request, found, base), found

    def take(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> int | Miss:
        """The number of the exchange that answers this request, which is then used up.

        A client's WebSocket message has the method WEBSOCKET and the handshake's path and headers.
        """
        path, headers = self._redactor.request(path, headers)
        request = RequestPart(method, path, headers, self._redactor.text(body))
        mount = self.mounts.of(path)
        key, asked = self._key(request, mount.base)
        queue = self._waiting.get(key, deque())
        waiting = queue if mount.upstreams is None else [n for n in queue if self._is_of(n, mount)]
        if not waiting:
            recorded = [each for each in self._recorded if self._is_of(each.number, mount)]
            return explained(key, asked, recorded, self.cassette.path)
        number = waiting[0]
        if method != "GET" or len(waiting) > 1:
            queue.remove(number)
        self.served[number] = self.served.get(number, 0) + 1
        return number

    def _is_of(self, number: int, mount: Mount) -> bool:
        """Whether the server of an exchange is one that was asked."""
        return mount.upstreams is None or self._upstreams[number] in mount.upstreams

    def has_websockets(self) -> bool:
        """Whether anything was recorded on a WebSocket."""
        return any(map(self.cassette.on_socket, self.cassette.exchanges))
