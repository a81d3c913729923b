"""A response that can be asked for again: as it is now, as events, and what it answered.

A background response moves on only when it is asked for: queued, in progress, ended, one step at a
time and without a clock; or along with its own stream.
"""

from collections.abc import Iterator

from respool.demo.answers import Answer
from respool.demo.canned import BREAK, Break
from respool.demo.compaction import condensed
from respool.demo.events import begun, broken_stream, stream
from respool.demo.ids import Mint
from respool.demo.kinds import KINDS
from respool.demo.scene import Json

_ENDED = 2


class Kept:
    """One answer that was given, or is being given."""

    def __init__(self, answer: Answer, mint: Mint) -> None:
        self.answer = answer
        self.id: str = answer.response["id"]
        self._mint = mint
        self._events: list[Json] | None = None
        self._steps = 0 if answer.response["background"] else _ENDED
        self._cancelled = False

    @property
    def background(self) -> bool:
        """Whether it was asked for in the background."""
        return bool(self.answer.response["background"])

    @property
    def conversation(self) -> list[Json]:
        """What a request that goes on from here has behind it."""
        return condensed([*self.answer.items, *self.answer.response["output"]])

    @property
    def events(self) -> list[Json]:
        """All events of its stream, always the same ones."""
        if self._events is None:
            broken = self.answer.trouble == "breaks_off"
            streamed = broken_stream if broken else stream
            self._events = list(streamed(self.answer.response, self._mint))
        return self._events

    def now(self) -> Json:
        """The Response as it is now."""
        if self._cancelled:
            return begun(self.answer.response, "cancelled")
        if self._steps < _ENDED:
            return begun(self.answer.response, ("queued", "in_progress")[self._steps])
        return self.answer.response

    def advance(self) -> None:
        """Take the next step, if there is one."""
        self._steps = min(self._steps + 1, _ENDED)

    def cancel(self) -> None:
        """Stop it, if it has not ended."""
        self._cancelled = self._cancelled or self._steps < _ENDED

    def stream(self, after: int = -1, *, padded: bool = True) -> Iterator[Json | Break]:
        """The events behind sequence number `after`, as far as it gets."""
        drops = self.answer.trouble == "drops" and after < 0
        for event in self.events[after + 1 :]:
            if self._cancelled and self._steps < _ENDED:
                return
            number = event["sequence_number"]
            if drops and number > len(self.events) // 2:
                yield BREAK
            if event["type"] == "response.in_progress":
                self._steps = max(self._steps, 1)
            if number == len(self.events) - 1:
                self._steps = _ENDED
            yield event if padded else _bare(event)

    def input_items(self) -> list[Json]:
        """The items that it answered, each with an id; the same one every time."""
        mint = Mint(self.id, b"input items")
        return [
            _listed(item, mint)
            for item in self.answer.items
            if (item.get("type") or "message") in KINDS
        ]


def _bare(event: Json) -> Json:
    return {name: value for name, value in event.items() if name != "obfuscation"}


def _listed(item: Json, mint: Mint) -> Json:
    kind = KINDS[item.get("type") or "message"]
    if item.get("type") == "custom_tool_call":  # listed, it has a status that it lacks as output
        item = {"status": "completed"} | item
    listed: Json = {"id": mint.id(kind.prefix), "type": "message", **kind.done, **item}
    if isinstance(item.get("content"), str):
        part: Json = {"type": "input_text", "text": item["content"]}
        if item.get("role") == "assistant":
            part = {"type": "output_text", "text": item["content"], "annotations": []}
        listed["content"] = [part]
    return listed
