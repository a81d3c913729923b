"""Scenes of messages and reasoning in their rarer forms, and of answers that wait.

| cue in the last user text | what follows |
|---|---|
| `think aloud` | reasoning with its own text beside the summary; a message |
| `step by step` | a message of commentary, a second one with the final answer |
| `half a no` | a message that says something and refuses the rest |
| `long walk` | a message; over WebSocket it halts after a few words |
| `long errand` | a message and a custom call, halting likewise; a message |
"""

from respool.demo.scene import Move, Scene


def _said(text: str, **fields: object) -> dict[str, object]:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    return {"type": "message", "role": "assistant", "content": [part], **fields}


TALK = (
    Scene(
        "think aloud",
        (
            Move(
                thinks=("**Counting nights**\n\nFour days are three nights.",),
                aloud=(
                    "Thursday in, Sunday out: three nights. At 112 CHF that is 336 CHF, ",
                    "and a day in Nara costs none of them.",
                ),
                says="Three nights come to 336 CHF.",
            ),
        ),
    ),
    Scene(
        "step by step",
        (
            Move(
                shows=(
                    _said("First I look at the distances.", phase="commentary"),
                    _said(
                        "Fushimi Inari in the morning, Tōfuku-ji after it: one stop apart.",
                        phase="final_answer",
                    ),
                )
            ),
        ),
    ),
    Scene(
        "half a no",
        (
            Move(
                shows=(
                    {
                        "type": "message",
                        "role": "assistant",
                        "content": [
                            {
                                "type": "output_text",
                                "annotations": [],
                                "logprobs": [],
                                "text": "The gardens are open until five.",
                            },
                            {"type": "refusal", "refusal": "I won't say where the wall is low."},
                        ],
                    },
                )
            ),
        ),
    ),
    Scene(
        "long walk",
        (
            Move(
                thinks=("**Choosing a path**\n\nThe one along the canal is flat.",),
                says="Start at Ginkaku-ji and follow the canal south. The Philosopher's Path is "
                "two kilometres long and takes an hour if you stop for every cat. At Eikan-dō turn "
                "left for the maples, and end at Nanzen-ji below the old aqueduct.",
            ),
        ),
        halts=True,
    ),
    Scene(
        "long errand",
        (
            Move(
                shows=(
                    _said("I will write the note for the ryokan, and then you can send it."),
                    {
                        "type": "custom_tool_call",
                        "call_id": "@note",
                        "name": "send_note",
                        "input": "to: Ryokan Kōyō\n\nWe arrive on Thursday, before 18:00.",
                    },
                )
            ),
            Move(says="The note is on its way."),
        ),
        tools=({"type": "custom", "name": "send_note", "description": "Send a note by e-mail."},),
        halts=True,
    ),
)
