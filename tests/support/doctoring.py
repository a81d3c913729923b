"""What the tests of `respool doctor` share: an environment without surprises, and its findings."""

import datetime as dt
import ipaddress
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import DEADLINE_S, RESPOOL
from ports import free_port

STEERING = (
    "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_WEBSOCKET_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY",
    "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CODEX_CA_CERTIFICATE",
    "NODE_TLS_REJECT_UNAUTHORIZED", "NODE_USE_ENV_PROXY", "CODEX_HOME", "PYTHONPATH", "PYTHONHOME",
    "PYTHONWARNINGS", "COLUMNS",
)  # fmt: skip


@dataclass
class Report:
    """What `respool doctor --json` said."""

    code: int
    state: str
    findings: list[dict[str, str]]

    def about(self, name: str) -> list[dict[str, str]]:
        """The findings with this name."""
        return [finding for finding in self.findings if finding["name"] == name]

    def one(self, name: str, state: str) -> str:
        """What was found by the one finding with this name and state, and what it says to do."""
        (found,) = [finding for finding in self.about(name) if finding["state"] == state]
        assert (found["advice"] is None) == (state == "ok"), found
        return f"{found['found']} -> {found['advice']}"

    def all(self, name: str, state: str) -> str:
        """What was found by all with this name and state: other tests have processes too."""
        found = [finding for finding in self.about(name) if finding["state"] == state]
        return "\n".join(f"{finding['found']} -> {finding['advice']} " for finding in found)

    def states(self, name: str) -> list[str]:
        """The states of the findings with this name."""
        return [finding["state"] for finding in self.about(name)]


def environment(home: Path, **more: str | Path) -> dict[str, str]:
    """A user at `home` with a key, whose programs are the environment's, and nothing else set."""
    return {
        **{name: value for name, value in os.environ.items() if name not in STEERING},
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "OPENAI_API_KEY": "sk-doctor-0123456789",
        "PATH": str(Path(sys.executable).parent),
        "PYTHONUTF8": "1",
        **{name: str(value) for name, value in more.items()},
    }


def untraced(env: dict[str, str]) -> dict[str, str]:
    """The environment without what makes coverage write files and take time."""
    return {name: value for name, value in env.items() if not name.startswith("COV")}


def examined(
    env: dict[str, str], cwd: Path, *arguments: str | Path, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `respool doctor` in exactly this environment and folder."""
    return subprocess.run(
        [RESPOOL, "doctor", *map(str, arguments)],
        env=env, cwd=cwd, capture_output=True, text=True, timeout=DEADLINE_S, **options,
    )  # fmt: skip


def doctor(
    home: Path, *arguments: str | Path, cwd: Path | None = None, **more: str | Path
) -> Report:
    """Run `respool doctor --json` as that user; it does not reach for the upstream unless told."""
    offline = () if "--upstream" in arguments else ("--offline",)
    done = examined(environment(home, **more), cwd or home, "--json", *offline, *arguments)
    assert not done.stderr, done.stderr
    said = json.loads(done.stdout)
    report = Report(done.returncode, said["state"], said["findings"])
    assert report.code == (said["state"] == "problem"), report
    return report


@contextmanager
def listening(host: str = "127.0.0.1") -> Iterator[int]:
    """A port on which this process listens; connections are neither accepted nor refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, free_port()))
        sock.listen()
        yield sock.getsockname()[1]


def authority(path: Path, *, days: float) -> Path:
    """The certificate of an authority, valid for 127.0.0.1 too, that expires in so many days.

    Its key follows in the same file.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, path.name)])
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - dt.timedelta(days=400))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    path.chmod(0o600)
    return path
