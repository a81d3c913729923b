"""`respool doctor` on certificates and on clients that need more than a variable."""

from pathlib import Path

import pytest
from doctoring import authority, doctor, listening
from ports import free_port

from addons.authority import certificate, default_folder
from respool.doctor.trust import ROOT_FILES
from respool.trust import TRUST


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the authority's certificate is, for a user at `tmp_path`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return certificate(default_folder())


def whole(own: Path, *, days: float) -> Path:
    """An authority in the place of respool's, which is valid for so many days; its certificate."""
    authority(own, days=days)
    own.with_name("mitmproxy-ca.pem").write_bytes(own.read_bytes())
    own.with_name("mitmproxy-ca.pem").chmod(0o600)
    return own


def program(home: Path, name: str, *lines: str) -> Path:
    """A folder with an executable of that name."""
    path = home / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path.parent


@pytest.mark.parametrize("name", [each.name for each in TRUST])
def test_trust_variable_that_leads_nowhere(tmp_path: Path, name: str) -> None:
    """A file of certificates that is not there is told; respool itself needs some."""
    state = "problem" if name in ROOT_FILES else "warning"
    report = doctor(tmp_path, **{name: tmp_path / "gone.pem"})
    assert f"{name} names {tmp_path / 'gone.pem'}, which is not there" in report.one("trust", state)


def test_trust_variable_without_certificates(tmp_path: Path) -> None:
    """A file that holds no certificate is told, and one that does is fine."""
    (tmp_path / "empty.pem").write_text("nothing")
    good = authority(tmp_path / "good.pem", days=9)
    report = doctor(tmp_path, SSL_CERT_FILE=good, NODE_EXTRA_CA_CERTS=tmp_path / "empty.pem")
    assert "holds no certificate" in report.one("trust", "warning")
    assert "SSL_CERT_FILE can be read" in report.one("trust", "ok")


def test_folder_of_certificates(tmp_path: Path) -> None:
    """A folder is fine where its clients take one; elsewhere it is told."""
    (tmp_path / "roots").mkdir()
    empty = doctor(tmp_path, REQUESTS_CA_BUNDLE=tmp_path / "roots")
    assert "which holds no certificate" in empty.one("trust", "problem")
    authority(tmp_path / "roots" / "one.pem", days=9)
    report = doctor(tmp_path, REQUESTS_CA_BUNDLE=tmp_path / "roots")
    assert "REQUESTS_CA_BUNDLE can be read" in report.one("trust", "ok")
    report = doctor(tmp_path, NODE_EXTRA_CA_CERTS=tmp_path / "roots")
    assert "which is a folder" in report.one("trust", "warning")


def test_node_that_verifies_nothing(tmp_path: Path) -> None:
    """Verification that is turned off is told."""
    report = doctor(tmp_path, NODE_TLS_REJECT_UNAUTHORIZED="0")
    assert "Node verifies no certificate" in report.one("trust", "warning")


def test_no_authority(tmp_path: Path, own: Path) -> None:
    """Where no authority is needed it is not spoken of; where one is, it will be made."""
    assert not doctor(tmp_path).about("authority")
    assert str(own.parent) in doctor(tmp_path, "--proxy").one("authority", "ok")


def test_expired_authority(tmp_path: Path, own: Path) -> None:
    """An authority that has expired is a problem for --proxy, and a warning without."""
    whole(own, days=-1)
    found = doctor(tmp_path, "--proxy", "--", "python").one("authority", "problem")
    assert "expired on" in found
    assert f"delete {own.parent}" in found
    assert "expired on" in doctor(tmp_path).one("authority", "warning")
    whole(own, days=3)
    assert "expires on" in doctor(tmp_path).one("authority", "warning")


def test_unreadable_authority(tmp_path: Path, own: Path) -> None:
    """An authority of which something is missing or cut off is a problem, and is to be deleted."""
    own.parent.mkdir(parents=True)
    own.write_text("nothing")
    found = doctor(tmp_path).one("authority", "problem")
    assert "mitmproxy-ca.pem is not there" in found
    assert f"delete {own.parent}" in found
    whole(own, days=9000)
    key = own.with_name("mitmproxy-ca.pem")
    key.write_bytes(key.read_bytes()[:-100])
    assert f"{key} is cut off" in doctor(tmp_path).one("authority", "problem")
    own.unlink()
    key.write_bytes(b"")
    assert f"{key} is cut off" in doctor(tmp_path, "--proxy", "--", "python").one(
        "authority", "problem"
    )


