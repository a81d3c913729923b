"""The variables that steer clients: where the API is, with which key, and through which proxy.

Clients that are started as CMD of `record` find them set right; these checks are about clients that
are started on their own in an environment like this one. No value is shown but origins of URLs.
"""

import os
from collections.abc import Iterable, Iterator
from urllib.request import getproxies, proxy_bypass

from respool.doctor.finding import Asked, Finding, ok, problem, warning
from respool.doctor.origin import Origin
from respool.doctor.processes import Process, listener, respools

_BASE_URLS = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_WEBSOCKET_BASE_URL")
_LOOPBACK = "127.0.0.1"


def base_url(asked: Asked) -> Iterator[Finding]:
    """Where clients of this environment go, and whether a respool that listens gets to see them."""
    origins = {name: Origin.of(value) for name in _BASE_URLS if (value := os.environ.get(name))}
    if asked.command:
        what = "HTTPS_PROXY and whom to trust" if asked.proxy else "OPENAI_BASE_URL and NO_PROXY"
        yield ok("base URL", f"`respool record` sets {what} for CMD")
        return
    for name, origin in origins.items():
        if origin is None:
            yield problem("base URL", f"{name} is not a URL", f"export {name}=http://HOST/v1")
        elif origin.is_loopback and not origin.answers:
            yield problem(
                "base URL",
                f"nothing listens at {origin}, where {name} points",
                f"unset {name} if it is left from an earlier recording; else start that server",
            )
        elif origin.is_loopback:
            yield _local(name, origin)
        else:
            yield ok("base URL", f"{name} points at {origin}")
    yield from _disagreement(origins)
    past = list(_passed_by([*origins.values(), *map(Origin.of, getproxies().values())]))
    yield from past
    if not origins and not past:
        yield ok("base URL", "OPENAI_BASE_URL is not set; `respool record -- CMD` sets it for CMD")


def _local(name: str, origin: Origin) -> Finding:
    process = listener(origin.port)
    if process and process.forward:
        return warning(
            "base URL",
            f"{name} points at {process}, which is a proxy for HTTPS_PROXY and has no base URL",
            f"unset {name}, and set what that process printed",
        )
    base = _base(process) if process else None
    if base is not None and origin.path != base:
        return warning(
            "base URL",
            f"{name} points at {process}, but not at its base path {base or '/'}",
            f"export {name}={origin}{base}",
        )
    return ok("base URL", f"{name} points at {origin}, {process or 'where something listens'}")


def _base(process: Process) -> str | None:
    """The base path of the cassette that a respool has open; None if that cannot be told."""
    from cassettes.format import decode

    if process.subcommand not in ("record", "replay") or not process.cassettes:
        return None
    try:
        with open(process.cassettes[0], "rb") as file:  # noqa: PTH123 # as told by the system
            base = decode(file.readline(1 << 20)).base
    except (OSError, ValueError, AttributeError):
        return None
    return str(base)


def _disagreement(origins: dict[str, Origin | None]) -> Iterator[Finding]:
    first, *others = _BASE_URLS
    if (here := origins.get(first)) is None:
        return
    for name in others:
        there = origins.get(name)
        if there and (there.host, there.port) != (here.host, here.port):
            who = "langchain-openai" if name == "OPENAI_API_BASE" else "openai-agents"
            yield warning(
                "base URL",
                f"{name} points at {there}, and {first} at {here}: {who} takes the former",
                f"unset {name}, or let both name one server",
            )


def _passed_by(targets: Iterable[Origin | None]) -> Iterator[Finding]:
    """Warn of a proxy that records on its own while nothing here leads to it."""
    alone = [it for it in respools() if it.subcommand in ("record", "replay") and not it.around]
    ports = {origin.port for origin in targets if origin and origin.is_loopback}
    if any(ports & set(process.ports) for process in alone):
        return
    for process in alone:
        address = f"http://{_LOOPBACK}:{process.ports[0]}"
        if process.forward:
            yield warning(
                "base URL",
                f"{process} is a proxy for HTTPS_PROXY, and clients started from here go past it",
                f"set here what it printed: HTTPS_PROXY={address} and more",
            )
        else:
            base = _base(process)
            url = address + ("/v1" if base is None else base)
            yield warning(
                "base URL",
                f"{process} listens at {url}, and clients started from here go past it",
                f"export OPENAI_BASE_URL={url}",
            )


def key(_: Asked) -> Iterator[Finding]:
    """Whether there is an API key that a client can send; what it is stays unsaid."""
    value = os.environ.get("OPENAI_API_KEY")
    if not value:
        state = "empty" if value == "" else "not set"
        yield warning(
            "API key",
            f"OPENAI_API_KEY is {state}: OpenAI's clients refuse to start without one",
            "export it, any text for a server that wants none; Codex with a login needs none",
        )
    elif value != value.strip() or not value.isascii() or not value.isprintable():
        yield problem(
            "API key",
            "OPENAI_API_KEY holds blanks at its ends, line ends or odd characters",
            "set it again without them: clients cannot send it in a header",
        )
    elif value[0] in "\"'" or value[-1] in "\"'":
        yield warning("API key", "OPENAI_API_KEY holds quotation marks", "set it without them")
    else:
        yield ok("API key", "OPENAI_API_KEY is set")


def proxies(asked: Asked) -> Iterator[Finding]:
    """Whether traffic to this machine would be sent to a proxy, and whether the proxies are sound.

    As Python's clients read the variables: small letters count before capital ones.
    """
    found = getproxies()
    named = {scheme: url for scheme, url in found.items() if scheme in ("http", "https", "all")}
    said = [finding for scheme, url in named.items() for finding in _unsound(scheme, url)]
    yield from said
    to_us = [_name(scheme) for scheme in ("http", "all") if scheme in named]
    if to_us and not proxy_bypass(_LOOPBACK) and not asked.command:
        bypass = "no_proxy" if os.environ.get("no_proxy") else "NO_PROXY"
        yield warning(
            "proxies",
            f"{' and '.join(to_us)} take traffic to {_LOOPBACK} too: it never reaches respool",
            f'export {bypass}="{_LOOPBACK},localhost,::1,${bypass}"',
        )
    elif not said:
        names = ", ".join(f"{_name(scheme)} is {Origin.of(url)}" for scheme, url in named.items())
        yield ok("proxies", names or "no HTTP_PROXY, HTTPS_PROXY or ALL_PROXY is set")


def _unsound(scheme: str, url: str) -> Iterator[Finding]:
    name, origin = _name(scheme), Origin.of(url)
    if origin is None or origin.scheme not in ("http", "https", "socks5", "socks5h"):
        yield warning(
            "proxies",
            f"{name} is not a URL that Python's clients take: they refuse to start",
            f"give it a scheme: {name}=http://HOST:PORT",
        )
    elif origin.scheme.startswith("socks"):
        yield warning(
            "proxies",
            f"{name} is a SOCKS proxy: Python's clients refuse to start without `socksio`",
            f"unset {name} for clients that talk to respool, or install socksio beside them",
        )
    elif origin.is_loopback and not origin.answers:
        yield problem(
            "proxies",
            f"nothing listens at {origin}, where {name} points",
            f"unset {name} if it is left from an earlier recording; else start that proxy",
        )


def _name(scheme: str) -> str:
    """The variable as it is spelled here."""
    small = f"{scheme}_proxy"
    return small if os.environ.get(small) else small.upper()
