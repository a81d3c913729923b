"""Every reach into what mitmproxy does not offer to addons; a test fails by name when it changes.

A WebSocket that is lost, without a close frame, must be lost for the other side too: mitmproxy
tells it that all is well (close code 1000), so that a client takes half an answer for a whole one.
And a message of many megabytes must not hold up everybody else: mitmproxy copies all of it again
for each piece that arrives.
"""

from collections.abc import Iterable

from mitmproxy.proxy import commands
from mitmproxy.proxy.layers import websocket
from wsproto.events import CloseConnection, Event
from wsproto.frame_protocol import CloseReason


class _Fragments(list[bytearray]):
    """Fragments that grow in place, where mitmproxy's own are made anew with each piece."""

    def append(self, fragment: bytes) -> None:  # type: ignore[override]  # takes what it is given
        """Begin the next fragment."""
        super().append(bytearray(fragment))


class FaithfulConnection(websocket.WebsocketConnection):
    """One side of a proxied WebSocket; says no more about the other side's end than that side."""

    @property  # type: ignore[override]  # who uses it sees a list of bytes
    def frame_buf(self) -> _Fragments:
        """The fragments of the message that is coming in, the last one still growing."""
        return self._fragments

    @frame_buf.setter
    def frame_buf(self, fragments: Iterable[bytes]) -> None:
        self._fragments = _Fragments(map(bytearray, fragments))

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
