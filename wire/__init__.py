"""The Responses API as it travels: endpoints, SSE framing, JSON slices, what is volatile or secret.

No I/O happens here, and nothing here imports another room of the house. `wire.schema` is the one
module with a heavy import and is used by `analytics` alone.
"""
