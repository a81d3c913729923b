"""HTTP/2 where much waits, where something is cancelled, and where an upstream is odd."""

import threading
from pathlib import Path

import pytest
from h2.settings import SettingCodes
from h2_wire import H2, asked, begun, h2_dialled, say_goodbye, wire_to
from hyperframe.frame import HeadersFrame
from raw_wire import DEADLINE_S, Peer, head

from addons.internals.http2 import UPLOAD

BODY = b'{"id":"resp_1","object":"response"}'


def one_at_a_time(peer: Peer) -> H2:
    """A server that takes one request at a time, and knows that the proxy knows."""
    server = H2(peer, is_client=False)
    server.conn.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    server.flush()
    server.until(lambda: server.conn.local_settings.max_concurrent_streams == 1)
    return server


def test_hundreds_of_requests_that_wait_for_settings_are_answered(tmp_path: Path) -> None:
    """Until the upstream says how many it takes, ten are sent; then all others at once."""
    many = 500

    def speak(peer: Peer) -> None:
        all_asked.wait(DEADLINE_S)
        server = H2(peer, is_client=False)
        server.conn.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: many})
        server.flush()
        for number in asked(server, many):
            server.answer(number, BODY)
        peer.read_all()

    all_asked = threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        client.until(lambda: client.conn.remote_settings.max_concurrent_streams >= many)
        numbers = [client.ask(b"{}") for _ in range(many)]
        all_asked.set()
        assert {bytes(client.finished(number).body) for number in numbers} == {BODY}


def test_a_goodbye_after_a_cancelled_request_ends_nothing_else(tmp_path: Path) -> None:
    """What was cancelled is over: a goodbye does not end it again, nor wait for it."""

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        if both.is_set():  # what the goodbye left out
            server.answer(*asked(server), BODY)
            peer.read_all()
        first, second = asked(server, 2)
        both.set()
        server.until(lambda: server.streams[second].reset)
        asked(server, 3)  # for which h2 forgets the one that was cancelled
        say_goodbye(server, first)
        server.answer(first, BODY)
        peer.read_all()
        left.set()

    both, left = threading.Event(), threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        first = client.ask(b"{}")
        second = client.ask(b"{}")
        both.wait(DEADLINE_S)
        client.conn.reset_stream(second, 8)
        third = client.ask(b"{}")
        assert client.finished(first).body == BODY
        assert client.finished(third).body == BODY
        assert left.wait(DEADLINE_S)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_cancelled_request_that_waits_is_never_sent(tmp_path: Path, at_once: bool) -> None:
    """It would cost what nobody reads, also if it is cancelled in the same breath."""

    def speak(peer: Peer) -> None:
        server = one_at_a_time(peer)
        [first] = asked(server)
        there.set()
        cancelled.wait(DEADLINE_S)
        server.answer(first, BODY)
        _, last = asked(server, 2)
        bodies.append(bytes(server.streams[last].body))
        server.answer(last, BODY)
        peer.read_all()

    there, cancelled, bodies = threading.Event(), threading.Event(), []
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        first = client.ask(b"1")
        there.wait(DEADLINE_S)
        second, third = client.say(b"2"), client.say(b"3")
        if not at_once:
            client.flush()
            wire.begun(2)
        client.conn.reset_stream(second, 8)
        client.flush()
        assert wire.ended(2).outcome == "client_gone"
        cancelled.set()
        assert client.finished(first).body == BODY
        assert client.finished(third).body == BODY
    assert bodies == [b"3"]


def test_an_upload_that_waits_for_a_stream_gets_no_credit(tmp_path: Path) -> None:
    """Nothing of it would go anywhere; when there is a stream, all of it comes."""
    size = 2 * UPLOAD

    def speak(peer: Peer) -> None:
        server = one_at_a_time(peer)
        [first] = asked(server)
        there.set()
        full.wait(DEADLINE_S)
        server.answer(first, BODY)
        _, upload = asked(server, 2)
        assert len(server.streams[upload].body) == size
        server.answer(upload, BODY)
        peer.read_all()

    there, full = threading.Event(), threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        first = client.ask(b"1")
        there.wait(DEADLINE_S)
        upload, sent = begun(client, "POST", "/v1/files"), 0
        client.until(lambda: client.conn.outbound_flow_control_window > size)

        def go_on() -> int:
            more = min(client.conn.local_flow_control_window(upload), size - sent)
            for at in range(0, more, 16_000):
                client.conn.send_data(upload, b"x" * min(16_000, more - at))
                client.flush()
            return more

        sent += go_on()
        refused = begun(client, "GET", "/v1/models", ("x(a)", "1"), ended=True)
        assert (":status", "400") in client.finished(refused).headers  # after all that was sent
        assert sent == UPLOAD
        assert client.conn.local_flow_control_window(upload) == 0
        full.set()
        assert client.finished(first).body == BODY
        while sent < size:
            client.until(lambda: client.conn.local_flow_control_window(upload) > 0)
            sent += go_on()
        client.conn.end_stream(upload)
        client.flush()
        assert client.finished(upload).body == BODY


