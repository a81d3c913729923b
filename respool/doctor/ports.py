"""Loopback, the port that is asked for, and the respools that listen already."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import suppress

from respool.dashboard import DEFAULT_PORT
from respool.doctor.finding import Asked, Finding, ok, problem, warning
from respool.doctor.origin import answers
from respool.doctor.processes import listener, respools

_HOST = "127.0.0.1"
_LOOPBACK_S = 1.0


def loopback(_: Asked) -> Iterator[Finding]:
    """Whether a connection to 127.0.0.1 gets through, and what `localhost` means."""
    try:
        _connect_to_ourselves()
    except OSError as error:
        yield problem(
            "loopback",
            f"a connection to {_HOST} fails: {_why(error)}",
            "a firewall or sandbox is in the way: allow TCP on the loopback interface",
        )
        return
    names = _addresses("localhost")
    if _HOST in names:
        yield ok("loopback", f"{_HOST} answers; localhost is {' and '.join(names)}")
    else:
        yield warning(
            "loopback",
            f"localhost is {' and '.join(names) or 'not known'}, and respool listens on {_HOST}",
            f"give {_HOST} to clients, not localhost, or mend /etc/hosts",
        )


def _connect_to_ourselves() -> None:
    with socket.socket() as server:
        server.bind((_HOST, 0))
        server.listen(1)
        server.settimeout(_LOOPBACK_S)
        with socket.create_connection(server.getsockname(), timeout=_LOOPBACK_S):
            server.accept()[0].close()


def _addresses(name: str) -> list[str]:
    with suppress(OSError):
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[4][0]) for address in found))
    return []


def port(asked: Asked) -> Iterator[Finding]:
    """Whether the port that was asked for is free, and by whom it is taken."""
    if not asked.port:
        return
    error = _bind(asked.port)
    if error is None:
        if answers("::1", asked.port):
            yield warning(
                "port",
                f"{asked.port} is free on {_HOST}, but {_taker(asked.port)} listens on [::1]",
                f"tell clients {_HOST}: with localhost they may reach the other one",
            )
        else:
            yield ok("port", f"{asked.port} is free")
    elif (process := listener(asked.port)) and process.subcommand in ("record", "replay"):
        yield warning(
            "port",
            f"{asked.port} is taken by {process}, which serves already",
            "fine if that is the one you ask about; to start another, give another --port",
        )
    elif error.errno == errno.EADDRINUSE:
        yield problem(
            "port",
            f"{asked.port} is taken by {_taker(asked.port)}",
            "end that, or give another --port; without --port, respool takes any free one",
        )
    else:
        yield problem(
            "port",
            f"cannot listen on {asked.port}: {_why(error)}",
            "give a --port over 1023; without --port, respool takes any free one",
        )


def _bind(number: int) -> OSError | None:
    """Listen as `record` and `replay` do, whose own way there would import a server first."""
    try:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((_HOST, number))
            sock.listen()
    except OSError as error:
        return error
    return None


def _taker(number: int) -> str:
    process = listener(number)
    return str(process) if process else "a process of another user"


def _why(error: OSError) -> str:
    return error.strerror or os.strerror(error.errno or 0) if error.errno else str(error)


def dashboard_port(_: Asked) -> Iterator[Finding]:
    """Who has the dashboard's port; quiet if nobody has, and no harm if somebody does."""
    error = _bind(DEFAULT_PORT)
    if error is not None and error.errno == errno.EADDRINUSE:
        yield ok(
            "dashboard",
            f"{DEFAULT_PORT} is taken by {_taker(DEFAULT_PORT)}; `respool dashboard` will take "
            "another port",
        )


def running(_: Asked) -> Iterator[Finding]:
    """The respools that serve, and those among them whose cassette is gone; quiet if none do."""
    for process in respools():
        where = ", ".join(f"{_HOST}:{number}" for number in process.ports)
        if process.lost and process.subcommand == "record":
            yield problem(
                "running",
                f"{process} records into {process.lost[0]}, which was deleted or moved since",
                f"stop it (`kill -INT {process.pid}`) and start it anew: what it writes is lost",
            )
        elif not process.cassettes and process.subcommand == "record":
            yield warning(
                "running",
                f"{process} on {where} has no cassette open: it starts, ends, or records nothing",
                f"look at what it says; `kill -INT {process.pid}` ends it",
            )
        else:
            what = f" ({', '.join(process.cassettes)})" if process.cassettes else ""
            yield ok("running", f"{process} on {where}{what}")
