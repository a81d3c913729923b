"""A certificate authority that has expired, or soon will, and the recording that needs it."""

import socket
import ssl
from pathlib import Path

import pytest
from doctoring import authority
from harness import run, serving
from office import settings


def aged(tmp_path: Path, *, days: float) -> Path:
    """The certificate of an authority in the place of respool's, valid for so many days."""
    own = authority(
        tmp_path / "data" / "respool" / "mitmproxy" / "mitmproxy-ca-cert.pem", days=days
    )
    own.with_name("mitmproxy-ca.pem").write_bytes(own.read_bytes())
    own.with_name("mitmproxy-ca.pem").chmod(0o600)
    return own


@pytest.mark.parametrize(("days", "said"), [(-1, "expired on"), (3, "expires on"), (100, "")])
def test_told_at_the_start(tmp_path: Path, days: int, said: str) -> None:
    """The age of an authority is told with what renews it, where clients will need to trust it."""
    folder = aged(tmp_path, days=days).parent
    arguments = ("record", "--cassette", tmp_path / "out.jsonl", "--proxy", "--", "true")
    done = run(*arguments, env=settings(tmp_path))
    told = [line for line in done.stderr.splitlines() if "authority" in line]
    assert len(told) == bool(said)
    for line in told:
        assert said in line
        assert f"delete {folder}: the next recording makes a new one" in line


def test_client_that_finds_it_expired(tmp_path: Path) -> None:
    """It is told of as one that does not trust us."""
    context = ssl.create_default_context(cafile=aged(tmp_path, days=-1))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # or it would miss extensions first
    tape = tmp_path / "out.jsonl"
    with serving("record", "--proxy", "--cassette", tape, env=settings(tmp_path)) as proxy:
        port = int(proxy.base_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
            with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
                context.wrap_socket(client, server_hostname="api.openai.com")
        assert proxy.stop() == 0
    (line,) = [line for line in proxy.said if "refused our certificate" in line]
    assert "for api.openai.com (" in line
    assert "certificate expired)" in line
