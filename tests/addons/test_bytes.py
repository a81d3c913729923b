"""What is recorded and replayed is what was received, to the byte; the wire is untouched."""

import gzip
import json
import random
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli
import pytest
import zstandard
from playing import playing
from raw_wire import LAST_CHUNK, Handler, Peer, Wire, chunked, dechunked, head, request, wired
from traffic import ENCODINGS, asking

SSE = "Content-Type: text/event-stream"
CHUNKED = "Transfer-Encoding: chunked"
EVENTS = [
    'event: response.created\ndata: {"type":"response.created","s":"日本語 🙂"}\n\n'.encode(),
    b": a comment\n\n",
    b'id: 7\nretry: 10\ndata: {"type":\ndata: "response.in_progress"}\n\n',
    b'event: response.completed\ndata: {"type":"response.completed"}\n\n',
]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One recording for all that happens here, one thing after another."""
    with wired(tmp_path_factory.mktemp("bytes") / "out.jsonl") as wire:
        yield wire


def paced(parts: list[bytes], pause_s: float, *headers: str) -> Handler:
    """An upstream that sends parts of a chunked body with pauses before each."""

    def handle(peer: Peer) -> None:
        peer.send(head(CHUNKED, *headers))
        for part in parts:
            time.sleep(pause_s)
            peer.send(*chunked(part))
        peer.send(LAST_CHUNK)

    return handle


def replayed(wire: Wire, number: int) -> bytes:
    """The body that a player serves for the exchange, which is asked for by its own request."""
    exchange = wire.ended(number)
    with playing(wire.tape) as played:
        return played.send(exchange.request.body)[2]


LINE_ENDS = {
    "LF": EVENTS,
    "CRLF": [event.replace(b"\n", b"\r\n") for event in EVENTS],
    "CR": [event.replace(b"\n", b"\r") for event in EVENTS],
    "byte order mark": [b"\xef\xbb\xbf" + EVENTS[0], *EVENTS[1:]],
    "no end of the last": [*EVENTS[:-1], EVENTS[-1].rstrip()],
    "one end of the last": [*EVENTS[:-1], EVENTS[-1][:-1]],
}


@pytest.mark.parametrize("kind", [SSE, "X-Kind: none"])
@pytest.mark.parametrize("name", LINE_ENDS)
def test_each_event_has_its_own_time(wire: Wire, name: str, kind: str) -> None:
    """An event's time is that at which it was whole, whatever ends its lines."""
    events = LINE_ENDS[name]
    stream = b"".join(events)
    asked = asking(name + kind)
    case = paced(events, 0.1, kind)
    got = wire.ask(case, asked)
    assert got.partition(b"\r\n\r\n")[2] == b"".join(chunked(*events)) + LAST_CHUNK
    exchange = wire.exchange()
    assert exchange.outcome == "complete"
    assert exchange.streamed
    assert [piece.data for piece in exchange.pieces] == events
    for number, piece in enumerate(exchange.pieces, 1):
        assert 100 * number - 30 <= piece.t - exchange.head_ms
    gaps = [b.t - a.t for a, b in zip(exchange.pieces, exchange.pieces[1:], strict=False)]
    if name not in ("no end of the last", "one end of the last"):
        assert min(gaps) > 50
    assert replayed(wire, exchange.number) == stream


def test_a_stream_cut_anywhere_is_the_same_stream(wire: Wire) -> None:
    """Chunks of one to nine bytes, within characters and line ends, change nothing."""
    stream = b"".join(event.replace(b"\n", b"\r\n") for event in EVENTS)
    cut = random.Random(1)
    parts, rest = [], stream
    while rest:
        size = cut.randint(1, 9)
        parts.append(rest[:size])
        rest = rest[size:]
    got = wire.ask(paced(parts, 0.0, SSE), asking("cut"))
    assert dechunked(got.partition(b"\r\n\r\n")[2]) == stream
    exchange = wire.exchange()
    assert [piece.data for piece in exchange.pieces] == [
        event.replace(b"\n", b"\r\n") for event in EVENTS
    ]
    assert replayed(wire, exchange.number) == stream


def flushing(encoding: str) -> Callable[[list[bytes]], list[bytes]]:
    """Compresses a stream so that each event can be read when it has come."""

    def compress(events: list[bytes]) -> list[bytes]:
        if encoding == "br":
            br = brotli.Compressor()
            parts = [br.process(event) + br.flush() for event in events]
            return [*parts, br.finish()]
        if encoding == "zstd":
            zst = zstandard.ZstdCompressor().compressobj()
            block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
            parts = [zst.compress(event) + zst.flush(block) for event in events]
            return [*parts, zst.flush()]
        if encoding == "gzip members":
            return [gzip.compress(event) for event in events]
        bits = {"gzip": 31, "deflate": 15, "bare deflate": -15}[encoding]
        zip_ = zlib.compressobj(wbits=bits)
        parts = [zip_.compress(event) + zip_.flush(zlib.Z_SYNC_FLUSH) for event in events]
        return [*parts, zip_.flush()]

    return compress


@pytest.mark.parametrize(
    "encoding", ["gzip", "gzip members", "deflate", "bare deflate", "br", "zstd"]
)
def test_a_compressed_stream_is_read_as_it_comes(wire: Wire, encoding: str) -> None:
    """The client gets the very bytes; the copy is decoded, each event at its own time."""
    parts = flushing(encoding)(EVENTS)
    named = encoding.split()[-1] if "deflate" in encoding else encoding.split()[0]
    asked = asking(encoding)
    got = wire.ask(paced(parts, 0.1, SSE, f"Content-Encoding: {named}"), asked)
    assert got.partition(b"\r\n\r\n")[2] == b"".join(chunked(*parts)) + LAST_CHUNK
    exchange = wire.exchange()
    assert [piece.data for piece in exchange.pieces] == EVENTS
    assert (exchange.encoding, exchange.outcome) == (named, "complete")
    gaps = [b.t - a.t for a, b in zip(exchange.pieces, exchange.pieces[1:], strict=False)]
    assert min(gaps) > 50
    assert replayed(wire, exchange.number) == b"".join(EVENTS)


