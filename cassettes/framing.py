"""How an SSE block stands in an event line: JSON without its usual framing, or its whole text.

`unframe(frame(block)) == block` for all bytes. Two framings are known by name because real servers
use them: an `event:` line that repeats the data's own `type` (unnamed, the usual one), and
`data` alone. Everything else (comments, `[DONE]`, CRLF, several data lines) is kept as text.
"""

from msgspec import UNSET, Raw, UnsetType

from cassettes.payload import Payload, pack, unpack
from wire.slices import is_json
from wire.words import event_type

DATA_ONLY = "data"


def frame(block: bytes) -> tuple[str | UnsetType, Payload]:
    """The frame's name (unset for the usual one) and the payload of an event line for `block`."""
    head, found, rest = block.partition(b"data: ")
    json = rest[:-2]
    if found and rest.endswith(b"}\n\n") and b"\n" not in json and b"\r" not in json:
        usual = head and head == _event_line(json)
        if (usual or not head) and is_json(json):
            return (UNSET if usual else DATA_ONLY), Payload(json=Raw(json))
    data = pack(block)
    if data.json is not UNSET:  # a block that is JSON as a whole must not be taken for framed data
        return UNSET, Payload(text=block.decode())
    return UNSET, data


def unframe(name: str | UnsetType, payload: Payload) -> bytes:
    """The block that an event line stands for; raises ValueError for a frame not known."""
    if payload.json is UNSET:
        return unpack(payload)
    json = bytes(payload.json)
    if name is UNSET:
        return _event_line(json) + b"data: " + json + b"\n\n"
    if name == DATA_ONLY:
        return b"data: " + json + b"\n\n"
    raise ValueError(f"the frame {name!r} is not known")


def _event_line(json: bytes) -> bytes:
    return b"event: " + event_type(json).encode() + b"\n"
