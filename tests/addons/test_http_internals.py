"""What respool mends in mitmproxy's HTTP: each fails by its name when mitmproxy changes it."""

import importlib
import inspect
from asyncio import StreamReaderProtocol
from asyncio.selector_events import _SelectorTransport
from types import SimpleNamespace

import h2.stream
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from h11._receivebuffer import ReceiveBuffer
from hpack import Encoder
from hpack.huffman import HuffmanEncoder
from hyperframe.frame import HeadersFrame, SettingsFrame
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.hooks import all_hooks
from mitmproxy.http import Headers, Request, Response
from mitmproxy.net.http import http1
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy.layers import http as http_layer
from mitmproxy.proxy.layers.http import _http1, _http2
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

from addons.error_answer import RESET_BY_CLIENT, plain
from addons.internals.buffer import Buffer, Chunks
from addons.internals.framing import settle
from addons.internals.http1 import UnreadableHook
from addons.internals.http2 import FaithfulH2Connection
from addons.internals.whole import keep_http_whole
from addons.recorder import Recorder

_originals = SimpleNamespace(
    Http1Client=_http1.Http1Client,
    Http1Server=_http1.Http1Server,
    Http2Client=_http2.Http2Client,
    Http2Server=_http2.Http2Server,
    HttpStream=http_layer.HttpStream,
)
LENGTH = b"content-length", b"2"
NAMES = tuple(vars(_originals))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what mitmproxy imports
def test_the_http_layer_makes_its_connections_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer looks its classes up in its modules, where ours take their place."""
    for name in NAMES:
        monkeypatch.setattr(http_layer, name, getattr(http_layer, name))
    monkeypatch.setattr(_http1, "ChunkedReader", _http1.ChunkedReader)
    keep_http_whole()
    made = inspect.getsource(http_layer.HttpLayer) + inspect.getsource(http_layer.HttpClient)
    for name in NAMES:
        assert f"= {name}(" in made
        assert issubclass(getattr(http_layer, name), getattr(_originals, name))
        assert getattr(http_layer, name) is not getattr(_originals, name)
    assert isinstance(_http1.make_body_reader(None), Chunks)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what mitmproxy imports
def test_the_http_layer_is_made_by_name() -> None:
    """Where mitmproxy decides what is spoken, and where it finds a connection to an upstream."""
    next_layer = importlib.import_module("mitmproxy.addons.next_layer")
    decides = inspect.getsource(next_layer)
    assert decides.count("HttpLayer(context, HTTPMode.") == decides.count("HttpLayer(")
    assert "    get_connection(" not in inspect.getsource(_originals.HttpStream)
    layer = inspect.getsource(http_layer.HttpLayer)
    assert layer.count("self.get_connection(command)") == 1
    for name in ("connections", "streams", "waiting_for_establishment", "command_sources"):
        assert f"self.{name}" in layer
    stream = inspect.getsource(_originals.HttpStream)
    assert "self.context.server = self.flow.server_conn = connection" in stream
    assert "self.client_state = self.state_done" in stream
    assert "yield from self.handle_protocol_error(event)" in stream
    for named in ("send_response(already_streamed=True)", "flow_done()", "server_state"):
        assert f"self.{named}" in stream


def test_a_goodbye_is_received_by_name() -> None:
    """h2 looks for the method that reads it, and mitmproxy for the class, where ours are."""
    assert "GoAwayFrame: self._receive_goaway_frame" in inspect.getsource(H2Connection)
    assert "BufferedH2Connection(self.h2_conf)" in inspect.getsource(_http2.Http2Connection)
    assert FaithfulH2Connection._receive_goaway_frame is not H2Connection._receive_goaway_frame


def test_credit_is_given_by_name() -> None:
    """mitmproxy gives it at once, by the method that ours withholds it with."""
    assert "self.h2_conn.acknowledge_received_data(" in inspect.getsource(_http2)
    assert "self.stream_buffers[stream_id].append(" in inspect.getsource(BufferedH2Connection)
    assert "commands.RequestWakeup)" in inspect.getsource(http_layer.HttpLayer.event_to_child)
    assert "HeadersFrame: self._receive_headers_frame" in inspect.getsource(H2Connection)
    assert "self.encoder = Encoder()" in inspect.getsource(H2Connection)


def test_h2_still_cannot_do_what_we_mend() -> None:
    """It takes hints on a cancelled stream for an error, and seconds for a long value."""
    cancelled = h2.stream.StreamState.CLOSED, h2.stream.StreamInputs.RECV_INFORMATIONAL_HEADERS
    assert cancelled not in h2.stream._transitions
    assert "final_num <<=" in inspect.getsource(HuffmanEncoder)


def test_mitmproxy_still_cannot_do_what_we_mend() -> None:
    """When it can, ours may go."""
    assert 'self.close_connection(f"HTTP/2 connection closed' in inspect.getsource(_http2)
    assert "Swallowing HTTP/2 informational response" in inspect.getsource(_http2)
    assert "we only use upstream connections for one request" in inspect.getsource(_http1)
    assert "connection.error" in inspect.getsource(http_layer.HttpLayer.get_connection)
    assert "delay sending EOM" in inspect.getsource(_originals.HttpStream.flow_done)
    assert "server closed connection" in inspect.getsource(_http1.Http1Client.read_headers)
    assert 'raise NotImplementedError(f"HTTP trailers' in inspect.getsource(_http1)
    assert "103" not in inspect.getsource(_http1)
    assert "text/html" in inspect.getsource(_http1.make_error_response)
    assert RESET_BY_CLIENT in inspect.getsource(_http2)
    assert "stream reset by upstream" not in inspect.getsource(_http2)


def test_mitmproxy_still_refuses_what_is_settled() -> None:
    """When it takes equal lengths, and a coding beside a length, `settle` may go."""
    for fields in ([LENGTH, LENGTH], [LENGTH, (b"transfer-encoding", b"chunked")]):
        answer = Response.make(200, b"")
        answer.headers = Headers(fields)
        with pytest.raises(ValueError, match=r"multiple|both"):
            validate_headers(answer)
        settle(answer)
        validate_headers(answer)
    assert "blank" not in inspect.getsource(_http1.Http1Server.read_headers)
    assert "make_error_response(400" in inspect.getsource(_http1.Http1Server.read_headers)


def test_what_mitmproxy_says_of_heads_is_said_plainly() -> None:
    """Its words are known by how they begin; the option that they name is not ours."""
    asking = Request.make("POST", "http://x/v1/responses", headers=Headers([(b"a b", b"1")]))
    said = http_layer.validate_request(http_layer.HTTPMode.transparent, asking, True)
    assert said is not None
    assert plain(said) == "its head is not valid HTTP: invalid header name: 'a b'"
    asking = Request.make("CONNECT", "http://x/")
    said = http_layer.validate_request(http_layer.HTTPMode.transparent, asking, True)
    assert said is not None
    assert "record --proxy" in plain(said)
    with pytest.raises(ValueError, match="Invalid header") as raised:
        http1.read_request_head([b"GET / HTTP/1.1", b"secret"])
    assert "secret" not in plain(str(raised.value))
    assert "refusing to prevent" in inspect.getsource(http_layer.HttpStream.check_invalid)


def test_a_broken_body_is_told_after_the_connection_is_closed() -> None:
    """So the order is turned round; and the hook of what is no request is no one else's."""
    source = inspect.getsource(_http1.Http1Connection.read_body)
    assert source.index("CloseConnection(self.conn)") < source.index("self.ReceiveProtocolError(")
    assert all_hooks["unreadable"] is UnreadableHook
    assert callable(Recorder.unreadable)