def test_encodings_that_are_stacked(wire: Wire) -> None:
    """The last one that was applied is undone first."""
    body = b'{"id":"resp_1"}'
    packed = zstandard.compress(gzip.compress(body))
    more = "Content-Type: application/json", "Content-Encoding: gzip, zstd"
    got = wire.ask(paced([packed], 0.0, *more), asking("stacked"))
    assert dechunked(got.partition(b"\r\n\r\n")[2]) == packed
    exchange = wire.exchange()
    assert (exchange.body, exchange.encoding) == (body, "gzip, zstd")


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name])
def test_a_compressed_request_is_the_same_request(wire: Wire, encoding: str) -> None:
    """The upstream gets it as it was sent; a replay takes it for what it says."""
    plain = asking("compressed with", encoding)
    packed = ENCODINGS[encoding](plain)
    answer = b'{"id":"resp_%s"}' % encoding.encode()
    wire.ask(paced([answer], 0.0), packed, f"Content-Encoding: {encoding}")
    assert wire.received[-1][1] == packed
    exchange = wire.exchange()
    assert exchange.request.body == plain
    others = [name for name in ENCODINGS if name]
    for other in (encoding, others[others.index(encoding) - 1], ""):
        with playing(wire.tape) as played:
            told = {"content-encoding": other} if other else {}
            assert played.send(ENCODINGS[other](plain), headers=told)[2] == answer


def test_events_of_many_megabytes(wire: Wire) -> None:
    """An image is an event among others: whole, in time, and the client gets all of it."""
    image = b"A" * (9 << 20)
    events = [
        EVENTS[0],
        b'data: {"type":"response.image_generation_call.partial_image","b":"%s"}\n\n' % image,
        EVENTS[-1],
    ]
    got = wire.ask(paced(events, 0.0, SSE), asking("image"))
    assert dechunked(got.partition(b"\r\n\r\n")[2]) == b"".join(events)
    exchange = wire.exchange()
    assert [piece.data for piece in exchange.pieces] == events


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream"])
def test_bodies_over_sixteen_megabytes(tmp_path: Path, kind: str) -> None:
    """A long body, of text or not, is in parts of 16 MB at most, and comes back as it was."""
    if kind == "application/json":
        body = json.dumps({"b": "x" * (35 << 20)}).encode()
    else:
        body = random.Random(2).randbytes(35 << 20)
    with wired(tmp_path / "out.jsonl") as wire:
        asked = asking("long")
        handle = paced([body], 0.0, f"Content-Type: {kind}")
        got = wire.ask(handle, asked)
        assert dechunked(got.partition(b"\r\n\r\n")[2]) == body
        exchange = wire.exchange()
        assert exchange.body == body
        assert max(len(piece.data) for piece in exchange.pieces) <= 16 << 20
        wire.proxy.stop()
        assert replayed(wire, 1) == body


def peaks(pid: int) -> Iterator[int]:
    """The most memory that a process and its children have had, in KB; nothing but on Linux."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for each in [str(pid), *children.read_text().split()] if children.exists() else ():
        lines = Path(f"/proc/{each}/status").read_text().splitlines()
        yield next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def test_a_decompression_bomb_stays_small(tmp_path: Path) -> None:
    """What would become a thousand times as much is recorded as it travelled, and said to be."""
    zeros = zlib.compressobj(9, wbits=31)
    bomb = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(1 << 10)) + zeros.flush()
    more = "Content-Type: application/json", "Content-Encoding: gzip"
    with wired(tmp_path / "out.jsonl") as wire:
        got = wire.ask(paced([bomb], 0.0, *more), asking("bomb"))
        assert dechunked(got.partition(b"\r\n\r\n")[2]) == bomb
        exchange = wire.exchange()
        assert all(kb < 500_000 for kb in peaks(wire.proxy.process.pid))
        wire.proxy.stop()
    assert exchange.body == bomb
    assert exchange.error is not None
    assert "would become more than" in exchange.error


def test_a_request_that_is_a_bomb(wire: Wire) -> None:
    """It is passed on, and recorded as it travelled."""
    bomb = zstandard.compress(bytes(300 << 20))
    wire.ask(paced([b"{}"], 0.0), bomb, "Content-Encoding: zstd")
    exchange = wire.exchange()
    assert exchange.request.body == wire.received[-1][1] == bomb
    assert "request body could not be decoded" in (exchange.error or "")


def test_a_request_reaches_the_upstream_as_it_was(wire: Wire) -> None:
    """Body and headers are the client's own, but for the host."""
    body = b'{ "input" : "1e400", "input": "twice" }\n'
    sent = request(body, wire.case(paced([b"{}"], 0.0)), "X-oDD: a  b", "x-odd: c")
    with wire.dial() as client:
        client.send(sent)
        client.read(LAST_CHUNK)
    assert wire.exchange().request.body == body
    asked, got = wire.received[-1]
    assert got == body
    lines = (asked + got).split(b"\r\n")
    assert lines.pop(1) == b"Host: " + wire.upstream_url.split("/")[2].encode()
    assert lines == [line for line in sent.split(b"\r\n") if not line.startswith(b"Host:")]
