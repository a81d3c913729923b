"""Every reach into what mitmproxy does not offer to addons; a test fails by name when it changes.

A WebSocket that is lost, without a close frame, must be lost for the other side too: mitmproxy
tells it that all is well (close code 1000), so that a client takes half an answer for a whole one.
"""

from mitmproxy.proxy import commands
from mitmproxy.proxy.layers import websocket
from wsproto.events import CloseConnection, Event
from wsproto.frame_protocol import CloseReason


class FaithfulConnection(websocket.WebsocketConnection):
    """One side of a proxied WebSocket; says no more about the other side's end than that side."""

    def send2(self, event: Event) -> commands.SendData:
        """mitmproxy's own way out: the bytes of a frame, here none for a connection that is lost.

        What follows is the end of the TCP connection, which the peer reads as code 1006.
        """
        if isinstance(event, CloseConnection) and event.code == CloseReason.ABNORMAL_CLOSURE:
            return commands.SendData(self.conn, b"")
        return super().send2(event)


def pass_on_lost_websockets() -> None:
    """Have mitmproxy use `FaithfulConnection`, in this process."""
    websocket.WebsocketConnection = FaithfulConnection  # type: ignore[misc]  # its name is its hook
