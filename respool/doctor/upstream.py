"""Whether the upstream can be reached the way the recording proxy reaches it: with its trust, and
through the proxies of the environment. A TCP connection and a TLS handshake; not a byte of HTTP, no
key, and no password of a proxy.
"""

import os
import socket
import ssl
import time
from collections.abc import Iterator

from addons import authority
from addons.proxies import OutgoingProxy, Proxies
from respool.doctor.finding import Asked, Finding, ok, problem, warning
from respool.doctor.origin import Origin, port_of
from respool.doctor.processes import listener
from respool.doctor.trust import ROOT_FILES
from wire.errors import BadOption
from wire.hosts import DEFAULT_BASE_URL, Server, parse_server

_CONNECT_S = 1.2
_HANDSHAKE_S = 1.5


def upstream(asked: Asked) -> Iterator[Finding]:
    """The servers that `record` would forward to."""
    inherited = os.environ.get("OPENAI_BASE_URL")
    given = [(text, "") for text in asked.upstreams]
    if inherited and (asked.proxy or not given):
        given.append((inherited, " (from OPENAI_BASE_URL)"))
    for text, source in given or [(DEFAULT_BASE_URL, " (the default)")]:
        try:
            server = parse_server(text, host_alone=asked.proxy and not source)
        except BadOption:
            yield problem(
                "upstream",
                f"what is given as upstream{source} is not a base URL",
                f"give one like {DEFAULT_BASE_URL}: http or https, without user, password or query",
            )
        else:
            yield from _server(asked, server, source)


def _server(asked: Asked, server: Server, source: str) -> Iterator[Finding]:
    scheme = server.scheme or "https"
    origin = Origin(scheme, server.host, server.port or port_of(scheme), server.base)
    if origin.is_loopback and origin.port == asked.port and not listener(asked.port):
        yield problem(
            "upstream",
            f"{origin}{source} is the port where respool shall listen: it would record itself",
            "give the server that clients would use without respool as --upstream",
        )
    elif "OPENAI_BASE_URL" in source and origin.is_loopback and not asked.command:
        pass  # of which `base URL` tells
    elif not asked.offline:
        yield _reach(origin, source)
    if origin.is_loopback and (process := listener(origin.port)):
        # Warn of a recorder in front of a recorder, where somebody is about to start one.
        about_to_record = asked.upstreams or asked.port or asked.cassette or asked.command
        if about_to_record and process.subcommand in ("record", "replay"):
            yield warning(
                "upstream",
                f"{origin}{source} is {process}: respool would record its own answers",
                "unset OPENAI_BASE_URL, or give the real server as --upstream",
            )


def _reach(origin: Origin, source: str) -> Finding:
    try:
        proxy = Proxies.of_environment().to(origin.scheme, origin.host, origin.port)
    except BadOption as error:
        found, _, advice = str(error).partition("; ")
        return problem("upstream", found, advice)
    if proxy is not None:
        return _by_way_of(proxy, f"{origin}{source}")
    name = f"{origin}{source}"
    began = time.monotonic()
    try:
        sock, silent = _connect(origin.host, origin.port)
    except (OSError, UnicodeError) as error:
        return problem("upstream", f"{name}: {_why(error)}", _offline(origin))
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
    return ok("upstream", f"{name} answers in {_ms_since(began)} ms{secured}")


def _by_way_of(proxy: OutgoingProxy, name: str) -> Finding:
    """Whether a company's proxy answers; what lies behind it would cost its password."""
    began = time.monotonic()
    try:
        _connect(proxy.host, proxy.port)[0].close()
    except (OSError, UnicodeError) as error:
        return problem(
            "upstream",
            f"{name} is reached through {proxy}: {_why(error)}",
            "mend HTTPS_PROXY or HTTP_PROXY, or exempt the upstream in NO_PROXY",
        )
    return ok(
        "upstream", f"{name} is reached through {proxy}, which answers in {_ms_since(began)} ms"
    )


def _ms_since(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f}"


def _why(error: OSError | UnicodeError) -> str:
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "the host name is not known"
    if isinstance(error, TimeoutError):
        return "no answer"
    return os.strerror(error.errno) if error.errno else str(error)


def _connect(host: str, port: int) -> tuple[socket.socket, str]:
    """A connection, and an address before it that kept silent. Raises OSError."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    silent, failed = "", OSError("it has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
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
    """The TLS version. Servers are verified as `addons.authority.upstream_roots` has it."""
    sock.settimeout(_HANDSHAKE_S)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    named = next(filter(None, map(os.environ.get, ROOT_FILES)), None)
    for roots in (named,) if named else authority.usual_roots():
        if os.path.isdir(roots):  # noqa: PTH112 # str or Path
            context.load_verify_locations(capath=roots)
        else:
            context.load_verify_locations(cafile=roots)
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
            f"{name} cannot be verified: the file of roots that is named is not there",
            "see what is said of trust",
        )
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return problem("upstream", f"{name} does not speak TLS", "is its URL http://?")
    why = getattr(error, "reason", None) or getattr(error, "strerror", None) or "it was cut off"
    return problem(
        "upstream", f"{name}: the TLS handshake fails: {why}", "something on the way breaks TLS"
    )


def _offline(origin: Origin) -> str:
    if origin.is_loopback:
        return "start that server, or give another, also where a variable names this one"
    return (
        "check that you are online and that the URL is right, and whether you need HTTPS_PROXY; "
        "`--offline` leaves this check out"
    )
