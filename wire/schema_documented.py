"""Fields that the API reference documents and the SDK does not type, so that they are no deviation.

By the tag of an item or event, or by the name of a thing without one. Sources: API reference,
"Streaming events" and create, `stream_options.include_obfuscation`; the response object's examples.
"""

from collections.abc import Mapping

from wire.events import DELTAS

DOCUMENTED: Mapping[str, Mapping[str, object]] = {
    "response": {"store": bool | None},
    **{delta: {"obfuscation": str} for delta in DELTAS},
}
"""Field and annotation; none of them needs to be there."""
