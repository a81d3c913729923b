"""The certificate authority and the bundles of roots that clients are given."""

import os
import shutil
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from tls_servers import certificate, fingerprint

from addons import authority


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an authority."""
    path = tmp_path / "data" / "mitmproxy"
    authority.make(path)
    return path


def trusted(bundle: Path) -> int:
    """How many certificates OpenSSL finds in a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(bundle))
    return len(context.get_ca_certs())


def test_bundle_holds_ours_and_the_sources(folder: Path, tmp_path: Path) -> None:
    """Each certificate stands in it once, whether its source is a file or a folder of them."""
    (tmp_path / "roots").mkdir()
    one, two = certificate(tmp_path / "roots", "one"), certificate(tmp_path / "roots", "two")
    (tmp_path / "roots" / "notes.txt").write_text("no certificate")
    (tmp_path / "roots" / "gone.pem").symlink_to("nowhere")
    made = authority.bundle(folder, [tmp_path / "roots", one, two])
    assert trusted(made) == 3
    assert fingerprint(made) == fingerprint(authority.certificate(folder))
    assert trusted(authority.bundle(folder, [one, two], own=False)) == 2
    assert trusted(authority.bundle(folder, [])) == 1


def test_bundle_lies_where_it_lay(folder: Path, tmp_path: Path) -> None:
    """The same sources have the same file, which shows what is in them now."""
    root = certificate(tmp_path, "one")
    made = authority.bundle(folder, [root])
    before = made.read_bytes()
    certificate(tmp_path, "one")
    assert authority.bundle(folder, [root]) == made
    assert made.read_bytes() != before
    assert authority.bundle(folder, [tmp_path / "other"]) != made


def test_usual_roots_are_the_system_s_and_certifi_s() -> None:
    """Both are there, so that what was trusted before, by whatever client, stays trusted."""
    assert len(authority.usual_roots()) >= 1
    assert all(path.exists() for path in authority.usual_roots())


def test_authority_that_another_process_made_meanwhile(folder: Path) -> None:
    """Two that begin at once end with one authority, and leave nothing beside it."""
    before = authority.certificate(folder).read_bytes()
    authority.make(folder)
    assert authority.certificate(folder).read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["mitmproxy"]
    made = x509.load_pem_x509_certificate(before)
    assert made.subject.rfc4514_string() == "O=respool,CN=respool"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_roots_that_are_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A variable that names no file is an error, as no server could be trusted."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/nowhere/roots.pem")
    with pytest.raises(authority.NoAuthority, match=f"{variable} names /nowhere/roots.pem"):
        authority.upstream_roots(folder)


@pytest.mark.parametrize("name", ["mitmproxy-ca.pem", "mitmproxy-ca-cert.pem"])
@pytest.mark.parametrize("size", [None, 0, 500])
def test_damaged_authority(folder: Path, name: str, size: int | None) -> None:
    """A file that is missing, empty or cut is an error that says which folder is to be deleted."""
    if size is None:
        (folder / name).unlink()
    else:
        os.truncate(folder / name, size)
    what = "is not there" if size is None else "is cut off"
    with pytest.raises(authority.NoAuthority, match=f"{name} {what}.*; delete {folder}: "):
        authority.make(folder)
    shutil.rmtree(folder)
    authority.make(folder)
    assert not authority.flaw(folder)


def test_authorities_that_were_mixed(folder: Path, tmp_path: Path) -> None:
    """The certificate of one authority with the key of another is damage too."""
    authority.make(tmp_path / "other")
    shutil.copy(authority.certificate(tmp_path / "other"), authority.certificate(folder))
    with pytest.raises(authority.NoAuthority, match="do not belong together"):
        authority.make(folder)


def test_roots_in_a_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE may name a folder of roots, as it may for requests; not an empty one."""
    (tmp_path / "roots").mkdir()
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "roots"))
    with pytest.raises(authority.NoAuthority, match="a folder without certificates"):
        authority.upstream_roots(folder)
    certificate(tmp_path / "roots", "one")
    assert trusted(authority.upstream_roots(folder)) == 1
