"""JSON as texts, beyond what one parser's values can say, for tests of all that keeps bytes."""

import json

from hypothesis import strategies as st

EXOTIC = [
    "1e400",
    "-1E+400",
    "1.00",
    "-0",
    "9" * 40,
    "8" * 320,
    r'"\ud800"',
    r'"\udc00 \ud83dx"',
    r'"\/\u00e9\u0000"',
    '"\x7f\u2028"',
    '"@ref"',
    '"^1"',
]
"""Values that are JSON by the letter and that some parsers refuse or flatten."""

spaces = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n  "])


def _string(text: str, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)


strings = st.builds(_string, st.text(max_size=12), st.booleans())
leaves = st.one_of(
    st.sampled_from(["null", "true", "false", "0", "12", "-3.5e-2", *EXOTIC]),
    st.integers().map(str),
    strings,
)


@st.composite
def arrays(draw: st.DrawFn, values: st.SearchStrategy[str]) -> tuple[str, list[tuple[int, int]]]:
    """The text of an array, and where its items begin and end."""
    return draw(_container("[]", st.just(""), values))


@st.composite
def objects(
    draw: st.DrawFn,
    values: st.SearchStrategy[str],
    keys: st.SearchStrategy[str] = strings,
    *,
    unique: bool = False,
) -> tuple[str, list[tuple[int, int]]]:
    """The text of an object, and where the values of its members begin and end."""
    return draw(_container("{}", keys, values, unique=unique))


@st.composite
def _container(
    draw: st.DrawFn,
    brackets: str,
    keys: st.SearchStrategy[str],
    values: st.SearchStrategy[str],
    *,
    unique: bool = False,
) -> tuple[str, list[tuple[int, int]]]:
    unique_by = (lambda member: json.loads(member[0])) if unique else None
    members = draw(st.lists(st.tuples(keys, values), max_size=5, unique_by=unique_by))
    text = brackets[0] + draw(spaces)
    spans = []
    for number, (key, value) in enumerate(members):
        text += "," * bool(number) + draw(spaces)
        if brackets == "{}":
            text += key + draw(spaces) + ":" + draw(spaces)
        spans.append((len(text), len(text) + len(value)))
        text += value + draw(spaces)
    return text + brackets[1], spans


values = st.recursive(
    leaves,
    lambda inner: st.one_of(arrays(inner), objects(inner)).map(lambda built: built[0]),
    max_leaves=12,
)
"""Any JSON value in any style, members named twice included."""


def in_bytes(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """`span`, which counts characters of `text`, in bytes of its UTF-8."""
    start, end = span
    return len(text[:start].encode()), len(text[:end].encode())
