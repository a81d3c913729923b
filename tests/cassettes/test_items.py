"""Requests taken apart: exact again whatever they were, and a session's file grows in a line."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from json_texts import EXOTIC, objects, values
from msgspec import Raw
from traffic import HEADER, asking, compact, encoded, exchange, load, streaming, user, write

from cassettes import format as lines
from cassettes.calm import calm_down
from cassettes.encoder import Encoder
from cassettes.items import Shelf, builds_on, entries, restore
from cassettes.reader import Cassette
from cassettes.redaction import Redactor
from cassettes.refs import ref_of
from wire.errors import BadCassette

ITEMS = [
    *('{"role":"user","content":"a"}', '{"role": "user", "content": "é"}', "{}", '{"@ref":"^1"}'),
    *(f'{{"n":{value}}}' for value in EXOTIC),
    *('{"a":1,"a":2}', '{"a":\n1}', "[]", '"text"', "null"),
]
even = st.builds(
    lambda items, comma: "[" + comma.join(items) + "]",
    st.lists(st.sampled_from(ITEMS), max_size=5),
    st.sampled_from([",", ", ", ",\n", ", \t"]),
)
NAMES = ['"input"', '"tools"', '"instructions"', '"model"', r'"inp\u0075t"']
plain = st.dictionaries(
    st.sampled_from([json.loads(name) for name in NAMES]),
    st.sampled_from([[{"a": []}], [{}, {"é": {}}], "text", "é\n", [], {}, 10**30]),
)
indented = st.builds(
    lambda value, indent, ascii_only, after: (
        json.dumps(value, indent=indent, ensure_ascii=ascii_only) + after
    ),
    plain,
    st.sampled_from([None, 1, 2, 4, "\t"]),
    st.booleans(),
    st.sampled_from(["", "\n", "\r\n "]),
)
requests = st.one_of(
    objects(even | values, keys=st.sampled_from(NAMES)).map(lambda built: built[0]),
    indented,
    values,
).map(str.encode)


@given(st.lists(requests | st.binary(), max_size=6))
@example([b"", b"\xff", b"{}", b'{"input":[]}', b'{"input":[{}]}\n', b'{"input": [{}, {}]}'])
@example([b'{"instructions":"@1","input":["^1"]}', b'{"instructions":"\\ud800","input":[{}]}'])
@example([b'{"input":[{"a":"\\ud800"}], "x":1}', b'{"input":[{"a":"\\ud800"},{}]}\n'])
@example([b'{"input":[{} , {}],"tools":[{},\t{}]}', b'{"input":[{},{}, {}]}'])
@example([b'{"input":[{}],"input":[{}]}', b'{"input":[{}],"a":1e400}'])
@example([b'{"input":[' + b"{}," * 3 + b'{"a":' + b"[" * 9900 + b"]" * 9900 + b"}]}"])
def test_every_request_comes_back_as_it_was(scratch: Path, bodies: list[bytes]) -> None:
    """Requests of any kind, one after another in a real file, are restored to the byte."""
    write(scratch, *(exchange(x, body, None) for x, body in enumerate(bodies, 1)))
    assert [loaded.request.body for loaded in load(scratch)] == bodies
    calm_down(scratch)
    assert [loaded.request.body for loaded in load(scratch)] == bodies


@pytest.mark.parametrize("style", [",", ", "])
def test_a_conversation_is_written_in_parts(tmp_path: Path, style: str) -> None:
    """Each item, tool and instruction text is one line; a turn names what it adds to an earlier."""
    tools = [{"type": "function", "name": name} for name in ("a", "b")]
    history = [user(text) for text in ("one", "two", "three")]
    bodies = [
        json.dumps(
            {"instructions": "Be brief.", "tools": tools, "input": history[:length]},
            separators=(style, ":"),
        ).encode()
        for length in (1, 2, 3, 2)
    ]
    path = write(tmp_path / "c.jsonl", *(exchange(x, b, None) for x, b in enumerate(bodies, 1)))
    written = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [line["kind"] for line in written].count("item") == 6
    refs = ["@" + ref_of(json.dumps(item, separators=(style, ":")).encode()) for item in history]
    inputs = [line["json"]["input"] for line in written if line["kind"] == "request"]
    assert inputs == [[refs[0]], ["^1", refs[1]], ["^2", refs[2]], ["^2"]]
    with Cassette.open(path) as cassette:
        assert [entry.parent for entry in cassette.exchanges.values()] == [None, 1, 2, 2]
        assert [cassette.inherited(x) for x in (1, 2, 3, 4)] == [0, 1, 2, 2]
        assert [cassette.body(x) for x in (1, 2, 3, 4)] == bodies


def test_a_shelf_goes_on_with_what_the_file_holds(tmp_path: Path) -> None:
    """A later recorder that remembers the file's items and lists writes none of them again."""
    path = write(tmp_path / "c.jsonl", exchange(1, asking("one", "two"), None, outcome=None))
    shelf = Shelf()
    with Cassette.open(path) as cassette:
        shelf.known.update(cassette.refs)
        shelf.remember(1, cassette.exchanges[1].parts)
    later = exchange(2, asking("one", "two", "three"), None, outcome=None)
    added = encoded(later, Encoder(Redactor(HEADER.salt), shelf))
    item, request = added.splitlines()
    assert json.loads(item)["json"] == user("three")
    assert json.loads(request)["json"]["input"][0] == "^1"
    path.write_bytes(path.read_bytes() + added)
    assert load(path)[1].request.body == asking("one", "two", "three")


