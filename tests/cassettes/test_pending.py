"""What waits of a body: the same bytes, however they came and went."""

from hypothesis import given
from hypothesis import strategies as st

from cassettes.pending import Pending

PIECES = st.binary(max_size=9)


@given(st.lists(st.one_of(PIECES, st.tuples(st.integers(0, 20), PIECES), st.none())))
def test_bytes_wait_in_order(steps: list[bytes | tuple[int, bytes] | None]) -> None:
    """It holds what was added, less what was replaced or taken."""
    pending, expected = Pending(), b""
    for step in steps:
        if step is None:
            assert pending.take() == expected
            expected = b""
        elif isinstance(step, bytes):
            pending.add(step)
            expected += step
        else:
            length, rest = step
            pending.replace(length, rest)
            expected = rest + expected[length:]
        assert len(pending) == len(expected)
        assert bool(pending) == bool(expected)
        assert pending.whole() == expected


def test_a_body_in_one_piece_is_not_copied() -> None:
    """It is the very object that came."""
    pending, body = Pending(), bytes(100)
    pending.add(body)
    assert pending.whole() is body
    assert pending.take() is body
