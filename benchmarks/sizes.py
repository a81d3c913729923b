"""What a recording costs on disk: an agent's session, on the wire and in the cassette.

The agent resends its history at every turn, as Codex does: instructions of 12 KB, twelve tools, and
for each turn a thought with 1.2 KB of encrypted content, a call, and 3 KB of output. The server
streams, and repeats instructions and tools in the events that carry the response, as the API does.
Nothing is measured in time, so the figures are the same on every machine.
"""

import base64
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cassettes.compressor import compress
from cassettes.journal import Journal
from cassettes.notes import Answered, Began, Ended, Got, Note

TURNS = (100, 200, 400)
TURN_NS = 8_000_000_000
_HEADERS = ((b"content-type", b"application/json"), (b"authorization", b"Bearer sk-sizes-0123456"))
_SSE = ((b"content-type", b"text/event-stream; charset=utf-8"),)

type Json = dict[str, Any]  # any JSON object


class Session:
    """An agent and its server; equal from run to run."""

    def __init__(self) -> None:
        self._chance = random.Random(7)
        letters = "etaoinshrdlucmfwypvbgk"
        self._words = [
            "".join(self._chance.choices(letters, k=self._chance.randint(2, 9)))
            for _ in range(4_000)
        ]
        self._instructions = self._text(12_000)
        self._tools = [self._tool(number) for number in range(12)]
        self._history: list[Json] = [{"role": "user", "content": self._text(400)}]

    def _text(self, size: int) -> str:
        text = ""
        while len(text) < size:
            text += " ".join(self._chance.choices(self._words, k=12)) + ".\n"
        return text[:size]

    def _sealed(self, size: int) -> str:
        return base64.b64encode(self._chance.randbytes(size * 3 // 4)).decode()

    def _tool(self, number: int) -> Json:
        described = {"type": "string", "description": self._text(150)}
        parameters = {"type": "object", "properties": {"path": described, "query": described}}
        return {
            "type": "function",
            "name": f"tool_{number}",
            "description": self._text(250),
            "parameters": parameters,
        }

    def turn(self, number: int) -> tuple[bytes, list[bytes]]:
        """The next request's body, and the events of its answer."""
        given = {"model": "gpt-5.1", "instructions": self._instructions, "tools": self._tools}
        body = _json({**given, "input": self._history, "stream": True, "store": False})
        thought = {
            "type": "reasoning",
            "id": f"rs_{number:048}",
            "summary": [],
            "encrypted_content": self._sealed(1_200),
        }
        call: Json = {
            "type": "function_call",
            "id": f"fc_{number:048}",
            "call_id": f"call_{self._sealed(18)}",
            "name": f"tool_{number % 12}",
            "arguments": json.dumps({"path": self._text(80), "query": self._text(120)}),
            "status": "completed",
        }
        output = {
            "type": "function_call_output",
            "call_id": call["call_id"],
            "output": self._text(3_000),
        }
        self._history += [thought, call, output]
        return body, list(self._events(number, given, thought, call))

    def _events(self, number: int, given: Json, thought: Json, call: Json) -> Iterator[bytes]:
        response = {"id": f"resp_{number:048}", "object": "response", **given}
        begun = {**response, "status": "in_progress", "output": [], "usage": None}
        usage = {"input_tokens": 9_000 + 900 * number, "output_tokens": 120, "total_tokens": 0}
        whole = {**response, "status": "completed", "output": [thought, call], "usage": usage}
        item = {"output_index": 1, "item_id": call["id"]}
        text = call["arguments"]
        events: list[Json] = [
            {"type": "response.created", "response": begun},
            {"type": "response.in_progress", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": thought},
            {"type": "response.output_item.done", "output_index": 0, "item": thought},
            {"type": "response.output_item.added", "output_index": 1, "item": call},
            *(
                {
                    "type": "response.function_call_arguments.delta",
                    **item,
                    "delta": text[at : at + 4],
                    "obfuscation": self._sealed(16),
                }
                for at in range(0, len(text), 4)
            ),
            {"type": "response.function_call_arguments.done", **item, "arguments": text},
            {"type": "response.output_item.done", "output_index": 1, "item": call},
            {"type": "response.completed", "response": whole},
        ]
        for place, event in enumerate(events):
            data = _json({**event, "sequence_number": place})
            yield b"event: %s\ndata: %s\n\n" % (event["type"].encode(), data)


def _json(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _notes(number: int, body: bytes, events: list[bytes], chance: random.Random) -> Iterator[Note]:
    at = number * TURN_NS
    wall = 1_790_000_000 * 10**9 + at
    yield Began(number, at, wall, "POST", b"/v1/responses", _HEADERS, body)
    at += chance.randrange(300_000_000, 900_000_000)
    yield Answered(number, at, 200, _SSE)
    for event in events:
        at += chance.randrange(1_000_000, 30_000_000)
        yield Got(number, at, event)
    yield Ended(number, at, "complete")


def sizes(turns: int) -> dict[str, int]:
    """Bytes of a session of so many turns: its bodies on the wire, and each form of its file."""
    with tempfile.TemporaryDirectory() as folder:
        path, packed = Path(folder, "session.jsonl"), Path(folder, "packed.jsonl")
        session, chance, sent, got = Session(), random.Random(8), 0, 0
        journal = Journal(path, base="/v1", upstream="https://api.openai.com/v1")
        for number in range(1, turns + 1):
            body, events = session.turn(number)
            journal.put(*_notes(number, body, events, chance))
            sent += len(body)
            got += sum(map(len, events))
        written = path.stat().st_size
        packed.write_bytes(path.read_bytes())
        journal.close()
        return {
            "requests": sent,
            "answers": got,
            "journal": written,
            "calm": path.stat().st_size,
            "compressed": compress(packed, turns).stat().st_size,
        }


def main() -> None:
    """Print a table: MB of a session, and KB of a turn."""
    print("an agent's session on disk, MB (KB per turn)")
    measured = {turns: sizes(turns) for turns in TURNS}
    print(f"  {'turns':12}" + "".join(f"{turns:>20}" for turns in TURNS))
    for form in measured[TURNS[0]]:
        cells = (
            f"{found[form] / 1e6:.2f} ({found[form] / turns / 1e3:.1f})"
            for turns, found in measured.items()
        )
        print(f"  {form:12}" + "".join(f"{cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
