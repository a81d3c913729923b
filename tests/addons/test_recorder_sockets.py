"""Recording WebSockets through a real mitmproxy, and replaying them to the same client."""

import contextlib
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import KEY, recording, replaying, serving, stalled_writer
from socket_traffic import creating, messages
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from cassettes.exchange import Exchange
from cassettes.format import Close
from cassettes.reader import Cassette

type Handler = Callable[[ServerConnection], None]
type Program = Callable[[ClientConnection], list[object]]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Where the recording goes."""
    return tmp_path / "out.jsonl"


def exchanges(path: Path) -> list[Exchange]:
    """All that is in a cassette."""
    with Cassette.open(path) as cassette:
        return [cassette.exchange(number) for number in cassette.exchanges]


@contextlib.contextmanager
def upstream(handler: Handler, **options: object) -> Iterator[str]:
    """A WebSocket server; its base URL."""
    with serve(handler, "127.0.0.1", 0, max_size=None, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


def client(base_url: str, **options: object) -> ClientConnection:
    """A WebSocket to a proxy or player."""
    url = base_url.replace("http://", "ws://") + "/responses"
    return connect(url, additional_headers={"authorization": f"Bearer {KEY}"}, **options)


def both_ways(tape: Path, handler: Handler, program: Program, **options: object) -> list[object]:
    """What a program gets through the recorder, having seen that the replay gives it the same."""
    with upstream(handler) as url, recording(url, tape) as proxy:
        with client(proxy.base_url, **options) as socket:
            recorded = program(socket)
        assert proxy.stop() == 0
    with replaying(tape) as player:
        with client(player.base_url, **options) as socket:
            assert program(socket) == recorded
        player.stop()
    assert player.said[-1].endswith(", 0 misses")
    return recorded


def until_closed(socket: ClientConnection) -> list[object]:
    """What comes, and the close frame, or None where the connection is lost."""
    got: list[object] = []
    try:
        while True:
            got.append(socket.recv(timeout=20, decode=False))
    except ConnectionClosed as closed:
        return [*got, (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None]


def say(socket: ServerConnection, texts: list[bytes]) -> None:
    """Send text messages."""
    for text in texts:
        socket.send(text, text=True)


def test_a_conversation_is_recorded_and_replayed(tape: Path) -> None:
    """Two responses in one connection; the client closes it."""

    def handler(socket: ServerConnection) -> None:
        for n, _ in enumerate(socket, 1):
            say(socket, messages(f"Answer {n}", f"resp_{n}"))

    def program(socket: ClientConnection) -> list[object]:
        got: list[object] = []
        for text in ("a", "b"):
            socket.send(creating(text), text=True)
            got += [socket.recv(timeout=20, decode=False) for _ in range(4)]
        return got

    got = both_ways(tape, handler, program)
    assert got == [*messages("Answer 1", "resp_1"), *messages("Answer 2", "resp_2")]
    handshake, first, second = exchanges(tape)
    assert handshake.close == Close(code=1000, by="client")
    assert [one.outcome for one in (handshake, first, second)] == ["complete"] * 3
    assert [piece.data for piece in second.pieces] == messages("Answer 2", "resp_2")
    assert KEY not in tape.read_text()


@pytest.mark.parametrize("compression", ["deflate", None])
def test_fragments_binary_messages_and_pings_pass(tape: Path, compression: str | None) -> None:
    """Whatever frames a message travels in, the other side gets it whole; pings come through."""

    def handler(socket: ServerConnection) -> None:
        for message in socket:
            if message == b"ping":
                socket.send(b"pong" if socket.ping().wait(20) else b"nothing")
            elif isinstance(message, bytes):
                socket.send(message)
            else:
                socket.send([message[:1], message[1:70_000], message[70_000:]])

    def program(socket: ClientConnection) -> list[object]:
        got: list[object] = [socket.ping().wait(20)]
        for message in ("é" * 2_000_000, b"\x00\xff", b"ping"):
            socket.send([message[:1], message[1:]])
            got.append(socket.recv(timeout=20))
        return got

    got = both_ways(tape, handler, program, compression=compression, max_size=None)
    assert got[1:] == ["é" * 2_000_000, b"\x00\xff", b"pong"]
    _, text, binary, pinged = exchanges(tape)
    assert [one.request.binary for one in (text, binary, pinged)] == [False, True, True]
    assert text.pieces[0].data == ("é" * 2_000_000).encode()


def test_close_codes_pass_and_come_again(tape: Path) -> None:
    """Code and reason of the server's close reach the client, the cassette and the replay."""

    def handler(socket: ServerConnection) -> None:
        socket.recv()
        say(socket, messages("A")[:2])
        socket.close(4008, "session too old")

    def program(socket: ClientConnection) -> list[object]:
        socket.send(creating("a"), text=True)
        return until_closed(socket)

    assert both_ways(tape, handler, program) == [*messages("A")[:2], (4008, "session too old")]
    handshake, cut = exchanges(tape)
    assert handshake.close == Close(code=4008, reason="session too old", by="server")
    assert cut.outcome == "upstream_gone"


