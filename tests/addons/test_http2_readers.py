"""A client that leaves an answer unread has all others, and that one when it reads on."""

from pathlib import Path

import pytest
from h2_wire import H2, begun, h2_dialled, wire_to
from raw_wire import Peer, head, whole
from watching import memory_mb, settled

SIZE = 150_000_000
PIECE = b"x" * 10_000
JSON = ("content-type", "application/json")
BUFFERS = 25_000_000
"""Bytes of one answer that systems, TLS and the proxy may hold between two ends."""


@pytest.mark.parametrize("version", ["h2", "http/1.1"])
def test_an_unread_answer_holds_up_itself_alone(tmp_path: Path, version: str) -> None:
    """Its upstream is slowed, memory stays flat, and every byte comes in the end."""
    sent = [0]

    def small(peer: Peer) -> None:
        peer.send(whole(b"{}", ": ".join(JSON)))

    def large(peer: Peer) -> None:
        peer.send(head(f"content-length: {SIZE}"))
        while sent[0] < SIZE:
            peer.send(PIECE)
            sent[0] += len(PIECE)

    def speak_h2(peer: Peer) -> None:
        server, answered = H2(peer, is_client=False), set[int]()

        def to_answer() -> list[int]:
            return [n for n, each in server.streams.items() if each.ended and n not in answered]

        def takes_more() -> bool:
            room = server.conn.local_flow_control_window(1) if 1 in answered else 0
            return sent[0] < SIZE and room >= len(PIECE)

        while True:
            server.until(lambda: bool(to_answer()) or takes_more())
            for number in to_answer():
                answered.add(number)
                if number == 1:
                    server.conn.send_headers(number, [(":status", "200")])
                else:
                    server.answer(number, b"{}", JSON)
            if takes_more():
                sent[0] += len(PIECE)
                server.conn.send_data(1, PIECE, end_stream=sent[0] == SIZE)
                server.flush()

    with wire_to(tmp_path, version) as wire, h2_dialled(wire.base_url) as client:
        assert wire.proxy is not None
        wire.speak_h2 = speak_h2
        before = memory_mb(wire.proxy.process.pid)
        cases = [wire.case(each).lower().split(": ") for each in (large, small)]
        unread = begun(client, "GET", "/v1/files/x/content", tuple(cases[0]), ended=True)
        client.unread.add(unread)
        client.conn.increment_flow_control_window(1 << 30)
        client.until(lambda: len(client.streams[unread].body) > 60_000)
        assert settled(lambda: sent[0]) < BUFFERS
        assert memory_mb(wire.proxy.process.pid) - before < 60
        for _ in range(3):
            assert client.finished(client.ask(b"{}", tuple(cases[1]))).body == b"{}"
        client.unread.clear()
        client.conn.increment_flow_control_window(1 << 30, unread)
        client.flush()
        assert len(client.finished(unread).body) == SIZE
