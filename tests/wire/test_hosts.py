"""Which hosts are recorded, and what their base URL is."""

import pytest

from wire.errors import BadOption
from wire.hosts import WELL_KNOWN, Hosts, parse_server


def hosts(*named: str) -> Hosts:
    """Hosts of which these were named."""
    return Hosts([parse_server(each) for each in named])


@pytest.mark.parametrize("pattern", WELL_KNOWN)
def test_well_known_hosts(pattern: str) -> None:
    """Each is recorded on the usual ports, and what only looks like it is not."""
    host = pattern.replace("*", "some.where")
    assert hosts().include(host, 443)
    assert hosts().include(host.upper() + ".", 80)
    assert not hosts().include(host, 8443)
    assert not hosts().include(f"{host}.evil.example", 443)
    assert not hosts().include(f"not{pattern.removeprefix('*.')}", 443)
    assert WELL_KNOWN[pattern]


def test_named_servers() -> None:
    """A base URL names its port alone, a host without a port both usual ones."""
    found = hosts("https://gateway.example:8443/openai/v1", "bare.example", "ported.example:99")
    assert [found.include("gateway.example", port) for port in (8443, 443)] == [True, False]
    assert [found.include("bare.example", port) for port in (443, 80, 99)] == [True, True, False]
    assert [found.include("ported.example", port) for port in (99, 443)] == [True, False]
    assert found.main == "https://gateway.example:8443/openai/v1"
    assert hosts("bare.example").main == "https://bare.example/v1"


def test_names_of_loopback_are_one() -> None:
    """A local server is recorded whatever a client calls it, under the name it was given."""
    found = hosts("http://localhost:8000/v1")
    for name in ("127.0.0.1", "localhost", "::1"):
        assert found.include(name, 8000)
        url = found.base_url("http", name, 8000, "POST", "/v1/responses")
        assert url == "http://localhost:8000/v1"
    assert not found.include("localhost", 8001)


@pytest.mark.parametrize(
    ("method", "path", "base"),
    [
        ("POST", "/openai/v1/responses", "/openai/v1"),
        ("GET", "/v1/responses/resp_1?stream=true", "/v1"),
        ("GET", "/openai/v1/models?limit=2", "/openai/v1"),
        ("GET", "/openai/v10/models", ""),
        ("GET", "/health", ""),
    ],
)
def test_base_url(method: str, path: str, base: str) -> None:
    """The base path is what stands before the endpoint, or else one that was named."""
    found = hosts("https://gateway.example/openai/v1")
    url = found.base_url("https", "gateway.example", 443, method, path)
    assert url == f"https://gateway.example{base}"
    assert found.base_url("https", "other.example", 443, method, path) is None


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ("https://h/v1/", "https://h/v1"),
        ("HTTP://H:80", "http://h"),
        ("https://h:8443", "https://h:8443"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_base_url_is_kept_in_one_spelling(text: str, base_url: str) -> None:
    """Default ports, upper case and closing slashes go."""
    assert parse_server(text).base_url == base_url


@pytest.mark.parametrize("text", ["", "h/v1", "https://", "https://h:x", "h:0", "https://h/?a=b"])
def test_what_is_no_server(text: str) -> None:
    """It is refused with an example."""
    with pytest.raises(BadOption, match="give one like"):
        parse_server(text)


def test_password_is_refused() -> None:
    """It would be written down."""
    with pytest.raises(BadOption, match="user or password"):
        parse_server("https://me:secret@h/v1")