def abort(connection: socket.socket) -> None:
    """Reset a TCP connection, as a server that dies does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("how", ["abort", "end"])
def test_a_lost_connection_is_lost_for_the_client_too(tape: Path, how: str) -> None:
    """A connection lost in mid-response is not dressed up as a proper end (mitmproxy does)."""

    def handler(connection: ServerConnection) -> None:
        connection.recv()
        say(connection, messages("A")[:2])
        connection.recv()
        abort(connection.socket) if how == "abort" else connection.socket.shutdown(socket.SHUT_RDWR)

    def program(socket: ClientConnection) -> list[object]:
        socket.send(creating("a"), text=True)
        got = [socket.recv(timeout=20, decode=False) for _ in range(2)]
        socket.send(b"go", text=True)
        return [*got, *until_closed(socket)]

    assert both_ways(tape, handler, program) == [*messages("A")[:2], None]
    handshake, cut, _ = exchanges(tape)
    assert (handshake.close, handshake.outcome) == (None, "upstream_gone")
    assert cut.outcome == "upstream_gone"


def test_a_client_that_vanishes_is_told_from_a_server_that_does(tape: Path) -> None:
    """A client that is gone in mid-response leaves `client_gone`."""
    gone = threading.Event()

    def handler(connection: ServerConnection) -> None:
        connection.recv()
        say(connection, messages("A")[:2])
        with contextlib.suppress(ConnectionClosed):
            connection.recv(timeout=20)
        gone.set()

    with upstream(handler) as url, recording(url, tape) as proxy:
        with client(proxy.base_url) as socket:
            socket.send(creating("a"), text=True)
            socket.recv(timeout=20)
            socket.recv(timeout=20)
            abort(socket.socket)
        assert gone.wait(20)
        proxy.stop()
    assert [one.outcome for one in exchanges(tape)] == ["client_gone", "client_gone"]


def test_a_refused_upgrade_is_recorded_and_refused_again(tape: Path) -> None:
    """The server's own status and body reach the client both times."""

    def refuse(connection: ServerConnection, request: object) -> object:
        return connection.respond(426, "no WebSocket here\n")

    def refusal(base_url: str) -> tuple[int, bytes]:
        with pytest.raises(InvalidStatus) as caught, client(base_url):
            pass
        return caught.value.response.status_code, bytes(caught.value.response.body)

    with upstream(lambda _: None, process_request=refuse) as url, recording(url, tape) as proxy:
        recorded = refusal(proxy.base_url)
        proxy.stop()
    assert recorded == (426, b"no WebSocket here\n")
    with replaying(tape) as player:
        assert refusal(player.base_url) == recorded
    (one,) = exchanges(tape)
    assert (one.route.endpoint, one.status, one.outcome) == ("connect", 426, "complete")


PATIENT = """
import addons.master
from respool.cli import main
addons.master.GRACE_S = 600.0
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_does_not_wait_for_an_idle_websocket(tape: Path, number: int) -> None:
    """A connection on which nothing is asked does not hold up the end, and is recorded."""

    def handler(socket: ServerConnection) -> None:
        for _ in socket:
            say(socket, messages("A"))

    command = (sys.executable, "-c", PATIENT)
    with (
        upstream(handler) as url,
        serving("record", "--upstream", url, "--cassette", tape, command=command) as proxy,
        client(proxy.base_url) as socket,
    ):
        socket.send(creating("a"), text=True)
        for _ in range(3):
            socket.recv(timeout=20)
        assert proxy.stop(number) == 0
        assert until_closed(socket) == [None]
    assert [one.outcome for one in exchanges(tape)] == ["proxy_stopped", "complete"]


SMALL_QUEUE = """
import cassettes.handover
from respool.cli import main
cassettes.handover.LARGEST_QUEUE = 100_000
cassettes.handover._SOCKET_BUFFER = 4096
main()
"""


def test_a_disk_that_stalls_costs_what_is_missing_and_no_more(tape: Path) -> None:
    """The operator is told, the client has everything, and what comes later is recorded again."""

    def handler(socket: ServerConnection) -> None:
        for n, message in enumerate(socket, 1):
            if "burst" in str(message):
                say(socket, [b'{"type":"response.output_text.delta"}' + b" " * 10_000] * 400)
            say(socket, messages("A", f"resp_{n}"))

    with upstream(handler) as url:
        command = (sys.executable, "-c", SMALL_QUEUE)
        arguments = ("record", "--upstream", url, "--cassette", tape)
        with serving(*arguments, command=command) as proxy, client(proxy.base_url) as socket:
            with stalled_writer(proxy):
                socket.send(creating("burst"), text=True)
                got = [socket.recv(timeout=20, decode=False) for _ in range(403)]
            recorded = False
            for number in range(1000):
                socket.send(creating(f"later {number}"), text=True)
                got = [socket.recv(timeout=20, decode=False) for _ in range(3)]
                recorded = any(
                    one.outcome == "complete" and one.body == b"".join(got)
                    for one in exchanges(tape)
                )
                if recorded:
                    break
            assert proxy.stop() == 3
    assert recorded
    assert (
        "respool: exchange 1 is not recorded whole: it came faster than it is written" in proxy.said
    )
    assert exchanges(tape)[1].outcome == "recorder_overrun"


def test_a_kill_leaves_the_messages_that_came(tape: Path) -> None:
    """After kill -9 the messages that the client had seen are in the cassette, and it continues."""

    def handler(socket: ServerConnection) -> None:
        for _ in socket:
            say(socket, messages("A")[:2])

    with upstream(handler) as url:
        with recording(url, tape) as proxy, client(proxy.base_url) as socket:
            socket.send(creating("a"), text=True)
            seen = [socket.recv(timeout=20, decode=False) for _ in range(2)]
            with Cassette.open(tape) as cassette:
                while 2 not in cassette.exchanges or len(cassette.exchanges[2].offsets) < 2:
                    cassette.poll()
            proxy.stop(signal.SIGKILL)
        with recording(url, tape) as proxy:  # waits for the writer that is still at it
            with client(proxy.base_url) as socket:
                socket.send(creating("b"), text=True)
                socket.recv(timeout=20)
            proxy.stop()
    handshake, cut, *later = exchanges(tape)
    assert (handshake.outcome, cut.outcome) == ("proxy_stopped", "proxy_stopped")
    assert [piece.data for piece in cut.pieces] == seen
    assert [one.number for one in later] == [3, 4]
