"""Canonical JSON: one form for all ways to write the same, and different forms for what differs."""

import hashlib
import json
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.canonical import canonical, chain, digest

LEAVES = [
    *("null", "true", "false", "0", "1", "12", "1.5", '""', '"1"', '"null"', '"true"', "[]", "{}"),
    *("123456789012345678901234567890", "123456789012345678901234567891", "9" * 5000, "8" * 5000),
    *("1e400", "-1e400", "1e401", '"1e400"', r'"\ud800"', r'"\ud801"', r'"\udc00"', r'"\ud800x"'),
    *("[null]", "[[]]", "[{}]", '{"a":null}', '{"a":1}', '{"b":1}', "[1,2]", "[2,1]", "[12]"),
]
"""Values of which no two say the same."""

trees = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=10,
)


def written(tree: Any, *, ascii_only: bool, backwards: bool, comma: str, colon: str) -> str:
    """The text of a tree whose leaves are texts, in one style."""
    style = {"ascii_only": ascii_only, "backwards": backwards, "comma": comma, "colon": colon}
    if isinstance(tree, list):
        return "[" + comma.join(written(item, **style) for item in tree) + "]"
    if isinstance(tree, dict):
        names = list(reversed(tree)) if backwards else list(tree)
        pairs = (
            json.dumps(name, ensure_ascii=ascii_only) + colon + written(tree[name], **style)
            for name in names
        )
        return "{" + comma.join(pairs) + "}"
    return tree


@given(trees)
def test_the_style_does_not_matter(tree: Any) -> None:
    """Key order, white space and escapes do not change the canonical form."""
    one = written(tree, ascii_only=True, backwards=False, comma=",", colon=":")
    other = written(tree, ascii_only=False, backwards=True, comma=" ,\n\t", colon=" : ")
    assert canonical(one.encode()) == canonical(f" {other}\r\n".encode())


@pytest.mark.parametrize("context", ["%s", "[%s]", '{"k":%s}', '[1e400,%s,"\\ud800"]'])
def test_what_differs_has_different_forms(context: str) -> None:
    """No two different values share a form: big integers, 1e400 against null, lone surrogates."""
    forms = [canonical((context % leaf).encode()) for leaf in LEAVES]
    for (one, a), (other, b) in combinations(zip(LEAVES, forms, strict=True), 2):
        assert a != b, (one, other)


@pytest.mark.parametrize("text", [b"", b"{", b"not json", b"\xff\xfe", b"[" * 100_000, b"a\x00"])
def test_what_is_not_json_stands_for_itself(text: bytes) -> None:
    """Text that no parser reads is compared byte for byte."""
    assert canonical(text) == text


def test_key_order_is_forgiven_in_every_permutation() -> None:
    """All orders of the same members have one form, beyond strict JSON too."""
    pairs = ['"a":1', '"b":{"y":1e400,"x":"\\ud800"}', '"é":[]']
    forms = {canonical(("{" + ",".join(p) + "}").encode()) for p in permutations(pairs)}
    assert len(forms) == 1


@given(st.lists(st.binary(max_size=3), max_size=4), st.lists(st.binary(max_size=3), max_size=4))
def test_digests_tell_parts_apart(one: list[bytes], other: list[bytes]) -> None:
    """Two lists of parts have one digest only if they are equal, however their bytes join."""
    assert (digest(*one) == digest(*other)) == (one == other)


def test_a_digest_names_its_algorithm() -> None:
    """The digest is SHA-256 over the algorithm's tag and each part after its length."""
    told = b"respool-canonical-1" + (2).to_bytes(8) + b"ab" + (0).to_bytes(8)
    assert digest(b"ab", b"") == hashlib.sha256(told).digest()[:16]


@given(st.lists(st.binary(max_size=3)), st.lists(st.binary(max_size=3)))
def test_a_chain_stands_for_every_prefix(one: list[bytes], other: list[bytes]) -> None:
    """Two lists share a link exactly as far as they share their beginning."""
    links, others = chain(one), chain(other)
    assert len(links) == len(one)
    for number, (link, another) in enumerate(zip(links, others, strict=False), 1):
        assert (link == another) == (one[:number] == other[:number])
    assert chain(one + other) == links + chain(other, links[-1] if links else bytes(16))