def test_exposed_key(tmp_path: Path, own: Path) -> None:
    """A private key that others can read is told, with what closes it."""
    key = whole(own, days=9000).with_name("mitmproxy-ca.pem")
    key.chmod(0o644)
    assert f"chmod go-rwx {key}" in doctor(tmp_path).one("authority", "warning")
    key.chmod(0o600)
    assert not doctor(tmp_path).about("authority")


def test_who_trusts_the_authority(tmp_path: Path, own: Path) -> None:
    """For --proxy, the variables that lead to the authority, and those that do not, are named."""
    whole(own, days=9000)
    bundle = tmp_path / "bundle.pem"
    other = authority(tmp_path / "other.pem", days=9000)
    bundle.write_bytes(other.read_bytes() + own.read_bytes())
    report = doctor(tmp_path, "--proxy", SSL_CERT_FILE=bundle, REQUESTS_CA_BUNDLE=other)
    assert "not trusted by REQUESTS_CA_BUNDLE, NODE_EXTRA_CA_CERTS" in report.one(
        "authority", "warning"
    )
    assert "trusted by SSL_CERT_FILE" in str(report.about("authority"))
    assert report.states("trust") == ["ok"]


def test_authority_is_needed_by_the_environment(tmp_path: Path, own: Path) -> None:
    """An HTTPS_PROXY on this machine means that clients need to trust the authority."""
    whole(own, days=9000)
    with listening() as port:
        report = doctor(tmp_path, HTTPS_PROXY=f"http://127.0.0.1:{port}")
    assert "not trusted by SSL_CERT_FILE" in report.one("authority", "warning")


def test_only_our_authority(tmp_path: Path, own: Path) -> None:
    """SSL_CERT_FILE with nothing but our authority keeps respool from verifying the upstream."""
    whole(own, days=9000)
    assert "cannot verify the upstream" in doctor(tmp_path, SSL_CERT_FILE=own).one(
        "trust", "problem"
    )


def test_codex(tmp_path: Path) -> None:
    """Where Codex goes is read from its config, for it ignores OPENAI_BASE_URL."""
    path = program(tmp_path, "codex", "exit 1")
    assert not doctor(tmp_path).about("codex")
    assert "goes past respool" in doctor(tmp_path, PATH=path).one("codex", "ok")
    alone = doctor(tmp_path, "--", "codex", PATH=path).one("codex", "warning")
    assert "ignores OPENAI_BASE_URL" in alone
    config = tmp_path / ".codex" / "config.toml"
    config.parent.mkdir()
    config.write_text("openai_base_url =")
    assert "it is not TOML" in doctor(tmp_path).one("codex", "warning")
    config.write_text(f'openai_base_url = "http://127.0.0.1:{free_port()}/v1"')
    assert "nothing listens" in doctor(tmp_path, "--", "codex", PATH=path).one("codex", "problem")
    with listening() as port:
        url = f"http://127.0.0.1:{port}"
        config.write_text(
            f'model_provider = "mine"\n[model_providers.mine]\nbase_url = "{url}/v1"\n'
        )
        assert f"goes to {url}" in doctor(tmp_path).one("codex", "ok")
    config.write_text("model_provider = 1\nopenai_base_url = 3\n")
    assert "is no URL" in doctor(tmp_path, CODEX_HOME=config.parent).one("codex", "warning")
    config.write_text("model_providers = 2\n")
    assert "goes past respool" in doctor(tmp_path).one("codex", "ok")


@pytest.mark.parametrize(
    ("version", "more", "state", "says"),
    [
        ("v20.11.1", {}, "warning", "Node 20 ignores HTTPS_PROXY"),
        ("v24.0.0", {}, "warning", "export NODE_USE_ENV_PROXY=1"),
        ("v24.0.0", {"NODE_USE_ENV_PROXY": "1"}, "ok", "Node 24 takes HTTPS_PROXY"),
        ("what?", {}, "warning", "does not say its version"),
    ],
)
def test_node(tmp_path: Path, version: str, more: dict[str, str], state: str, says: str) -> None:
    """Whether Node takes HTTPS_PROXY depends on its version, and is asked for --proxy only."""
    path = program(tmp_path, "node", f"echo '{version}'")
    assert says in doctor(tmp_path, "--proxy", PATH=path, **more).one("node", state)
    if state == "ok":
        assert not doctor(tmp_path, PATH=path, **more).about("node")


def test_command_that_is_not_there(tmp_path: Path) -> None:
    """A CMD that cannot be run is a problem."""
    assert "nope is not a program" in doctor(tmp_path, "--", "nope").one("command", "problem")
