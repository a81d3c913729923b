"""All files of a capture read as one: what is said of an exchange is what its own file says."""

from pathlib import Path

import pytest
import zstandard
from socket_traffic import connection, creating, messages
from test_capture import all_in, capture, long, path
from traffic import asking, exchange

from cassettes.folder import cassettes_in, part_path
from cassettes.joined import open_whole
from cassettes.reader import Cassette
from wire.errors import BadCassette

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


@pytest.mark.parametrize("step", ["rotation", "compression"])
def test_what_a_kill_has_left_twice_is_read_once(path: Path, step: str) -> None:
    """A folder in which a file stands under both of its names is that of one capture."""
    recording = capture(path)
    for x in range(1, 6):
        recording.put(*long(x))
    recording.close()
    packed = path.with_name("c.0001.jsonl.zst")
    if step == "rotation":
        part_path(path, 2).hardlink_to(path)
    else:
        part_path(path, 1).write_bytes(zstandard.decompress(packed.read_bytes()))
    with open_whole(path.parent) as whole:
        assert list(whole.exchanges) == [1, 2, 3, 4, 5]
    path.with_name("other.jsonl").write_bytes(path.read_bytes())
    with pytest.raises(BadCassette, match="there are several cassettes"):
        open_whole(path.parent)
