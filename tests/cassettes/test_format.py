"""The lines as types, and the page that describes them: they say the same."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from traffic import load

from cassettes import format as lines
from cassettes.calm import calm_down
from cassettes.format import Item, decode, encode, pieces
from wire.sse import parse

PAGE = (Path(__file__).parents[2] / "docs/cassette-format.md").read_text("utf-8")
TORN = '{"kind":"event","x":4,"t":12.0,"json":{"type":"respon'


def examples(language: str) -> list[str]:
    """The lines of all fenced examples in `language`."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def rows(heading: str) -> list[str]:
    """The first cells of the tables below a heading, without their backticks."""
    section = PAGE.partition(f"\n{heading}\n")[2].partition("\n#")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_every_kind_and_outcome_is_described() -> None:
    """The page lists the kinds and outcomes that there are."""
    assert set(rows("## The lines")) == lines.KINDS
    assert rows("## Outcomes") == list(lines.OUTCOMES)
    assert f"format version {lines.VERSION}" in PAGE


@pytest.mark.parametrize(
    "kind", [*lines.AnyLine.__args__], ids=lambda kind: kind.__struct_config__.tag
)
def test_every_member_is_described(kind: type) -> None:
    """Each member of a line is named by the page, as code."""
    for member in kind.__struct_fields__:
        assert f"`{member}`" in PAGE


@pytest.mark.parametrize("example", [line for line in examples("jsonl") if line != TORN])
def test_examples_are_lines_as_respool_writes_them(example: str) -> None:
    """Each example is read, and written again it is the same bytes."""
    assert lines.encode(lines.decode(example.encode())) == example.encode() + b"\n"


def test_every_kind_has_an_example() -> None:
    """No kind is described without showing it."""
    shown = {
        str(lines.decode(e.encode()).__struct_config__.tag) for e in examples("jsonl") if e != TORN
    }
    assert shown == lines.KINDS


def test_the_examples_are_a_cassette(tmp_path: Path) -> None:
    """One after another the examples can be read, say what the page says, and can be calmed."""
    path = tmp_path / "page.jsonl"
    path.write_text("".join(f"{line}\n" for line in examples("jsonl")), "utf-8")
    found = {one.number: one for one in load(path)}
    assert [one.outcome for one in found.values()] == [
        "complete",
        "complete",
        "upstream_gone",
        "incomplete",
        *["complete"] * 4,
    ]
    assert found[1].request.body == (
        b'{"model":"gpt-5.1","stream":true,"tools":[{"type":"function","name":"weather",'
        b'"parameters":{"type":"object"}}],"input":[{"role":"user","content":"2 + 2?"}]}'
    )
    assert [parse(piece.data).event for piece in found[1].pieces] == [
        "response.output_text.delta",
        None,
        None,
    ]
    assert found[2].request.body == b'{"input":[{"role":"user","content":"2 + 2?"}]}'
    assert found[2].body == b'{\n  "id": "resp_2",\n  "status": "completed"\n}\n'
    assert found[3].body == b"a slow body, \xff\x00 in parts"
    assert (found[5].head_ms, found[5].ended_ms) == (310.0, 312.6)
    assert found[6].close == lines.Close(code=1000, reason="done", by="client")
    assert [(piece.since, piece.binary) for piece in found[6].pieces] == [(8, True)]
    assert [(found[x].socket, found[x].amid) for x in (7, 8)] == [(6, None), (6, (7, 1))]
    assert [found[x].route.endpoint for x in (6, 7, 8)] == ["connect", "create", "steer"]
    assert calm_down(path)
    assert load(path)[5:] == [found[x] for x in (6, 7, 8)]
    assert [one.body for one in load(path)] == [one.body for one in found.values()]


def test_kinds_may_stand_anywhere_in_a_line() -> None:
    """A line that another tool wrote, with its kind last, is read the same."""
    assert lines.decode(b'{"outcome":"complete","x":1,"kind":"end"}') == (
        lines.End(x=1, outcome="complete")
    )


@given(
    st.sampled_from(["b", "b" * (16 << 10), "b" * (17 << 10)]),
    st.sampled_from([0, 3]),
    st.sampled_from(["", "\n"]),
)
def test_a_large_payload_is_a_piece_of_its_own(text: str, indent: int, after: str) -> None:
    """What is large is not copied into its line, which reads as if it were."""
    compact = msgspec.json.encode([text])
    line = Item(ref="r", json=msgspec.Raw(compact), indent=indent or UNSET, after=after or UNSET)
    made = pieces(line)
    assert b"".join(made) == encode(line)
    assert len(made) == (3 if len(compact) > 16 << 10 else 1)
    again = decode(encode(line))
    assert bytes(again.json) == compact
    assert (again.indent, again.after) == (line.indent, line.after)
