"""Steering: what a client may add to a response while it is being made.

The rules are the SDK's (`ResponseSteerEvent` and the three events that answer it). A steer is
accepted, and then the response ends as `incomplete` at a safe boundary and a successor goes on from
it; or it waits for the client's tools, and so does the steer; or the steer fails and is given back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from respool.demo.answers import steered
from respool.demo.ids import Mint
from respool.demo.kept import Kept
from respool.demo.kinds import KINDS, waiting
from respool.demo.output import Costed
from respool.demo.received import Received
from respool.demo.scene import Json
from respool.demo.usage import tokens

_MESSAGES = {
    "response_not_found": "The target response is not available on this connection.",
    "response_already_completed": "The response completed and takes no more steering input.",
    "steering_not_supported": "A response with a conversation or compaction cannot be steered.",
    "invalid_input": "Steering input must be a string, or messages of the user.",
    "successor_creation_failed": "The successor response could not be created.",
}
_STUBBED = (
    "function_call_output",
    "custom_tool_call_output",
    "computer_call_output",
    "shell_call_output",
    "apply_patch_call_output",
    "tool_search_output",
    "mcp_approval_response",
)


@dataclass(frozen=True, slots=True)
class Steer:
    """One steering submission; `request` is the message that brought it, the `came`-th of all."""

    id: str
    target: str
    given: object
    request: Received
    came: int

    @property
    def items(self) -> list[Json]:
        """Its input as items."""
        if isinstance(self.given, list):
            return self.given
        return [{"type": "message", "role": "user", "content": self.given}]

    def accepted(self) -> Json:
        """The event that the server owns the input now."""
        return {"type": "response.steer.accepted", "steer": self._named()}

    def pending(self, calls: Sequence[Json]) -> Json:
        """The event that the input waits until the client has answered these calls."""
        return {
            "type": "response.steer.pending",
            "steer": self._named(),
            "reason": "waiting_for_required_input",
            "required_input": [stub for call in calls if (stub := _stub(call))["type"] in _STUBBED],
        }

    def failed(self, code: str, *, allocated: bool = False) -> Json:
        """The event that gives the input back; with its id only if it was accepted before."""
        named = self._named() if allocated else {"previous_response_id": self.target}
        return {
            "type": "response.steer.failed",
            "steer": named | {"input": self.given},
            "error": {"type": "invalid_request_error", "code": code, "message": _MESSAGES[code]},
        }

    def _named(self) -> Json:
        return {"id": self.id, "previous_response_id": self.target}


def steer(body: Json, request: Received, came: int, mint: Mint) -> Steer:
    """The submission that a `response.steer` message brings."""
    target = str(body.get("previous_response_id"))
    return Steer(mint.id("steer"), target, body.get("input"), request, came)


def objection(submission: Steer, kept: Kept) -> str | None:
    """The code of what speaks against steering this active response, None if nothing does."""
    given = submission.given
    if isinstance(given, str):
        fine = bool(given)
    else:
        fine = isinstance(given, list) and bool(given) and all(map(_is_user_message, given))
    if not fine:
        return "invalid_input"
    body = kept.answer.body
    if body.get("conversation") or body.get("context_management"):
        return "steering_not_supported"
    return None


def cut(kept: Kept, sent: Sequence[Json], mint: Mint) -> Kept:
    """The response as it ends when these events of it were sent.

    Its events begin with those. A message ends where it is; another item is finished first.
    """
    done = sum(event["type"] == "response.output_item.done" for event in sent)
    begun = sum(event["type"] == "response.output_item.added" for event in sent)
    made = list(kept.answer.made[:begun])
    if begun > done:
        made[-1] = _as_sent(
            made[-1], [event for event in sent if event.get("output_index") == done]
        )
    return Kept(steered(kept.answer, made), mint)


def _as_sent(costed: Costed, sent: Sequence[Json]) -> Costed:
    item, _ = costed
    if item["type"] != "message":
        return costed
    parts = []
    for index, part in enumerate(item["content"]):
        own = [event for event in sent if event.get("content_index") == index]
        if not own:
            break
        deltas = [event["delta"] for event in own if "delta" in event]
        notes = [event["annotation"] for event in own if "annotation" in event]
        if part["type"] == "refusal":
            parts.append(part | {"refusal": "".join(deltas)})
        else:
            sure = part["logprobs"][: len(deltas)]
            text = {"text": "".join(deltas), "annotations": notes, "logprobs": sure}
            parts.append(part | text)
    cost = sum(tokens(part.get("text") or part.get("refusal") or "") for part in parts)
    return item | {"status": "incomplete", "content": parts}, cost


def _stub(call: Json) -> Json:
    """What identifies the answer to a call (SDK: `ResponseSteerRequiredInput`)."""
    kind = KINDS[call["type"]].answered_by
    if kind == "mcp_approval_response":
        return {"type": kind, "approval_request_id": call["id"]}
    stub = {"type": kind, "call_id": call["call_id"]}
    if kind == "function_call_output":
        stub["name"] = call["name"]
    if kind == "tool_search_output":
        stub["execution"] = "client"
    return stub


def _is_user_message(item: object) -> bool:
    return (
        isinstance(item, dict)
        and item.get("type", "message") == "message"
        and item.get("role") == "user"
    )


def waits(kept: Kept) -> list[Json]:
    """The calls for whose answers this response stops."""
    return waiting(kept.answer.response["output"])
