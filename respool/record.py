"""`respool record`: the recording proxy, alone or around a command."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from respool import child
from respool.options import port_option
from respool.say import say
from wire.errors import BadOption, RespoolError

DEFAULT_UPSTREAM = "https://api.openai.com/v1"
RECORDING_FAILED = 3
"""Our exit code where all went well but for the cassette, which lacks something."""
_PROBE_S = 10.0


class UpstreamUnreachable(RespoolError):
    """Nothing answers where the traffic would go."""


@click.command(
    "record",
    # The first word that is no option begins CMD, whose options are its own, with or without --.
    context_settings={"allow_interspersed_args": False},
    short_help="Record Responses traffic through a proxy into a cassette.",
)
@click.option(
    "--upstream",
    metavar="URL",
    help="The base URL that the client would otherwise use.  "
    f"[default: $OPENAI_BASE_URL, else {DEFAULT_UPSTREAM}]",
)
@port_option
@click.option(
    "--cassette",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file; an existing cassette is continued.",
)
@click.option(
    "--record-all",
    is_flag=True,
    help="Record the requests to other endpoints too (/models, /files, /conversations, ...). "
    "Secrets that stand in their answers are written down as they are.",
)
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
def command(
    upstream: str | None, port: int, cassette: Path, record_all: bool, cmd: tuple[str, ...]
) -> None:
    """Record Responses traffic through a proxy into a cassette.

    With CMD (after --), run it with OPENAI_BASE_URL set to the proxy, and exit with its exit code.
    Without, print the proxy's base URL and record until ctrl-C.
    """
    inherited = os.environ.get("OPENAI_BASE_URL")
    url = check_upstream(upstream or inherited or DEFAULT_UPSTREAM)
    origin = " (from $OPENAI_BASE_URL)" if inherited and not upstream else ""
    sys.exit(asyncio.run(_record(url, origin, port, cassette, record_all, cmd)))


def check_upstream(url: str) -> str:
    """The base URL without a closing slash; raises BadOption for what is not one."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
        usable = usable and url.isascii() and not (parts.query or parts.fragment)
    except ValueError:
        usable = False
    if not usable:
        raise BadOption(f"the upstream {url!r} is not a base URL; give one like {DEFAULT_UPSTREAM}")
    if "@" in parts.netloc:
        raise BadOption(
            "the upstream names a user or password, which would be written down; "
            "let the client send it in a header"
        )
    return url.rstrip("/")


async def _reach(url: str, origin: str) -> None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_PROBE_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
        writer.close()
    except TimeoutError:
        why = f"no answer within {_PROBE_S:.0f} s"
    except (socket.gaierror, UnicodeError):
        why = "the host name is not known"
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
    else:
        return
    raise UpstreamUnreachable(
        f"cannot reach the upstream {url}{origin}: {why}; check that it runs and that you are "
        "online, or give another --upstream"
    )


async def _record(
    url: str, origin: str, port: int, cassette: Path, record_all: bool, cmd: tuple[str, ...]
) -> int:
    signals = child.Signals()

    from cassettes.handover import Handover
    from cassettes.serving import listen

    if port:
        listen(port).close()
    await _reach(url, origin)

    from platformdirs import user_data_path

    from addons.master import HOST, Proxy

    base = urlsplit(url).path
    journal = Handover(cassette, base=base, upstream=url, on_failure=say)
    confdir = user_data_path("respool") / "mitmproxy"
    proxy = Proxy(url, journal, port=port, confdir=confdir, report=say, record_all=record_all)
    code = 0
    try:
        base_url = f"http://{HOST}:{await proxy.start()}{base}"
        say(f"recording {base_url} -> {url} into {cassette}")
        if journal.next_number > 1:
            say(f"{cassette} is continued, with exchange {journal.next_number}")
        if cmd:
            code = await signals.run(cmd, child.environment(base_url, dummy_key=False))
        else:
            say(f"point a client at it: export OPENAI_BASE_URL={base_url}; ctrl-C ends")
            await signals.stop()
    finally:
        await proxy.stop()
        journal.close()
    if journal.failure:
        return code or RECORDING_FAILED
    if proxy.recorder.lacking:
        code = code or RECORDING_FAILED
    if cmd and code in child.NOT_STARTED and not proxy.recorder.recorded:
        return code  # which was said
    say(_summary(cassette, proxy.recorder.recorded, bool(cmd)))
    return code


def _summary(path: Path, recorded: int, around: bool) -> str:
    from cassettes.reader import Cassette

    with Cassette.open(path) as cassette:
        whole = len(cassette.exchanges)
    if around and not recorded:
        return (
            "the command sent no request to /responses here; does its client read OPENAI_BASE_URL?"
        )
    there = "" if whole == recorded else f" ({whole} in the file)"
    return f"recorded {recorded} exchange{'s' * (recorded != 1)}{there}; see `respool show {path}`"
