"""Which requests are Responses exchanges, whatever base path the server has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.endpoints import Route, recognise, recognise_message

BASES = ["", "/v1", "/openai/v1", "/backend-api/codex", "/gw/responses", "/openai/deployments/m"]
ENDPOINTS = [
    ("POST", "/responses", "create", None),
    ("GET", "/responses", "connect", None),
    ("POST", "/responses/compact", "compact", None),
    ("POST", "/responses/input_tokens", "input_tokens", None),
    ("GET", "/responses/resp_1", "retrieve", "resp_1"),
    ("DELETE", "/responses/resp_1", "delete", "resp_1"),
    ("POST", "/responses/resp_1/cancel", "cancel", "resp_1"),
    ("GET", "/responses/resp_1/input_items", "input_items", "resp_1"),
]


@pytest.mark.parametrize("tail", ["", "/", "?stream=true&starting_after=4", "/?a=/responses"])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("method", "path", "endpoint", "ident"), ENDPOINTS)
def test_endpoints_are_recognised_under_any_base(
    method: str, path: str, endpoint: str, ident: str | None, base: str, tail: str
) -> None:
    """Method and path suffix decide; base path, query and a closing slash do not."""
    assert recognise(method, base + path + tail) == Route(endpoint, base, ident)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("PUT", "/v1/responses"),
        ("OPTIONS", "/v1/responses"),
        ("HEAD", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1"),
        ("GET", "/v1/responses/resp_1/cancel"),
        ("POST", "/v1/responses/resp_1/input_items"),
        ("GET", "/v1/responses/resp_1/other"),
        ("POST", "/v1/responses/a/b/c"),
        ("POST", "/v1/myresponses"),
        ("POST", "/v1/responsesx"),
        ("POST", "/v1/?/responses"),
        ("POST", ""),
    ],
)
def test_other_requests_are_none(method: str, path: str) -> None:
    """Another path, and another method on a known path, is no Responses exchange."""
    assert recognise(method, path) is None


@pytest.mark.parametrize(
    ("message_type", "route"),
    [
        ("response.create", Route("create", "/v1")),
        ("response.steer", Route("steer", "/v1")),
        ("response.inject", Route("message", "/v1", None, "response.inject")),
        ("", Route("message", "/v1", None, "")),
    ],
)
def test_messages_are_recognised_by_type(message_type: str, route: Route) -> None:
    """On the WebSocket of /responses each message of the client is a request of its own."""
    assert recognise_message("/v1/responses?a=1", message_type) == route
    assert recognise_message("/v1/realtime", message_type) is None
    assert recognise_message("/v1/responses/resp_1", message_type) is None


def test_a_resource_names_endpoint_and_response() -> None:
    """The resource says what an exchange is about, without the base."""
    create = recognise("POST", "/v1/responses")
    cancel = recognise("POST", "/openai/v1/responses/resp_1/cancel")
    assert create is not None
    assert create.resource == "create"
    assert cancel is not None
    assert cancel.resource == "cancel/resp_1"


@given(st.sampled_from(["GET", "POST", "DELETE", "PATCH"]), st.text())
def test_no_path_makes_recognition_fail(method: str, path: str) -> None:
    """Any path is recognised or is not; the base and what follows it make up the path."""
    route = recognise(method, path)
    assert route is None or path.startswith(route.base + "/responses")
