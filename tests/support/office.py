"""A network as companies have it, on loopback: names lead somewhere only through its proxy."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import KEY
from tls_servers import CorporateProxy, certificate, corporate_proxy, tls_in_front_of

from respool.demo.server import Cannery, RunningServer, running_server
from respool.trust import TRUST

VENDOR = "api.openai.com:443"


@dataclass
class Office:
    """The scripted server stands for the vendor's, behind TLS, as far as `proxy` tells."""

    server: RunningServer
    proxy: CorporateProxy
    env: dict[str, str]
    """What a user there has set; SSL_CERT_FILE knows the vendor's certificate and no other."""
    vendor: Path
    """That certificate."""


def port_of(server: RunningServer) -> int:
    """Where a scripted server listens."""
    return int(server.base_url.split(":")[2].split("/")[0])


def settings(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a user without a proxy: an authority in `folder`, a key."""
    names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
    trusting = (variable.name for variable in TRUST)
    none = dict.fromkeys([*names, *(name.lower() for name in names), *trusting], "")
    return none | {"XDG_DATA_HOME": str(folder / "data"), "OPENAI_API_KEY": KEY} | more


@contextmanager
def office(folder: Path, canned: Cannery | None = None, **places: int) -> Iterator[Office]:
    """The network, with other `places` than the vendor's."""
    pem = certificate(folder, "api.openai.com", "chatgpt.com", "gateway.example")
    with (
        running_server(canned=canned) as server,
        tls_in_front_of(port_of(server), pem) as port,
        corporate_proxy(
            **{VENDOR: port, "chatgpt.com:443": port, "gateway.example:8443": port} | places
        ) as (proxy, url),
    ):
        env = settings(folder, HTTPS_PROXY=url, HTTP_PROXY=url, SSL_CERT_FILE=str(pem))
        del env["https_proxy"], env["http_proxy"]
        yield Office(server, proxy, env, pem)