def test_a_chunked_body_keeps_its_trailers() -> None:
    """The reader says what h11's own says, but for the trailers."""
    reader, buf = Chunks(), ReceiveBuffer()
    buf += b"2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n"
    assert bytes(reader(buf).data) == b"{}"
    assert list(reader(buf).headers) == []
    assert reader.trailers is not None
    assert reader.trailers.fields == ((b"X-Late", b"1"),)


def test_a_broken_connection_is_told_before_it_is_closed() -> None:
    """asyncio calls the reader by the name that ours has taken, with the socket still open."""
    assert "reader.set_exception(exc)" in inspect.getsource(StreamReaderProtocol.connection_lost)
    lost = inspect.getsource(_SelectorTransport._call_connection_lost)
    assert lost.index("_protocol.connection_lost(exc)") < lost.index("_sock.close()")


def test_an_answer_is_told_by_how_it_begins() -> None:
    """The reader of heads takes lines from the buffer only when the head is whole."""
    buf = ReceiveBuffer()
    buf += b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n"
    assert buf.maybe_extract_lines() is None
    assert bytes(buf).startswith(b"HTTP/1.1 103")
    buf += b"\r\n"
    assert len(buf.maybe_extract_lines()) == 2


STEPS = st.one_of(
    st.lists(st.sampled_from([b"\r\n", b"\n", b"ab", b":", b"\x00"]), max_size=6).map(b"".join),
    st.integers(0, 9),
    st.sampled_from(["line", "lines", "invalid", "head"]),
)


