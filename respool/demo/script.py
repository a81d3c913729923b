"""What the scripted model does: a small travel agent, written down as data in `scenes/`.

The model looks at nothing but the conversation. The last user message picks the scene, by a cue in
its text, and the number of answered calls since then picks the move; so the same conversation
always gets the same answer. A function of `tools.py` is only called if it was offered. What has no
scene is repeated back in one message.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from respool.demo.kinds import is_answer, waiting
from respool.demo.scene import Call, Json, Move, Scene
from respool.demo.scenes import SCENES

__all__ = ["SCENES", "Call", "Json", "Move", "Scene", "awaited", "direct", "is_user", "text_of"]


def text_of(item: Json) -> str:
    """The text of a message, whichever of its two forms it has."""
    content = item.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(
        str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part
    )


def is_user(item: Json) -> bool:
    """Whether this is a message that the user wrote."""
    return (item.get("type") or "message") == "message" and item.get("role") == "user"


def awaited(move: Move) -> int:
    """How many answers of the client this move waits for."""
    return len(move.calls) + len(waiting(move.shows))


def direct(
    items: Sequence[Json], offered: Collection[str], *, parallel: bool = True
) -> tuple[Scene, Move]:
    """The scene that this conversation is in, and the move that comes next in it."""
    asked = next((at for at in reversed(range(len(items))) if is_user(items[at])), None)
    question = "" if asked is None else text_of(items[asked])
    scene = next((scene for scene in SCENES if scene.cue in question.casefold()), None)
    if scene is None:
        return (plain := _unscripted(question)), plain.moves[-1]
    since = items if asked is None else items[asked + 1 :]
    answers = [item for item in since if is_answer(item)]
    if scene.denied and answers and answers[-1].get("approve") is False:
        return scene, scene.denied
    count = len(answers)
    for move in scene.moves:
        if not all(call.name in offered for call in move.calls):
            break
        if count < len(move.calls):
            return scene, replace(move, calls=move.calls[count : None if parallel else count + 1])
        if count < awaited(move):
            return scene, move
        count -= awaited(move)
    return scene, scene.moves[-1]


def _unscripted(question: str) -> Scene:
    heard = " ".join(question.encode("utf-8", "replace").decode().split())
    heard = heard if len(heard) <= 80 else f"{heard[:79]}…"
    return Scene("", (Move(says=f"You wrote “{heard}”. I only know about trips, but I got that."),))
