"""Text for people: what may be printed, how it is cut and wrapped, numbers, readable JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from respool.view.plain_text import (
    cells,
    duration,
    excerpt,
    printable,
    short_number,
    shorten,
    text_lines,
    usd,
    wrap,
)
from respool.view.readable import readable
from respool.view.row import model_name, tokens
from respool.view.styled import Line, folded


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Zürich, 東京, 👨‍👩‍👧, e\u0301", "plain, Zürich, 東京, 👨‍👩‍👧, e\u0301"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("one\ntwo\r\ttab", r"one\ntwo\r\ttab"),
        ("\x7f \x85 \x9b", r"\x7f \x85 \x9b"),
        ("\u202e\u2066\u200b\ufeff", r"\u202e\u2066\u200b\ufeff"),
        ("hidden\U000e0041", r"hidden\U000e0041"),
        ("half \ud83d", r"half \ud83d"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    """What a terminal would obey or hide is escaped, and what people write is not."""
    assert printable(text) == shown
    assert printable(shown) == shown


@given(st.text(), st.integers(1, 60))
def test_shorten(text: str, room: int) -> None:
    """A shortened text is one line that fits, and is whole if the whole fits."""
    short = shorten(text, room)
    assert cells(short) <= room
    assert "\n" not in short
    whole = printable(" ".join(text.split()))
    assert short == whole or short.endswith("…")
    assert short == whole or cells(whole) > room


@given(st.text(), st.integers(16, 60))
def test_wrap(text: str, room: int) -> None:
    """Wrapped lines fit, and together say what the line said."""
    for line in text_lines(text):
        wrapped = wrap(line, room)
        assert all(cells(part) <= room for part in wrapped)
        assert "".join("".join(wrapped).split()) == "".join(line.split())
        assert wrap(line, None) == [line]


def test_wrap_keeps_the_margin() -> None:
    """Code stays indented when it is wrapped, and a word without end is broken."""
    assert wrap("    if one and two:", 16) == ["    if one and", "    two:"]
    assert wrap("x" * 40, 16) == ["x" * 16, "x" * 16, "x" * 8]


@given(st.text(st.sampled_from("ab \n"), max_size=400), st.integers(8, 80), st.integers(1, 9))
def test_excerpt_counts_what_it_hides(text: str, characters: int, lines: int) -> None:
    """Beginning, hidden characters and end make up the text; nothing is hidden twice."""
    cut, whole = excerpt(text, characters, lines), "\n".join(text_lines(text))
    shown = "\n".join(cut.head)
    if cut.hidden or cut.tail:
        tail = "".join("\n" + line for line in cut.tail)
        assert whole.startswith(shown)
        assert whole.endswith(tail)
        assert len(shown) + cut.hidden + len(tail) == len(whole)
    else:
        assert shown == whole


def test_numbers() -> None:
    """Numbers are short, have their unit, and are a dash when they are not known."""
    assert [short_number(n) for n in (0, 9_999, 12_345, 118_234, 999_499, 999_500, 1_234_567)] == [
        "0", "9999", "12.3k", "118k", "999k", "1.00M", "1.23M"
    ]  # fmt: skip
    assert [short_number(None), short_number(None, "?"), short_number(12 * 10**12)] == [
        "-",
        "?",
        "12,000G",
    ]
    assert [tokens(None, None), tokens(7, None), tokens(12_345, 0)] == ["-", "7 (?)", "12.3k (0)"]
    assert [usd(None), usd(float("nan")), usd(0), usd(0.000_02), usd(0.0123), usd(1234.5)] == [
        "-", "-", "$0.0000", "$0.000020", "$0.0123", "$1,234.50"
    ]  # fmt: skip
    times = (None, float("inf"), -1, 0, 12.4, 999.6, 1_240, 59_940, 125_000, 3_725_000)
    assert [duration(ms) for ms in times] == [
        "-", "-", "-", "<1ms", "12ms", "1.00s", "1.24s", "59.9s", "2m05s", "1h02m"
    ]  # fmt: skip
    assert duration(1240, " ") == "1.24 s"


def test_model_name() -> None:
    """The date of a snapshot is left out where room is short, and nothing else."""
    names = ["gpt-5.1-2025-11-13", "gpt-5.1", "2025-11-13", "a-2025-1x-13", "/models/x.gguf"]
    assert [model_name(name) for name in names] == ["gpt-5.1", *names[1:]]


def test_readable() -> None:
    """Short JSON stays on a line; a text of several lines stands as it was written."""
    assert readable({"city": "Zürich", "n": [1, None]}) == '{"city": "Zürich", "n": [1, null]}'
    patch = {"path": "a.py", "patch": "import os\n\nprint(1)\n", "more": [{"x": 1}]}
    assert readable(patch).splitlines() == [
        "{",
        '  "path": "a.py",',
        '  "patch":',
        "    | import os",
        "    | ",
        "    | print(1)",
        '  "more": [{"x": 1}]',
        "}",
    ]
    long = readable({"values": list(range(40)), "last": True})
    assert long.splitlines()[:3] == ["{", '  "values": [', "    0,"]
    assert json.loads(long) == {"values": list(range(40)), "last": True}


def test_a_line_is_folded_at_blanks() -> None:
    """A line that does not fit goes on below, indented, in its colours."""
    line = Line("  tokens  ", "faint").add("in 10,000  ", "bad").add("out 5")
    parts = ["  tokens  in", "          10,000", "          out 5"]
    assert [str(part) for part in folded(line, 16, 10)] == parts
    assert list(folded(line, None, 10)) == [line]
