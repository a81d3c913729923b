"""Undoing content encodings: right for every way in which the bytes may arrive."""

import gzip
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from traffic import ENCODINGS

from cassettes.decoding import CannotDecode, undo


def bare_deflate(data: bytes) -> bytes:
    """Deflate without the zlib header, as some servers send it."""
    return zlib.compress(data, wbits=-15)


def decoded(encoding: str, data: bytes, size: int) -> bytes:
    """`data` undone in chunks of `size` bytes."""
    decoder = undo(encoding)
    assert decoder is not None
    return b"".join(decoder.feed(data[at : at + size]) for at in range(0, len(data), size))


WAYS = [*((name, encode) for name, encode in ENCODINGS.items() if name), ("deflate", bare_deflate)]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(("name", "encode"), WAYS)
@given(data=st.binary(max_size=200))
def test_bodies_are_decoded_in_any_chunks(
    name: str, encode: Callable[[bytes], bytes], size: int, data: bytes
) -> None:
    """Chunks of any size give the plain body, whatever the header's case."""
    assert decoded(name, encode(data), size) == data
    assert decoded(f" {name.upper()} ", encode(data), size) == data


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_bodies_may_consist_of_several_parts(size: int) -> None:
    """Members of gzip and frames of zstd that follow one another are one body."""
    assert decoded("x-gzip", gzip.compress(b"one") + gzip.compress(b"two"), size) == b"onetwo"
    two = zstandard.compress(b"one") + zstandard.compress(b"two")
    assert decoded("zstd", two, size) == b"onetwo"


@pytest.mark.parametrize("size", [1, 1000])
def test_padding_after_gzip_counts_for_nothing(size: int) -> None:
    """Clients ignore what follows the last member, and so does the recording."""
    assert decoded("gzip", gzip.compress(b"one") + bytes(20), size) == b"one"


@pytest.mark.parametrize("name", [name for name in ENCODINGS if name])
@pytest.mark.parametrize("size", [1, 1000])
def test_damaged_bodies_are_an_error(name: str, size: int) -> None:
    """Bytes that are not what the header says raise CannotDecode, and nothing else."""
    with pytest.raises(CannotDecode):
        decoded(name, b"<html>this is plain text</html>" * 9, size)


@pytest.mark.parametrize("name", ["", "identity", "compress", "gzip, compress", "aws-chunked"])
def test_other_encodings_are_not_undone(name: str) -> None:
    """There is no decoder for an encoding that is not known, alone or among others."""
    assert undo(name) is None