def test_a_session_grows_with_what_each_turn_adds(tmp_path: Path) -> None:
    """Two hundred turns that resend everything take as much room late as early, calm or not."""
    tools = [{"type": "function", "name": f"tool_{n}", "parameters": {}} for n in range(20)]
    turns = [
        exchange(
            x,
            asking(*(f"turn {n} {'words ' * 50}" for n in range(x)), tools=tools, stream=True),
            streaming(f"answer {x} {'more words ' * 10}"),
        )
        for x in range(1, 201)
    ]
    path = write(tmp_path / "c.jsonl", *turns)
    assert_flat(path)
    assert calm_down(path)
    assert_flat(path)


def assert_flat(path: Path) -> None:
    """The second half of the turns in a file takes no more room than the first, within 5 %."""
    turns = path.read_bytes().split(b'"kind":"end"')[1:-1]
    sizes = [len(turn) for turn in turns]
    assert len(sizes) == 199
    assert sum(sizes[100:]) < 1.05 * sum(sizes[:99])


def request(json_text: bytes, refs: dict[str, str]) -> lines.Request:
    """A request line as a person may have edited it."""
    return lines.Request(
        x=2, method="POST", path="/v1/responses", headers=[], refs=refs, json=Raw(json_text)
    )


@pytest.mark.parametrize(
    ("json_text", "refs", "why"),
    [
        (b'{"input":["%1"]}', {"input": ","}, "neither @ref nor"),
        (b'{"input":["^one"]}', {"input": ","}, "invalid literal"),
        (b'{"input":[1]}', {"input": ","}, "str"),
        (b'{"instructions":1}', {"instructions": ""}, "str"),
        (b'{"model":"m"}', {"input": ","}, "'input', which its json does not have"),
        (b'["@1"]', {"input": ","}, "not an object"),
    ],
)
def test_a_line_that_contradicts_itself_says_how(
    json_text: bytes, refs: dict[str, str], why: str
) -> None:
    """Refs that lead nowhere raise ValueError with the reason."""
    with pytest.raises(ValueError, match=why):
        entries(request(json_text, refs), lambda x: {})


def test_refs_need_json_to_stand_in() -> None:
    """A line with refs and without JSON contradicts itself."""
    line = lines.Request(
        x=1, method="POST", path="/", headers=[], refs={"input": ","}, text='{"input":["@a"]}'
    )
    with pytest.raises(ValueError, match="has no json"):
        entries(line, lambda x: {})


def test_a_line_that_builds_on_what_is_not_there_names_it() -> None:
    """An exchange that is missing raises KeyError with its number."""
    with pytest.raises(KeyError, match="7"):
        entries(request(b'{"input":["^7"]}', {"input": ","}), {1: {"input": ["a"]}}.__getitem__)
    assert builds_on(request(b'{"input":["^7"]}', {"input": ","})) == 7
    assert builds_on(request(b'{"input":[]}', {"input": ","})) is None


def test_an_edited_list_is_put_together_as_it_says() -> None:
    """Entries may be reordered, repeated or taken out by hand."""
    line = request(b'{"input":["@b","^1","@b"]}', {"input": ", "})
    found = entries(line, {1: {"input": ["a"]}}.__getitem__)
    assert found == {"input": ["b", "a", "b"]}
    assert restore(line, found, lambda ref: ref.encode()) == b'{"input":[b, a, b]}'


def test_a_missing_item_is_named_with_its_line(tmp_path: Path) -> None:
    """A file from which an item was deleted is an error that names line and item."""
    path = write(tmp_path / "c.jsonl", exchange(1, asking("one"), None, outcome=None))
    header, _, asked = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(header + asked)
    with pytest.raises(BadCassette, match=rf"line 2 .* item {ref_of(compact(user('one')))} is not"):
        load(path)
