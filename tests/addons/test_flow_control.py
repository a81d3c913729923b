"""Much traffic, slow readers, slow and full disks: flat memory, and nobody else notices."""

import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from h2_wire import h2_dialled
from harness import KEY, Running, recording, stalled_writer, writer_of
from watching import memory_mb, settled

from cassettes.exchange import Exchange
from cassettes.handover import LARGEST_QUEUE
from cassettes.reader import Cassette
from respool.demo.server import running_server

PIECE = b"data: " + b"y" * 65_000 + b"\n\n"
REQUEST = b'{"model":"gpt-5.1","input":"Hi","stream":true}'


class Hose:
    """An upstream that sends as fast as it is read from; `sent` counts bytes of bodies."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.sent = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._answering: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self._listener.accept()
                answering = threading.Thread(target=self._answer, args=[connection])
                answering.start()
                self._answering.append(answering)
        except OSError:
            pass  # nobody is to come any more

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # whoever reads may go
            self._send(connection)

    def _send(self, connection: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            more = connection.recv(65536)
            if not more:
                return  # a probe
            asked += more
        if b"/responses" not in asked:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            return
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        connection.sendall(head + b"content-length: %d\r\n\r\n" % self.size)
        while self.sent < self.size:
            connection.sendall(PIECE[: self.size - self.sent])
            self.sent += min(len(PIECE), self.size - self.sent)

    def close(self) -> None:
        """Let nobody else connect."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in [self._thread, *self._answering]:
            each.join()


@contextmanager
def hose(size: int) -> Iterator[Hose]:
    """A `Hose` for one test."""
    running = Hose(size)
    try:
        yield running
    finally:
        running.close()


