"""An upstream that answers before it has the whole upload, as to one that it does not want."""

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2
import pytest
from h2.settings import SettingCodes
from h2_wire import H2, Stream, h2_dialled
from harness import recording
from raw_wire import DEADLINE_S, Peer, upstream, whole
from tls_servers import certificate, serving_tls

BODY = bytes(range(256)) * 40
PART = b"x" * 10_000
STATUS = "413 Content Too Large"


@dataclass
class Upstream:
    """Answers to the first part of an upload; then hangs up when told, or takes the rest."""

    base_url: str = ""
    hangs_up: bool = False
    told: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    rest: bytes = b""

    def speak(self, peer: Peer) -> None:
        """One connection; what is sent is not held back, as it would be lost at the end."""
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isinstance(peer.sock, ssl.SSLSocket) and peer.sock.selected_alpn_protocol() == "h2":
            self._speak_h2(H2(peer, is_client=False))
        else:
            peer.read(b"\r\n\r\n")
            peer.read_bytes(len(PART))
            peer.send(whole(BODY, status=STATUS))
            if not self._is_told():
                self.rest = peer.read_all()
        peer.close()
        self.over.set()

    def _speak_h2(self, server: H2) -> None:
        server.until(lambda: any(len(each.body) >= len(PART) for each in server.streams.values()))
        [number] = [each for each, stream in server.streams.items() if stream.headers]
        server.conn.send_headers(number, [(":status", "413")])
        server.conn.send_data(number, BODY, end_stream=True)
        server.flush()
        stream = server.streams[number]
        if not self._is_told():
            server.until(lambda: stream.ended or stream.reset)
            self.rest = bytes(stream.body[len(PART) :])

    def _is_told(self) -> bool:
        return self.hangs_up and self.told.wait(DEADLINE_S)


@pytest.fixture(scope="module", params=["http/1.1", "h2"])
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upstream]:
    """One recording for all; what is in `current` is the upstream."""
    folder = tmp_path_factory.mktemp("early")
    pem = certificate(folder)
    env = {"SSL_CERT_FILE": str(pem)}
    with (
        upstream(lambda peer: current[-1].speak(peer), serving_tls(pem, request.param)) as url,
        recording(url, folder / "out.jsonl", env=env) as proxy,
    ):
        yield Upstream(proxy.base_url)


current: list[Upstream] = []


def with_upstream(recorded: Upstream, *, hangs_up: bool = False) -> Upstream:
    """The upstream of one test."""
    current.append(Upstream(recorded.base_url, hangs_up))
    return current[-1]


def begun(client: H2) -> int:
    """An upload that has begun, of a client that takes little of the answer at a time."""
    client.conn.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 100})
    number = client.conn.get_next_available_stream_id()
    client.streams[number] = Stream()
    fields = [(":method", "POST"), (":scheme", "https"), (":path", "/v1/files")]
    client.conn.send_headers(number, [*fields, (":authority", "x")])
    client.conn.send_data(number, PART)
    client.flush()
    return number


def test_an_answer_is_over_when_it_is(recorded: Upstream) -> None:
    """The client has all of it while it still uploads; the upstream gets the rest."""
    there = with_upstream(recorded)
    with h2_dialled(there.base_url) as client:
        number = begun(client)
        client.until(lambda: client.streams[number].ended)
        assert client.streams[number].body == BODY
        client.conn.send_data(number, PART, end_stream=True)
        client.flush()
    assert there.over.wait(DEADLINE_S)
    assert there.rest.count(b"x") >= len(PART)  # and of the first part what chunks left of it


def test_an_answer_outlives_its_upstream(recorded: Upstream) -> None:
    """What the client has not read yet stays, and the rest of the upload hurts nobody."""
    there = with_upstream(recorded, hangs_up=True)
    with h2_dialled(there.base_url) as client:
        number = begun(client)
        stream = client.streams[number]
        client.until(lambda: bool(stream.body))
        assert len(stream.body) < len(BODY)
        there.told.set()
        assert there.over.wait(DEADLINE_S)
        client.conn.ping(b"12345678")  # the proxy sees that it is over before it sees this
        for _ in range(3):
            client.conn.send_data(number, PART)
            client.flush()
        client.until(lambda: stream.ended or stream.reset)
        assert (stream.reset, stream.body) == (False, BODY)
        client.conn.send_data(number, PART, end_stream=True)
        client.flush()
        again = with_upstream(recorded, hangs_up=True)
        again.told.set()
        assert client.finished(begun(client)).body == BODY


def test_who_breaks_off_after_the_answer_is_not_waited_for(recorded: Upstream) -> None:
    """The upstream hears at once that the rest of the upload will not come."""
    there = with_upstream(recorded)
    with h2_dialled(there.base_url) as client:
        number = begun(client)
        client.until(lambda: client.streams[number].ended)
        client.conn.reset_stream(number)
        client.flush()
        assert there.over.wait(DEADLINE_S)


@pytest.mark.parametrize("http2", [True, False])
def test_a_client_that_uploads_first_reads_the_answer_then(recorded: Upstream, http2: bool) -> None:
    """httpx sends all of an upload, though nobody wants it, and gets the answer."""
    there = with_upstream(recorded, hangs_up=True)
    there.told.set()
    base_url = there.base_url.replace("http:", "https:") if http2 else there.base_url
    with httpx2.Client(http2=http2, verify=False) as client:
        answer = client.post(f"{base_url}/files", content=(PART for _ in range(200)))
    assert answer.status_code == 413, answer.text
    assert answer.content == BODY
