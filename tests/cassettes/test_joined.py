"""All files of a capture read as one: what is said of an exchange is what its own file says."""

from pathlib import Path

from socket_traffic import connection, creating, messages
from test_capture import all_in, capture, long, path
from traffic import asking, exchange

from cassettes.folder import cassettes_in
from cassettes.joined import open_whole
from cassettes.reader import Cassette

__all__ = ["path"]


def test_every_exchange_is_read_from_its_own_file(path: Path) -> None:
    """Requests, answers, sockets and what goes on from an earlier file, in order of the numbers."""
    recording = capture(path)
    recording.put(*connection(1, ("client", creating("turn")), *messages("Hello")))
    recording.put(*long(3, 30_000), *exchange(4, asking("a")), *long(5, 30_000))
    recording.put(*exchange(6, asking("a", "b")))
    recording.close()
    assert len(cassettes_in(path.parent)) > 2
    with open_whole(path.parent) as whole:
        assert list(whole.exchanges) == [1, 2, 3, 4, 5, 6]
        assert {x: whole.exchange(x) for x in whole.exchanges} == all_in(path.parent)
        assert [whole.inherited(x) for x in whole.exchanges] == [0, 0, 0, 0, 0, 1]
        assert [whole.on_socket(x) for x in (1, 2, 6, 99)] == [[2], (), [], ()]
        for file in cassettes_in(path.parent):
            with Cassette.open(file) as part:
                assert part.header.id == whole.header.id
                for x in part.exchanges:
                    assert whole.body(x) == part.body(x)
                    assert whole.request(x) == part.request(x)
                    assert whole.upstream(x) == part.upstream(x)
                for ref in part.refs:
                    assert whole.item(ref) == part.item(ref)