@contextmanager
def asking(base_url: str) -> Iterator[socket.socket]:
    """A raw connection on which a stream was asked for, and whose head was read."""
    port = int(base_url.rsplit(":", 1)[1].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        head = b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        client.sendall(head + b"content-length: %d\r\n\r\n" % len(REQUEST) + REQUEST)
        arrived = b""
        while not arrived.endswith(b"\r\n\r\n"):
            arrived += client.recv(1)
        yield client


def post(running: Running) -> httpx2.Response:
    """Ask, and wait for the whole answer."""
    return httpx2.post(
        f"{running.base_url}/responses",
        json={"model": "gpt-5.1", "input": "Kyoto or Lisbon?"},
        headers={"authorization": f"Bearer {KEY}"},
        timeout=20,
    )


def exchanges(path: Path) -> list[Exchange]:
    """All of a cassette."""
    with Cassette.open(path) as cassette:
        return [cassette.exchange(number) for number in cassette.exchanges]


def test_a_slow_reader_slows_its_upstream_and_nothing_else(tmp_path: Path) -> None:
    """What is not read is not fetched: memory stays flat, and another client has its answers."""
    with hose(500_000_000) as big, recording(big.base_url, tmp_path / "c.jsonl") as proxy:
        before = memory_mb(proxy.process.pid)
        with asking(proxy.base_url) as slow:
            slow.recv(1000)
            assert settled(lambda: big.sent) < 40_000_000
            assert memory_mb(proxy.process.pid) - before < 60
            assert httpx2.get(f"{proxy.base_url}/models", timeout=5).json() == {}
        assert proxy.stop() == 0
    [one] = exchanges(tmp_path / "c.jsonl")
    assert one.outcome == "client_gone"
    assert len(one.body) <= big.sent


def test_a_slow_reader_of_http2_slows_its_upstream_too(tmp_path: Path) -> None:
    """What waits for one connection is bounded; what is then read on comes, to the last byte."""
    size = 25_000_000
    with hose(size) as big, recording(big.base_url, tmp_path / "c.jsonl") as proxy:
        with h2_dialled(proxy.base_url) as client:
            number = client.ask(REQUEST)
            client.until(lambda: bool(client.streams[number].headers))
            assert (
                1_000_000 < settled(lambda: big.sent) < 15_000_000
            )  # which buffers of the system hold in part
            client.conn.increment_flow_control_window(2**30)
            client.conn.increment_flow_control_window(2**30, number)
            client.flush()
            assert len(client.finished(number).body) == size
        assert proxy.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_gigabyte_passes_with_flat_memory(tmp_path: Path) -> None:
    """The client has every byte; proxy and writer hold no more than the queue may."""
    size = 1_000_000_000
    peak = {"proxy": 0, "writer": 0}
    with hose(size) as big, recording(big.base_url, tmp_path / "c.jsonl") as proxy:
        writer = writer_of(proxy)
        before = memory_mb(proxy.process.pid)
        with asking(proxy.base_url) as client:
            got = looked = 0
            while got < size:
                got += len(client.recv(1 << 20))
                if got - looked > 10_000_000:
                    looked = got
                    peak["proxy"] = max(peak["proxy"], memory_mb(proxy.process.pid))
                    peak["writer"] = max(peak["writer"], memory_mb(writer))
        code = proxy.stop()
    assert peak["proxy"] - before < LARGEST_QUEUE / 1e6 + 50, (peak, before)
    assert peak["writer"] < 150, peak
    [one] = exchanges(tmp_path / "c.jsonl")
    # A disk that is slower than this loopback is told of, and what was written is right.
    assert (code, one.outcome) in [(0, "truncated"), (3, "recorder_overrun")]
    assert (PIECE * (len(one.body) // len(PIECE) + 1)).startswith(one.body)


def test_a_full_disk_is_told_of_at_once_and_stops_no_traffic(tmp_path: Path) -> None:
    """Clients have their answers, the operator one line while they come, the shell exit code 3."""
    tape = tmp_path / "c.jsonl"
    with running_server() as server, recording(server.base_url, tape) as proxy:
        whole = post(proxy).json()["output"]
        resource.prlimit(writer_of(proxy), resource.RLIMIT_FSIZE, (6000, 6000))
        answers = [post(proxy) for _ in range(30)]
        assert all(answer.is_success and answer.json()["output"] for answer in answers)
        told = [line for line in proxy.said if "cannot write" in line]
        assert proxy.stop() == 3
    assert whole
    assert len(told) == 1
    assert "File too large; traffic goes on unrecorded" in told[0]
    recorded = exchanges(tape)
    assert 1 <= len(recorded) < 31
    assert recorded[0].outcome == "complete"


def test_a_disk_that_stalls_holds_nobody_up(tmp_path: Path) -> None:
    """While nothing can be written clients have their answers; afterwards all is in the file."""
    tape = tmp_path / "c.jsonl"
    with running_server() as server, recording(server.base_url, tape) as proxy:
        with stalled_writer(proxy):
            answers = [post(proxy).content for _ in range(20)]
        assert proxy.stop() == 0
    assert [one.body for one in exchanges(tape)] == answers
    assert {one.outcome for one in exchanges(tape)} == {"complete"}


def test_a_writer_that_gets_nowhere_is_told_of_and_can_be_given_up(tmp_path: Path) -> None:
    """Who stops a recording whose disk hangs hears what is waited for, and may stop waiting."""
    with running_server() as server, recording(server.base_url, tmp_path / "c.jsonl") as proxy:
        post(proxy)
        with stalled_writer(proxy):
            post(proxy)
            proxy.process.send_signal(signal.SIGINT)
            while not any("waiting until" in line for line in proxy.said):
                assert proxy.process.poll() is None
                threading.Event().wait(0.05)
            assert proxy.stop() == 3
    assert "ctrl-C gives that up" in proxy.said[-2]
    assert "was not written to the end" in proxy.said[-1]


def test_a_cassette_that_is_deleted_is_told_of_while_it_is_recorded(tmp_path: Path) -> None:
    """The operator hears of it with the traffic that follows, and not weeks later."""
    tape = tmp_path / "c.jsonl"
    with running_server() as server, recording(server.base_url, tape) as proxy:
        post(proxy)
        tape.unlink()
        while not any("was moved, deleted or replaced" in line for line in proxy.said):
            assert post(proxy).is_success
        assert proxy.stop() == 3
    assert sum("was moved, deleted or replaced" in line for line in proxy.said) == 1
