"""The variables by which clients are told whom to trust, each with the clients that read it.

Recording, the message about a client that distrusts us, docs and `respool doctor` read this list.
It holds what can speak the Responses API: for other programs nothing changes, since the hosts that
they talk to show their own certificates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrustVariable:
    """A variable that names a file of root certificates in PEM, or with `folders` one of files."""

    name: str
    clients: str
    fallbacks: tuple[str, ...] = ()
    """The variables that these clients read where it is not set, in order."""
    adds: bool = False
    """Whether the file adds to the roots that the client brings; else it replaces them."""
    folders: bool = False
    """Whether its clients take a folder for a file."""


TRUST: tuple[TrustVariable, ...] = (
    TrustVariable(
        "SSL_CERT_FILE", "OpenSSL, Python's ssl and httpx (the OpenAI SDK), Ruby, .NET, Go on Linux"
    ),
    TrustVariable("REQUESTS_CA_BUNDLE", "Python's requests", ("CURL_CA_BUNDLE",), folders=True),
    TrustVariable("CURL_CA_BUNDLE", "curl", ("SSL_CERT_FILE",)),
    TrustVariable("NODE_EXTRA_CA_CERTS", "Node.js and Bun", adds=True),
    TrustVariable("DENO_CERT", "Deno", adds=True),
    TrustVariable("CODEX_CA_CERTIFICATE", "Codex CLI", ("SSL_CERT_FILE",)),
)

USE_ENV_PROXY = "NODE_USE_ENV_PROXY"
"""Node.js 24 reads HTTPS_PROXY where this is 1; older ones do not at all."""


def distrust(host: str, alert: str, certificate: Path) -> str:
    """What to say when a client did not take our certificate."""
    names = ", ".join(f"{each.name} ({each.clients})" for each in TRUST)
    return (
        f"a client refused our certificate for {host} ({alert}), so nothing of it comes here; it "
        f"must trust {certificate}: {names}, or its own settings"
    )


def in_force(variable: TrustVariable, environment: Mapping[str, str]) -> Path | None:
    """The file that the clients of `variable` take their roots from; None for what they bring."""
    names = (variable.name, *variable.fallbacks)
    return next((Path(environment[name]) for name in names if environment.get(name)), None)