def test_an_upstream_that_takes_less_than_was_sent_gets_the_rest(tmp_path: Path) -> None:
    """Its settings leave credit below 0, which is none, and is given later (RFC 9113, 6.9.2)."""

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        server.until(lambda: any(len(each.body) == 30_000 for each in server.streams.values()))
        [number] = [number for number, each in server.streams.items() if each.body]
        server.conn.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1000})
        server.flush()
        server.until(lambda: server.conn.local_settings.initial_window_size == 1000)
        less.set()
        going_on.wait(DEADLINE_S)
        server.conn.increment_flow_control_window(60_000, number)
        server.flush()
        assert asked(server) == [number]
        server.answer(number, b"%d" % len(server.streams[number].body))
        peer.read_all()

    less, going_on = threading.Event(), threading.Event()
    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        number = begun(client, "POST", "/v1/files")
        client.conn.send_data(number, b"x" * 10_000)
        client.conn.send_data(number, b"x" * 10_000)
        client.conn.send_data(number, b"x" * 10_000)
        client.flush()
        assert less.wait(DEADLINE_S)
        client.conn.send_data(number, b"x" * 10_000)
        client.flush()
        going_on.set()
        client.conn.end_stream(number)
        client.flush()
        assert client.finished(number).body == b"40000"


def test_hints_without_a_status_end_what_they_are_about(tmp_path: Path) -> None:
    """As any other answer that cannot be read does, instead of leaving the client to wait."""

    def speak(peer: Peer) -> None:
        server = H2(peer, is_client=False)
        [number] = asked(server)
        encoded = server.conn.encoder.encode([(":status", "1x3")])
        peer.send(HeadersFrame(number, data=encoded, flags=["END_HEADERS"]).serialize())
        peer.read_all()

    with wire_to(tmp_path, "h2") as wire, h2_dialled(wire.base_url) as client:
        wire.speak_h2 = speak
        assert (":status", "502") in client.finished(client.ask(b"{}")).headers


def test_what_http2_cannot_carry_is_made_so_that_it_can(tmp_path: Path) -> None:
    """Hints that are no HTTP are left out; lines that go on become one (RFC 9112, 5.2)."""

    def h1(peer: Peer) -> None:
        peer.send(head("A b: x", status="103 Early Hints"))
        peer.send(head("X-Folded: a\r\n  b", "Link: x\r\n\ty", status="103 Early Hints"))
        peer.send(head("X-Folded: a\r\n  b\rc\r\n ", "Content-Length: 2"), b"{}")

    with wire_to(tmp_path, "http/1.1") as wire, h2_dialled(wire.base_url) as client:
        case = tuple(wire.case(h1).lower().split(": "))
        stream = client.finished(client.ask(b"{}", case))
        assert [dict(each) for each in stream.informed] == [
            {":status": "103", "x-folded": "a b", "link": "x y"}
        ]
        assert dict(stream.headers)["x-folded"] == "a b c"


def test_an_upstream_cannot_switch_protocols_by_itself(tmp_path: Path) -> None:
    """HTTP/2 has no 101, and whoever asked for nothing else speaks HTTP (RFC 9110, 15.2.2)."""

    def h1(peer: Peer) -> None:
        peer.send(head("Upgrade: foo", status="101 Switching Protocols"), b"what is this?")
        peer.read_all()

    with wire_to(tmp_path, "http/1.1") as wire, h2_dialled(wire.base_url) as client:
        case = tuple(wire.case(h1).lower().split(": "))
        stream = client.finished(client.ask(b"{}", case))
        assert (":status", "502") in stream.headers
        assert b"101 for a request that asks for no other protocol" in stream.body


def test_who_says_close_in_capitals_is_not_asked_again(tmp_path: Path) -> None:
    """Options of a connection are of any case (RFC 9110, 7.6.1); what came next would be lost."""
    peers: list[int] = []

    def h1(peer: Peer) -> None:
        peers.append(id(peer))
        peer.send(head("Content-Length: 2", "Connection: Close"), b"{}")
        peer.read_all()

    with wire_to(tmp_path, "http/1.1") as wire, h2_dialled(wire.base_url) as client:
        case = tuple(wire.case(h1).lower().split(": "))
        for _ in range(2):
            assert client.finished(client.ask(b"{}", case)).body == b"{}"
    assert len(peers) == 2
