"""A WebSocket that is lost is lost for the other side too, and large messages hold up nobody.

mitmproxy tells the other side of a lost one that all is well (close code 1000), so that a client
takes half an answer for a whole one. And it copies all of a message again for each piece of it.
"""

from collections.abc import Iterable

from mitmproxy.proxy import commands
from mitmproxy.proxy.layers import websocket
from wsproto.events import CloseConnection
from wsproto.events import Event as Frame
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

    def send2(self, event: Frame) -> commands.SendData:
        """mitmproxy's own way out: the bytes of a frame, here none for a connection that is lost.

        What follows is the end of the TCP connection, which the peer reads as code 1006.
        """
        if isinstance(event, CloseConnection) and event.code == CloseReason.ABNORMAL_CLOSURE:
            return commands.SendData(self.conn, b"")
        return super().send2(event)


def pass_on_lost_websockets() -> None:
    """Have mitmproxy use `FaithfulConnection`, in this process."""
    websocket.WebsocketConnection = FaithfulConnection  # type: ignore[misc]  # its name is its hook
