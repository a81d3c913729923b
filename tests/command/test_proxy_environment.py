"""What a command behind `respool record --proxy` finds in its environment."""

from pathlib import Path

import pytest
from tls_servers import certificate

from addons import authority
from respool.child import behind_proxy
from respool.trust import TRUST
from wire.hosts import Hosts, parse_server

URL = "http://127.0.0.1:9"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an authority."""
    authority.make(tmp_path / "mitmproxy")
    return tmp_path / "mitmproxy"


def no_proxy(folder: Path, listed: str, *named: str) -> list[str]:
    """What is exempted where that was exempted before, and these servers are recorded."""
    hosts = Hosts([parse_server(each) for each in named])
    env = behind_proxy(URL, hosts, folder, inherited={"NO_PROXY": listed})
    assert env["NO_PROXY"] == env["no_proxy"]
    return [each for each in env["no_proxy"].split(",") if each]


def test_every_client_finds_the_proxy(folder: Path) -> None:
    """In either case, for WebSockets too; ALL_PROXY and what else there is stay as they are."""
    before = {
        "HTTPS_PROXY": "http://company:1",
        "ALL_PROXY": "socks5://s:1",
        "OPENAI_BASE_URL": "x",
    }
    env = behind_proxy(URL, Hosts(), folder, inherited=before)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "wss_proxy", "ws_proxy"):
        assert env[name] == URL
    assert env["NODE_USE_ENV_PROXY"] == "1"
    assert (env["ALL_PROXY"], env["OPENAI_BASE_URL"]) == ("socks5://s:1", "x")


def test_recorded_hosts_are_not_exempted(folder: Path) -> None:
    """An entry goes where it exempts a host that is recorded; the others stay."""
    listed = "internal.example, openai.com,.azure.com,10.0.0.0/8,*"
    local = ["127.0.0.1", "localhost", "::1"]
    assert no_proxy(folder, listed) == ["internal.example", "10.0.0.0/8", *local]
    named = ("http://10.1.2.3:8000/v1", "https://api.internal.example/v1")
    assert no_proxy(folder, listed, *named) == local


def test_loopback_is_exempted_unless_it_is_recorded(folder: Path) -> None:
    """A command's own local servers are not gone through us for, but for those that we record."""
    listed = "127.0.0.0/8,localhost,::1,other"
    assert no_proxy(folder, "other") == ["other", "127.0.0.1", "localhost", "::1"]
    assert no_proxy(folder, listed, "http://127.0.0.1:8000/v1") == ["other"]


def test_trust_adds_to_what_was_trusted(folder: Path, tmp_path: Path) -> None:
    """Each variable names a bundle of ours and of what its clients had, be it a fallback's."""
    corporate, node = certificate(tmp_path, "corporate"), certificate(tmp_path, "node")
    before = {"SSL_CERT_FILE": str(corporate), "NODE_EXTRA_CA_CERTS": str(node)}
    env = behind_proxy(URL, Hosts(), folder, inherited=before)
    ours = authority.certificate(folder).read_text().strip()
    counts = {}
    for variable in TRUST:
        text = Path(env[variable.name]).read_text()
        assert ours in text
        counts[variable.name] = text.count("BEGIN CERTIFICATE")
    usual = counts["REQUESTS_CA_BUNDLE"]
    assert usual > 20
    assert counts == {
        "SSL_CERT_FILE": 2,
        "REQUESTS_CA_BUNDLE": usual,
        "CURL_CA_BUNDLE": 2,
        "NODE_EXTRA_CA_CERTS": 2,
        "DENO_CERT": 1,
        "CODEX_CA_CERTIFICATE": 2,
    }
