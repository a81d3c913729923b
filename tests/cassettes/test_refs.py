"""The names of items: a digest, also where it is remembered."""

from hypothesis import given
from hypothesis import strategies as st

from cassettes.refs import Refs, ref_of

SIZES = st.sampled_from([0, 10, 8 << 10, 9 << 10, 30 << 10])


@given(st.lists(st.tuples(SIZES, st.sampled_from("ab"), st.booleans()), max_size=30))
def test_a_name_is_the_digest(asked: list[tuple[int, str, bool]]) -> None:
    """Texts that are as long and begin and end alike are told apart; what is gone is not missed."""
    refs = Refs(most=64 << 10)
    for size, letter, same_ends in asked:
        text = bytearray(letter.encode() * size)
        if same_ends:
            text[:64] = text[-64:] = b"-" * min(64, size)
        assert refs.of(bytes(text)) == ref_of(bytes(text))


def test_no_more_is_kept_than_is_said() -> None:
    """The latest texts are kept, whatever their sizes."""
    refs = Refs(most=100 << 10)
    for size in (*range(8 << 10, 90 << 10, 1000), 101 << 10):
        refs.of(bytes(size))
        assert refs.size <= 100 << 10
    refs.of(bytes(20 << 10))
    size = refs.size
    refs.of(bytes(20 << 10))
    assert refs.size == size
