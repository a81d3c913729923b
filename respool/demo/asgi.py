"""The shapes of ASGI, as far as the scripted server meets them."""

from collections.abc import Awaitable, Callable
from typing import Any

type Scope = dict[str, Any]  # Any, here and below: ASGI's own shapes
type Receive = Callable[[], Awaitable[dict[str, Any]]]
type Send = Callable[[dict[str, Any]], Awaitable[None]]

TRANSPORT = "respool.transport"
"""Where a scope's extensions hold the connection, so that an answer can be broken off."""

SOCKET = "respool.socket"
"""Where they hold the WebSocket protocol, for what ASGI has no message for."""
