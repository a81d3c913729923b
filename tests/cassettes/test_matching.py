"""The key of an exchange: the same for the same question, another for any other."""

import pytest
from traffic import asking, compact, user

from cassettes.exchange import RequestPart
from cassettes.format import Headers
from cassettes.matching import Key, comparable_body, fingerprint, request_key
from wire.endpoints import WEBSOCKET
from wire.volatile import TRANSPORT_SWITCHES, VOLATILE_MEMBERS, VolatileMember


def key(
    body: bytes, path: str = "/v1/responses", method: str = "POST", headers: Headers = ()
) -> Key:
    """The key of a request to a server at /v1."""
    request = RequestPart(method, path, list(headers), body)
    return request_key(request, fingerprint(comparable_body(request)), "/v1")


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
    assert (stream.transport, plain.transport) == ("sse", "json")
    assert key(asking("Hi")) == plain


def test_a_websocket_asks_the_same_question_another_way() -> None:
    """A `response.create` is the question that a POST is, in whichever lane it is asked."""
    posted = key(asking("Hi"))
    sent = key(asking("Hi", type="response.create", stream_id="a"), method=WEBSOCKET)
    assert (sent.resource, sent.query, sent.digest) == (posted.resource, (), posted.digest)
    assert sent.transport == "websocket"


def test_a_turn_that_is_only_prepared_is_another_question() -> None:
    """`generate: false` asks for no answer; `true` is what it means to leave it out."""

    def sent(**members: object) -> Key:
        return key(asking("Hi", type="response.create", **members), method=WEBSOCKET)

    assert sent(generate=False) != sent()
    assert sent(generate=True) == sent()


def test_messages_of_other_types_are_other_questions() -> None:
    """What a client sends on a WebSocket is told apart by its type, known or not."""
    kinds = ["response.create", "response.steer", "response.inject", "future", None]
    bodies = [compact({"type": kind} if kind else {}) for kind in kinds]
    keys = [key(body, method=WEBSOCKET) for body in [*bodies, b"not json"]]
    assert len(set(keys)) == len(keys)
    assert keys[2].resource == "message/response.inject"


def test_other_traffic_is_told_apart_by_method_and_path() -> None:
    """What is no Responses request is known by its method and its path under the base."""
    assert key(b"", "/v1/models", "GET").resource == "GET /models"
    assert key(b"", "/v1/models", "GET") != key(b"", "/v1/models", "HEAD")
    assert key(b"", "/v1/models", "GET") != key(b"", "/v1/files", "GET")


def test_the_boundary_of_a_form_does_not_matter() -> None:
    """Clients draw it by lot; what stands between the boundaries counts."""

    def form(boundary: str, text: str) -> Key:
        body = f"--{boundary}\r\n\r\n{text}\r\n--{boundary}--\r\n".encode()
        headers = [("content-type", f"multipart/form-data; boundary={boundary}")]
        return key(body, "/v1/files", headers=headers)

    assert form("a1b2", "text") == form("c3d4", "text")
    assert form("a1b2", "text") != form("a1b2", "other")


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