@given(st.lists(STEPS, max_size=20))
def test_the_buffer_is_that_of_h11(steps: list[bytes | int | str]) -> None:
    """Whatever comes and is asked for, ours says what h11's own says."""
    ours, theirs = Buffer(), ReceiveBuffer()
    for step in steps:
        if isinstance(step, bytes):
            ours += step
            theirs += step
        elif step == "line":
            assert ours.maybe_extract_next_line() == theirs.maybe_extract_next_line()
        elif step == "lines":
            assert ours.maybe_extract_lines() == theirs.maybe_extract_lines()
        elif step == "head":
            head = ours.maybe_extract_head()
            assert head != []
            while (lines := theirs.maybe_extract_lines()) == []:
                pass
            assert head == lines
        elif step == "invalid":
            asked = [each.is_next_line_obviously_invalid_request_line() for each in (ours, theirs)]
            assert asked[0] == asked[1]
        elif isinstance(step, int):
            assert ours.maybe_extract_at_most(step) == theirs.maybe_extract_at_most(step)
        assert (bytes(ours), len(ours), bool(ours)) == (bytes(theirs), len(theirs), bool(theirs))


def test_a_piece_that_comes_alone_is_not_copied() -> None:
    """It is the very object that came, however much more is wanted."""
    buffer, piece = Buffer(), bytes(100)
    buffer += piece
    assert buffer.maybe_extract_at_most(1000) is piece
    assert vars(ReceiveBuffer()).keys() == {
        "_data",
        "_next_line_search",
        "_multiple_lines_search",
    }


def test_a_head_that_cannot_be_decoded_is_never_ignored() -> None:
    """Not on a cancelled stream either: what comes after it would be read wrongly."""
    conn = FaithfulH2Connection(H2Configuration(client_side=True, header_encoding=False))
    conn.initiate_connection()
    asked = {":method": "GET", ":scheme": "https", ":path": "/", ":authority": "x"}
    conn.send_headers(1, [(name.encode(), value.encode()) for name, value in asked.items()])
    conn.reset_stream(1)
    conn.receive_data(SettingsFrame(0).serialize())
    hint = Encoder().encode([(b":status", b"103")])
    assert conn.receive_data(HeadersFrame(1, hint, flags=["END_HEADERS"]).serialize()) == []
    with pytest.raises(ProtocolError, match="decoding"):
        conn.receive_data(HeadersFrame(1, b"\xff\xff\xff", flags=["END_HEADERS"]).serialize())
