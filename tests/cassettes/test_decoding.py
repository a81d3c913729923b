"""Undoing content encodings: right for every way in which the bytes may arrive."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from traffic import ENCODINGS

from cassettes import decoding
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


@pytest.mark.parametrize("name", [name for name in ENCODINGS if name])
@pytest.mark.parametrize("size", [100, 1 << 16, 1 << 30])
def test_what_would_grow_beyond_measure_is_an_error(name: str, size: int) -> None:
    """A bomb raises before it has become much more than is allowed, however it comes."""
    bomb = ENCODINGS[name](bytes(decoding.FREE * 2))
    decoder = undo(name)
    assert decoder is not None
    grown = 0
    with pytest.raises(CannotDecode, match="would become more than"):
        for at in range(0, len(bomb), size):
            grown += len(decoder.feed(bomb[at : at + size]))
    assert grown <= decoding.FREE


def test_encodings_share_their_bound() -> None:
    """Two that each grow by little grow by much together."""
    bomb = gzip.compress(gzip.compress(bytes(decoding.FREE * 2)))
    decoder = undo("gzip, gzip")
    assert decoder is not None
    with pytest.raises(CannotDecode, match="would become more than"):
        decoder.feed(bomb)


@pytest.mark.parametrize("name", [name for name in ENCODINGS if name])
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_long_bodies_come_out_whole(name: str, extra: int) -> None:
    """Whatever is ready comes out with the bytes that made it ready, over any inner bound."""
    for size in (1 << 20, 2 << 20, 5 << 20):
        data = (b"0123456789abcdef" * (size // 16 + 1))[: size + extra]
        assert decoded(name, ENCODINGS[name](data), 1 << 30) == data


def test_the_dullest_streams_are_decoded() -> None:
    """Events that are all alike shrink a hundredfold, and are no bomb."""
    event = b'event: a\ndata: {"type":"response.output_text.delta","n":%d,"delta":" word"}\n\n'
    stream = b"".join(event % number for number in range(1_200_000))
    assert len(stream) > decoding.FREE
    for name in ("gzip", "br", "zstd"):
        encode = (lambda data: brotli.compress(data, quality=5)) if name == "br" else None
        packed = (encode or ENCODINGS[name])(stream)
        assert decoded(name, packed, 1 << 16) == stream
