"""WebSockets whose server breaks the rules, or breaks off amid a message."""

import base64
import hashlib
from collections.abc import Iterator

import pytest
from raw_wire import Handler, Peer, Wire, head, request, wired

from cassettes.format import Close

ANY_TEXT = b'\x81\x10{"type":"later"}'
HALF = {
    "a fragment": b"\x01\x05hello",
    "half a frame": b"\x81\x7e\x01\x00half",
    "half a head": b"\x81",
}
WRONG = {
    "an opcode": (b"\x83\x05hello", 1002),
    "no UTF-8": (b"\x81\x02\xff\xff", 1007),
    "a reserved bit": (b"\xb1\x05hello", 1002),
}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One recording for all that happens here, one thing after another."""
    with wired(tmp_path_factory.mktemp("sockets") / "out.jsonl") as wire:
        yield wire


def accepts(*frames: bytes, hangs_up: bool) -> Handler:
    """A server that takes a WebSocket, sends these bytes, and hangs up or waits for that."""

    def handle(peer: Peer) -> None:
        lines = peer.asked[0].split(b"\r\n")
        key = next(line for line in lines if line.lower().startswith(b"sec-websocket-key:"))
        digest = hashlib.sha1(key.split()[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        accept = f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}"
        upgrade = "Upgrade: websocket", "Connection: Upgrade"
        peer.send(head(*upgrade, accept, status="101 Switching Protocols"), *frames)
        if hangs_up:
            peer.close()
        else:
            peer.read_all()

    return handle


def heard(wire: Wire, handle: Handler) -> bytes:
    """All that a client gets on a WebSocket, after the head."""
    more = "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"
    key = "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="
    with wire.dial() as client:
        client.send(request(b"", wire.case(handle), *more, key, method="GET"))
        client.read(b"\r\n\r\n")
        return client.read_all()


@pytest.mark.parametrize("name", HALF)
def test_half_a_message_is_none(wire: Wire, name: str) -> None:
    """What was whole is there; the connection was lost, for the client too."""
    got = heard(wire, accepts(ANY_TEXT, HALF[name], hangs_up=True))
    assert got == ANY_TEXT
    exchange = wire.exchange()
    assert (exchange.outcome, exchange.close) == ("upstream_gone", None)
    assert exchange.body == ANY_TEXT[2:]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_websocket_closes_it(wire: Wire, name: str) -> None:
    """The client is told with the code of RFC 6455, 7.4.1, which the recording has too."""
    frame, code = WRONG[name]
    got = heard(wire, accepts(ANY_TEXT, frame, hangs_up=False))
    assert got.startswith(ANY_TEXT)
    assert got[len(ANY_TEXT) + 2 :][:2] == code.to_bytes(2)
    exchange = wire.exchange()
    assert exchange.body == ANY_TEXT[2:]
    assert exchange.close == Close(code=code, reason=exchange.close.reason, by="server")
