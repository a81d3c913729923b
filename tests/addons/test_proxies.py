"""Which proxy our own connections go through, as the environment says."""

import pytest

from addons.proxies import Proxies, entries, exempts
from wire.errors import BadOption

ALL = {"http": "http://plain:3128", "https": "http://user:a%20b@secure:3129", "no": ""}


def to(found: dict[str, str], url: str) -> str | None:
    """The proxy for a URL, as it is shown."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.rpartition(":")
    proxy = Proxies(found).to(scheme, host, int(port))
    return str(proxy) if proxy else None


def test_by_scheme() -> None:
    """Each scheme has its own, ALL_PROXY is for those that have none."""
    assert to(ALL, "http://host:80") == "http://plain:3128"
    assert to(ALL, "https://host:443") == "http://secure:3129"
    assert to({"all": "proxy", "https": "https://tls"}, "http://host:80") == "http://proxy:80"
    assert to({"all": "proxy", "https": "https://tls"}, "https://host:443") == "https://tls:443"
    assert to({}, "https://host:443") is None


def test_loopback_is_never_asked_of_a_proxy() -> None:
    """It would be the proxy's own."""
    for host in ("127.0.0.1", "127.9.9.9", "localhost", "::1", "a.localhost"):
        assert to(ALL, f"http://{host}:80") is None


@pytest.mark.parametrize(
    ("entry", "exempt"),
    [
        ("*", True),
        ("api.internal.example", True),
        ("INTERNAL.example", True),
        (".internal.example", True),
        ("*.internal.example", True),
        ("api.internal.example:8443", True),
        ("api.internal.example:443", False),
        ("ternal.example", False),
        ("", False),
        ("10.0.0.0/8", False),
        ("internal.example.", True),
        (".internal.example.", True),
        ("internal.example:8443", True),
        ("internal.example.:443", False),
        (".", False),
        (" q.z internal.example ", True),
    ],
)
def test_entries_of_no_proxy(entry: str, exempt: bool) -> None:
    """An entry is a name, what names end in, or all; it may have a port."""
    assert any(exempts(one, "api.internal.example", 8443) for one in entries(entry)) is exempt
    assert any(exempts(one, "api.internal.example.", 8443) for one in entries(entry)) is exempt
    assert (to(ALL | {"no": f"x.y, {entry}"}, "http://api.internal.example:8443") is None) is exempt


def test_networks_of_no_proxy() -> None:
    """An entry may be an address or a network."""
    assert exempts("10.0.0.0/8", "10.1.2.3", 80)
    assert exempts("10.1.2.3", "10.1.2.3", 80)
    assert exempts("[fd00::7]", "fd00::7", 80)
    assert exempts("fd00::/8", "fd00::7", 80)
    assert exempts("[fd00::7]:8000", "fd00::7", 8000)
    assert not exempts("[fd00::7]:8000", "fd00::7", 80)
    assert not exempts("[fd00::7]:8000", "fd00::8", 8000)
    assert not exempts("10.0.0.0/8", "11.1.2.3", 80)


def test_password_is_told_to_its_proxy_alone() -> None:
    """It is decoded for the header, and shown nowhere."""
    proxies = Proxies(ALL)
    proxy = proxies.to("https", "host", 443)
    assert proxy is not None
    assert "user" not in str(proxy) + repr(proxy)
    assert proxy.authorization == "Basic dXNlcjphIGI="
    assert proxies.authorization_of("secure", 3129) == proxy.authorization
    assert proxies.authorization_of("plain", 3128) == ""
    assert proxies.authorization_of("elsewhere", 3129) == ""


def test_password_in_one_of_two_urls() -> None:
    """A proxy that two variables name is told the password that one of them has, https first."""
    open_, closed = "http://proxy:3128", "http://user:a%20b@proxy:3128"
    for found in ({"http": open_, "https": closed}, {"http": closed, "https": open_}):
        assert Proxies(found).authorization_of("proxy", 3128) == "Basic dXNlcjphIGI="
    both = Proxies({"http": "http://other:b@proxy:3128", "https": closed})
    assert both.authorization_of("proxy", 3128) == "Basic dXNlcjphIGI="


@pytest.mark.parametrize(
    "url",
    ["http://", "http://u:secret@:80", "ftp://u:secret@host:21", "http://h:99999"],
)
def test_what_is_no_proxy(url: str) -> None:
    """It is refused without its value, which may hold a password."""
    with pytest.raises(BadOption, match="HTTPS_PROXY is not the URL of a proxy") as raised:
        Proxies({"https": url})
    assert "secret" not in str(raised.value)


def test_socks_is_refused() -> None:
    """Where only SOCKS would do, nothing is gone through, and that is known."""
    proxies = Proxies({"all": "socks5h://host:1080", "http": "http://plain:3128"})
    assert proxies.refused == ["https"]
    assert proxies.to("https", "host", 443) is None


def test_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower case wins, as it does for the clients."""
    monkeypatch.setenv("HTTPS_PROXY", "http://upper:1")
    monkeypatch.setenv("https_proxy", "http://lower:2")
    monkeypatch.setenv("no_proxy", "internal.example")
    proxies = Proxies.of_environment()
    assert str(proxies.to("https", "host", 443)) == "http://lower:2"
    assert proxies.to("https", "a.internal.example", 443) is None
