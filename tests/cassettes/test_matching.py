"""The key of an exchange: the same for the same question, another for any other."""

import pytest
from traffic import asking, compact, user

from cassettes.matching import Key, fingerprint, request_key
from wire.endpoints import recognise
from wire.volatile import TRANSPORT_SWITCHES, VOLATILE_MEMBERS, VolatileMember


def key(body: bytes, path: str = "/v1/responses", method: str = "POST") -> Key:
    """The key of a request."""
    route = recognise(method, path)
    assert route is not None
    return request_key(route, path, fingerprint(body))


SAME = [
    (b'{"a":1,"input":[{"x":1,"y":2}]}', b'{ "input": [ {"y":2, "x":1} ], "a":1 }\n'),
    (b'{"a":"\xc3\xa9"}', b'{"a":"\\u00e9"}'),
    (b'{"a":"[secret:0123456789ab]"}', b'{"a":"[secret:ba9876543210]"}'),
    (b"", b""),
    (b"not json", b"not json"),
]

OTHER = [
    (b'{"a":1}', b'{"a":2}'),
    (b'{"a":1}', b'{"b":1}'),
    (b'{"a":1}', b'{"a":1,"b":null}'),
    (b'{"a":[1,2]}', b'{"a":[2,1]}'),
    (b'{"a":123456789012345678901234567890}', b'{"a":123456789012345678901234567891}'),
    (b'{"a":1e400}', b'{"a":null}'),
    (b'{"a":"\\ud800"}', b'{"a":"\\ud801"}'),
    (b'{"input":[{"a":1}]}', b'{"tools":[{"a":1}]}'),
    (b'{"input":[]}', b'{"input":null}'),
    (b'{"input":"x"}', b'{"input":["x"]}'),
    (b'{"input":[{}]}', b'{"input":[{},{}]}'),
    (b'{"a":"[secret:0123456789ab]"}', b'{"a":"secret"}'),
    (b"", b"{}"),
    (b"not json", b"not  json"),
    (b'{"a":1,"a":2}', b'{"a":2}'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_question_has_the_same_key(one: bytes, other: bytes) -> None:
    """Key order, white space, escapes and the values of secrets do not matter."""
    assert key(one) == key(other)
    assert len({key(one), key(other)}) == 1


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_question_has_another_key(one: bytes, other: bytes) -> None:
    """Whatever differs in content makes another key."""
    assert key(one) != key(other)


@pytest.mark.parametrize("entry", [*VOLATILE_MEMBERS, *TRANSPORT_SWITCHES], ids=lambda e: e.name)
@pytest.mark.parametrize("value", [1, "x", None, [user("x")]])
def test_volatile_members_do_not_matter(entry: VolatileMember, value: object) -> None:
    """What a client makes anew for each run, and how the answer travels, is left out."""
    assert entry.reason
    assert key(asking("Hi", **{entry.name: value})) == key(asking("Hi"))


def test_a_stream_is_told_apart_from_json() -> None:
    """The two are one question with two ways to answer, and a client wants one of them."""
    stream, plain = key(asking("Hi", stream=True)), key(asking("Hi", stream=False))
    assert stream.digest == plain.digest
    assert (stream.stream, plain.stream) == (True, False)
    assert key(asking("Hi")) == plain


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/v1/responses", "/openai/v1/responses/", True),
        ("/v1/responses?a=1&b=2", "/v1/responses?b=2&a=1", True),
        ("/v1/responses?a=%5B1%5D", "/v1/responses?a=[1]", True),
        ("/v1/responses?k=[secret:0123456789ab]", "/v1/responses?k=[secret:ba9876543210]", True),
        ("/v1/responses?a=1", "/v1/responses?a=2", False),
        ("/v1/responses?a=", "/v1/responses", False),
        ("/v1/responses?a=1&a=2", "/v1/responses?a=2", False),
        ("/v1/responses", "/v1/responses/compact", False),
        ("/v1/responses/resp_1/cancel", "/v1/responses/resp_2/cancel", False),
    ],
)
def test_resource_and_query_take_part_and_the_base_does_not(
    one: str, other: str, same: bool
) -> None:
    """The query counts in any order; the base path is the server's own affair."""
    assert (key(b"{}", one) == key(b"{}", other)) == same


def test_a_fingerprint_tells_the_items_apart() -> None:
    """Lists have a digest for each item, so that a miss can say from where on they differ."""
    one, other = (fingerprint(asking(*texts, tools=[{}])) for texts in (("a", "b"), ("a", "c")))
    assert one.lists["tools"] == other.lists["tools"]
    assert one.lists["input"][0] == other.lists["input"][0]
    assert one.lists["input"][1] != other.lists["input"][1]
    assert fingerprint(compact([1])).members.keys() == {""}


def test_items_may_be_looked_up() -> None:
    """The digest of an item can be kept by the caller, for histories that are resent."""
    asked: list[bytes] = []

    def of_item(text: bytes) -> bytes:
        asked.append(text)
        return text

    fingerprint(asking("a", "b"), of_item)
    assert asked == [compact(user("a")), compact(user("b"))]
