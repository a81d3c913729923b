"""`respool dashboard`: Streamlit as a child process on loopback, from its first answer to its end.

Nothing of Streamlit is imported here. The child has its own session, so that ctrl-C reaches us
alone and we end it (it ends by itself if we are killed), and runs in a folder of ours, so that a
`.streamlit/` beside the user's own apps does not apply to it.
"""

import asyncio
import contextlib
import os
import sys
import webbrowser
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

import click

from respool import child
from respool.options import db_option
from respool.say import say
from wire.errors import CannotListen, RespoolError

DEFAULT_PORT = 8501
_START_S, _END_S = 60.0, 5.0
_POLL_S = 0.1


class DashboardFailed(RespoolError):
    """Streamlit did not start, or ended by itself."""

    exit_code = 1


@click.command("dashboard", short_help="Open the Streamlit dashboard on a database.")
@db_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Listen here on 127.0.0.1; 0 takes any free port.  [default: {DEFAULT_PORT} if it is "
    "free, else any]",
)
@click.option("--no-browser", is_flag=True, help="Open no browser; just print the URL.")
def command(db: Path, port: int | None, no_browser: bool) -> None:
    """Show the numbers of a database in a browser, and follow them while it grows.

    Serves on 127.0.0.1 until ctrl-C. An ingest may run meanwhile.
    """
    from analytics.store import reading

    with reading(db):
        pass  # it is there, and ours
    asyncio.run(_serve(db.resolve(), _free_port(port), browser=not no_browser and _has_display()))


def _free_port(port: int | None) -> int:
    """A port that was free just now. Raises CannotListen."""
    from cassettes.serving import listen

    if port is None:
        try:
            return _free_port(DEFAULT_PORT)
        except CannotListen:
            port = 0
    with listen(port) as sock:
        found: int = sock.getsockname()[1]
    return found


def _has_display() -> bool:
    if os.environ.get("CI"):
        return False
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


async def _serve(db: Path, port: int, *, browser: bool) -> None:
    stopped = asyncio.create_task(child.Signals().stop())
    process = await asyncio.create_subprocess_exec(
        *_streamlit(db, port),
        cwd=_app().parent,
        stdin=asyncio.subprocess.PIPE,  # never written to: it tells the child that we live
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    ended = asyncio.create_task(process.wait())
    ready = asyncio.create_task(_ready(port))
    try:
        await asyncio.wait({stopped, ended, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            ready.result()
            url = f"http://{child.LOOPBACK[0]}:{port}"
            say(f"dashboard at {url} (ctrl-C ends)")
            if browser:
                await asyncio.to_thread(webbrowser.open, url)
            await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done() and not stopped.done():
            raise DashboardFailed(f"Streamlit ended by itself with exit code {ended.result()}")
    finally:
        ready.cancel()
        await _end(process)


def _streamlit(db: Path, port: int) -> Sequence[str]:
    options = {
        "server.address": child.LOOPBACK[0],
        "server.port": str(port),
        "server.baseUrlPath": "",
        "server.headless": "true",  # we open the browser, and nobody is asked for an address
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "theme.light.primaryColor": "#2f6db5",
        "theme.dark.primaryColor": "#86b4e3",
        "logger.level": "error",
        "logger.hideWelcomeMessage": "true",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    for host in child.LOOPBACK[:2]:  # another site's name that resolves to us is not let in
        flags += ["--server.allowedHosts", host]
    return (
        sys.executable,
        "-P",
        "-m",
        "dashboard.served",
        "run",
        str(_app()),
        *flags,
        "--",
        str(db),
    )


def _app() -> Path:
    package = find_spec("dashboard")
    assert package is not None
    assert package.origin is not None  # it is of our own distribution
    return Path(package.origin).with_name("app.py")


async def _ready(port: int) -> None:
    """Return when the server answers. Raises DashboardFailed after a long while."""
    deadline = asyncio.get_running_loop().time() + _START_S
    while not await asyncio.to_thread(_healthy, port):
        if asyncio.get_running_loop().time() > deadline:
            raise DashboardFailed(f"Streamlit did not answer within {_START_S:.0f} s")
        await asyncio.sleep(_POLL_S)


def _healthy(port: int) -> bool:
    connection = HTTPConnection(child.LOOPBACK[0], port, timeout=1)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_S)
    except TimeoutError:
        process.kill()
        await process.wait()
