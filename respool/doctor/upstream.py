"""Whether the upstream can be reached the way the recording proxy reaches it: directly, with its
trust. A TCP connection and a TLS handshake; not a byte of HTTP, and no key.
"""

import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.request import getproxies, proxy_bypass

from respool.doctor.finding import Asked, Finding, ok, problem, warning
from respool.doctor.origin import Origin
from respool.doctor.processes import listener
from respool.record import DEFAULT_UPSTREAM, check_upstream
from wire.errors import BadOption

_CONNECT_S = 1.2
_HANDSHAKE_S = 1.5


def upstream(asked: Asked) -> Iterator[Finding]:
    """The base URL that `record` would forward to."""
    inherited = os.environ.get("OPENAI_BASE_URL")
    source = "" if asked.upstream else " (from OPENAI_BASE_URL)" if inherited else " (the default)"
    try:
        origin = Origin.of(check_upstream(asked.upstream or inherited or DEFAULT_UPSTREAM))
    except BadOption:
        origin = None
    if origin is None:
        yield problem(
            "upstream",
            f"what is given as upstream{source} is not a base URL",
            f"give one like {DEFAULT_UPSTREAM}: http or https, without user, password and query",
        )
    elif origin.is_loopback and asked.port and origin.port == asked.port:
        yield problem(
            "upstream",
            f"{origin}{source} is the port where respool shall listen: it would record itself",
            "give the server that clients would use without respool as --upstream",
        )
    elif inherited and not asked.upstream and origin.is_loopback and not asked.command:
        pass  # of which `base URL` tells
    elif not asked.offline:
        yield _reach(origin, source)
    if origin and origin.is_loopback and (process := listener(origin.port)):
        yield from _ourselves(asked, process.subcommand, f"{origin}{source} is {process}")


def _ourselves(asked: Asked, subcommand: str, found: str) -> Iterator[Finding]:
    """Warn of a recorder in front of a recorder, where somebody is about to start one."""
    about_to_record = asked.upstream or asked.port or asked.cassette or asked.command
    if about_to_record and subcommand in ("record", "replay"):
        yield warning(
            "upstream",
            f"{found}: respool would record its own answers",
            "unset OPENAI_BASE_URL, or give the real server as --upstream",
        )


def _reach(origin: Origin, source: str) -> Finding:
    name = f"{origin}{source}"
    began = time.monotonic()
    try:
        sock, silent = _connect(origin)
    except (socket.gaierror, UnicodeError):
        return problem("upstream", f"{name}: the host name is not known", _offline(origin))
    except TimeoutError:
        return problem("upstream", f"{name} does not answer", _offline(origin))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        return problem("upstream", f"{name}: {why}", _offline(origin))
    with sock:
        secured = ""
        if origin.scheme == "https":
            try:
                secured = _handshake(sock, origin.host)
            except (OSError, ValueError) as error:
                return _tls_failed(name, error)
    if silent:
        return warning(
            "upstream",
            f"{name} answers, but not at {silent}, which is tried first",
            "each connection waits for that address: turn off the broken IPv6 or IPv4 route",
        )
    return ok("upstream", f"{name} answers in {(time.monotonic() - began) * 1000:.0f} ms{secured}")


def _connect(origin: Origin) -> tuple[socket.socket, str]:
    """A connection, and an address before it that kept silent. Raises OSError."""
    addresses = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    silent, failed = "", OSError(f"{origin.host} has no address")
    for number, _ in enumerate(addresses):
        family, kind, protocol, _, address = addresses[number]
        if number and family == addresses[number - 1][0]:
            continue  # one of each family will do
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(_CONNECT_S)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
            silent = str(address[0]) if isinstance(error, TimeoutError) else silent
        else:
            return sock, silent
    raise failed


def _handshake(sock: socket.socket, host: str) -> str:
    """The TLS version, with the roots that mitmproxy takes: SSL_CERT_FILE, else certifi's."""
    import certifi

    sock.settimeout(_HANDSHAKE_S)
    roots = os.environ.get("SSL_CERT_FILE") or certifi.where()
    context = ssl.create_default_context(cafile=roots)
    with context.wrap_socket(sock, server_hostname=host) as secured:
        return f", {secured.version()}"


def _tls_failed(name: str, error: Exception) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        return problem(
            "upstream",
            f"{name}: its certificate is not trusted: {error.verify_message}",
            "if your network inspects TLS, point SSL_CERT_FILE at a bundle that holds its CA too; "
            "else check the host name and the clock",
        )
    if isinstance(error, FileNotFoundError):
        return problem(
            "upstream",
            f"{name} cannot be verified: the file that SSL_CERT_FILE names is not there",
            "unset SSL_CERT_FILE, or point it at a bundle of certificates",
        )
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return problem("upstream", f"{name} does not speak TLS", "is its URL http://?")
    why = getattr(error, "reason", None) or getattr(error, "strerror", None) or "it was cut off"
    return problem(
        "upstream", f"{name}: the TLS handshake fails: {why}", "something on the way breaks TLS"
    )


def _offline(origin: Origin) -> str:
    if origin.is_loopback:
        return "start that server; if the variable is left from an earlier recording, unset it"
    if _through_a_proxy(origin):
        return (
            "a proxy is set in your environment, but respool connects directly: record where the "
            "upstream can be reached, or give a gateway that can be as --upstream"
        )
    return "check that you are online and that the URL is right; `--offline` leaves this check out"


def _through_a_proxy(origin: Origin) -> bool:
    proxies = getproxies()
    with suppress(ValueError):
        bypassed = proxy_bypass(origin.host)
        return not bypassed and bool(proxies.get(origin.scheme) or proxies.get("all"))
    return False
