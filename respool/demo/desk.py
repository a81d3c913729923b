"""Where requests for responses are answered, over whichever transport they came.

The desk remembers what a later request may name: responses, their items, conversations, and how
often the same request came. What it refuses, it raises as an `ApiError`.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping

from respool.demo import answers, errors
from respool.demo.compaction import compact, condensed
from respool.demo.conversations import Conversations
from respool.demo.ids import Mint
from respool.demo.kept import Kept
from respool.demo.received import Received
from respool.demo.scene import Json
from respool.demo.script import direct
from respool.demo.usage import weight

RETRY_AFTER_MS = 20


class Desk:
    """The scripted model's front desk. With a `seed`, equal requests get equal answers."""

    def __init__(self, seed: str | None) -> None:
        self.kept: dict[str, Kept] = {}
        self.conversations = Conversations()
        self._seed = seed
        self._seen: Counter[bytes] = Counter()

    def mint(self, request: Received) -> tuple[Mint, int]:
        """The mint for the answer to this request, and how many times it came by now."""
        line = f"{request.method} {request.path}\n".encode()
        same = hashlib.sha256(line + request.body).digest()
        self._seen[same] += 1
        return Mint(self._seed, same, self._seen[same]), self._seen[same]

    def create(
        self, body: Json, mint: Mint, nth: int, own: Mapping[str, Kept] | None = None
    ) -> Kept:
        """The answer to a create request that came for the `nth` time.

        `own` are responses that only this request's connection may name.
        """
        items = self._conversation(body, own or {})
        if body.get("background") and body.get("store") is False:
            raise errors.unreadable("Background mode requires store=true.", param="background")
        tools = [] if body.get("tool_choice") == "none" else body.get("tools") or []
        offered = {tool.get("name") for tool in tools}
        parallel = body.get("parallel_tool_calls") is not False
        scene, move = direct(items, offered, parallel=parallel)
        if scene.trouble == "too_long":
            raise errors.too_long()
        if scene.trouble == "rate_limited_once" and nth % 2:
            raise errors.rate_limited(RETRY_AFTER_MS)
        streamed = body.get("stream") or body.get("background")
        if scene.trouble == "breaks_off" and not streamed:
            raise errors.server_error()
        kept = Kept(answers.respond(body, items, scene, move, mint), mint)
        lost = scene.trouble in ("fails", "breaks_off") and not kept.background
        self._keep(kept, keep=body.get("store") is not False and not lost)
        return kept

    def prepare(self, body: Json, mint: Mint, own: Mapping[str, Kept]) -> Kept:
        """The answer to a request without `generate`: the state is ready, and nothing is said."""
        kept = Kept(answers.prepared(body, self._conversation(body, own), mint), mint)
        self._keep(kept, keep=body.get("store") is not False)
        return kept

    def found(self, response_id: str) -> Kept:
        """A stored response. Raises ApiError, 404."""
        if response_id not in self.kept:
            raise errors.no_such("Response", response_id)
        return self.kept[response_id]

    def compact(self, body: Json, mint: Mint) -> Json:
        """The answer to `/responses/compact`."""
        return compact(body, self._conversation(body, {}), mint)

    def count(self, body: Json) -> Json:
        """The answer to `/responses/input_tokens`."""
        tokens = weight(body, self._conversation({"model": ""} | body, {}))
        return {"object": "response.input_tokens", "input_tokens": tokens}

    def _keep(self, kept: Kept, *, keep: bool) -> None:
        if keep:
            self.kept[kept.id] = kept
        if talk := kept.answer.response.get("conversation"):
            given = input_items(kept.answer.body)
            self.conversations.add(talk["id"], [*given, *kept.answer.response["output"]])

    def _conversation(self, body: Json, own: Mapping[str, Kept]) -> list[Json]:
        """All input items: those that the request names, then those that it brings."""
        if not isinstance(body.get("model"), str):
            message, code = "Missing required parameter: 'model'.", "missing_required_parameter"
            raise errors.unreadable(message, param="model", code=code)
        given = [self._resolved(item) for item in input_items(body)]
        if any(item.get("type") == "compaction_trigger" for item in given[:-1]):
            message = "A 'compaction_trigger' must be the last item of 'input'."
            raise errors.unreadable(message, param="input", code="invalid_value")
        items = [*self._before(body, own), *given]
        triggers = [item for item in given[-1:] if item.get("type") == "compaction_trigger"]
        return [*condensed(items), *triggers]

    def _before(self, body: Json, own: Mapping[str, Kept]) -> list[Json]:
        previous, talk = body.get("previous_response_id"), body.get("conversation")
        if previous is not None and talk is not None:
            message = "'previous_response_id' and 'conversation' exclude each other."
            raise errors.unreadable(message, param="conversation")
        if talk is not None:
            return self.conversations.items(talk["id"] if isinstance(talk, dict) else talk)
        if previous is None:
            return []
        kept = own.get(previous) or self.kept.get(previous)
        if kept is None:
            raise errors.unknown_response(previous)
        return kept.conversation

    def _resolved(self, item: Json) -> Json:
        """The item, or the one that an `item_reference` names."""
        if item.get("type") != "item_reference":
            return item
        for kept in self.kept.values():
            for made, _ in kept.answer.made:
                if made["id"] == item.get("id"):
                    return made
        raise errors.no_such("Item", str(item.get("id")))


def input_items(body: Json) -> list[Json]:
    """The items that a request brings. Raises ApiError, 400."""
    given = body.get("input")
    if given is None:
        return []
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    if isinstance(given, list) and all(isinstance(item, dict) for item in given):
        return given
    message = "Invalid type for 'input': expected a string or a list of items."
    raise errors.unreadable(message, param="input", code="invalid_type")
