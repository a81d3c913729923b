"""The events of a stream that mean something to more than one room: so far, those that end it.

Light to import, as both the recorder, which cuts a WebSocket into exchanges, and the analytics,
which ask whether a stream has come to its end, must mean the same events.
"""

TERMINAL = frozenset({"response.completed", "response.failed", "response.incomplete", "error"})
"""Types of the events that end a stream (API reference, "Streaming events")."""
