"""`respool record`: the recording proxy, alone or around a command."""

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from respool import child
from respool.event_loop import EventLoop
from respool.open_files import raise_limit
from respool.options import port_option
from respool.quantities import SIZE
from respool.reach import reach
from respool.say import say
from respool.trust import distrust
from wire.errors import BadOption
from wire.hosts import DEFAULT_BASE_URL, Hosts, Server, is_loopback, parse_server

if TYPE_CHECKING:
    from addons.proxies import Proxies
    from addons.recorder import Recorder
    from cassettes.handover import Handover

RECORDING_FAILED = 3
"""Our exit code where all went well but for the cassette, which lacks something."""
_NAMED = 5
"""How many of the hosts are named that were passed on to."""


@click.command(
    "record",
    # The first word that is no option begins CMD, whose options are its own, with or without --.
    context_settings={"allow_interspersed_args": False},
    short_help="Record Responses traffic through a proxy into a cassette.",
)
@click.option(
    "--upstream",
    "upstreams",
    metavar="URL",
    multiple=True,
    help="The base URL that the client would otherwise use; with --proxy also a host, and as often "
    f"as needed.  [default: $OPENAI_BASE_URL, else {DEFAULT_BASE_URL}]",
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
@click.option(
    "--proxy",
    "forward",
    is_flag=True,
    help="Be a proxy for HTTPS_PROXY, for clients without a base URL: what goes to the vendor's "
    "hosts and to each --upstream is recorded, everything else passes unopened.",
)
@click.option(
    "--rotate",
    type=SIZE,
    default=0,
    metavar="SIZE",
    help="Begin a new file after so many bytes, such as 256M, and compress the one before; for "
    "captures that run for weeks.",
)
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
def command(
    upstreams: tuple[str, ...],
    port: int,
    cassette: Path,
    record_all: bool,
    forward: bool,
    rotate: int,
    cmd: tuple[str, ...],
) -> None:
    """Record Responses traffic through a proxy into a cassette.

    With CMD (after --), run it with OPENAI_BASE_URL set to the proxy, and exit with its exit code;
    or with 3, where that is 0 and the cassette lacks something. Without, print the proxy's base URL
    and record until ctrl-C. With --proxy, HTTPS_PROXY and what clients need to trust it are set, or
    printed, in place of the base URL.
    """
    plan = _Plan(cassette, port, record_all, rotate, cmd, *_servers(upstreams, forward))
    running = _record(plan, Hosts(plan.servers) if forward else None)
    sys.exit(asyncio.run(running, loop_factory=EventLoop))


@dataclass(frozen=True, slots=True)
class _Plan:
    cassette: Path
    port: int
    record_all: bool
    rotate: int
    cmd: tuple[str, ...]
    servers: tuple[Server, ...]
    """Those that a user named, or one that is meant where nobody named any."""
    origin: str
    """Where the last of them was named, if not in an option."""


def _servers(upstreams: tuple[str, ...], forward: bool) -> tuple[tuple[Server, ...], str]:
    inherited = os.environ.get("OPENAI_BASE_URL")
    servers = [parse_server(each, host_alone=forward) for each in upstreams]
    if len(servers) > 1 and not forward:
        raise BadOption("several --upstream can be recorded only with --proxy, one without")
    if not inherited or (servers and not forward):
        default = [] if servers or forward else [parse_server(DEFAULT_BASE_URL)]
        return (*servers, *default), ""
    origin = " (from $OPENAI_BASE_URL)"
    try:
        return (*servers, parse_server(inherited, host_alone=False)), origin
    except BadOption as error:
        raise BadOption(f"{error}{origin}") from error


async def _record(plan: _Plan, hosts: Hosts | None) -> int:
    signals = child.Signals()
    raise_limit()

    from addons import authority
    from addons.proxies import Proxies
    from cassettes.capture import check_size
    from cassettes.handover import Handover
    from cassettes.journal_file import check_place
    from cassettes.serving import listen

    proxies = Proxies.of_environment()
    folder = authority.default_folder()
    # What is wrong here is said before anybody is asked for anything, and a cassette is begun last.
    check_size(plan.rotate)
    check_place(plan.cassette)
    if plan.port:
        listen(plan.port).close()
    authority.make(folder)
    authority.upstream_roots(folder)
    for server in plan.servers:
        await reach(server, proxies, plan.origin if server is plan.servers[-1] else "")
    if proxies.refused and (hosts or not is_loopback(plan.servers[0].host)):
        schemes = " and ".join(proxies.refused)
        say(f"the proxy for {schemes} speaks SOCKS, which respool does not: it connects directly")
    main = hosts.main if hosts else plan.servers[0].base_url
    base = parse_server(main).base
    journal = Handover(plan.cassette, base=base, upstream=main, rotate=plan.rotate, on_failure=say)
    try:
        return await _run(plan, hosts, proxies, journal, base, signals)
    finally:
        signals.ignore()


async def _run(
    plan: _Plan,
    hosts: Hosts | None,
    proxies: "Proxies",
    journal: "Handover",
    base: str,
    signals: child.Signals,
) -> int:
    from addons import authority
    from addons.master import HOST, Proxy

    signals.on_another = journal.hurry
    folder = authority.default_folder()
    proxy = Proxy(
        hosts or plan.servers[0].base_url,
        journal,
        port=plan.port,
        confdir=folder,
        report=say,
        proxies=proxies,
        record_all=plan.record_all,
        distrusted=lambda host, alert: say(distrust(host, alert, authority.certificate(folder))),
    )
    code, cassette = 0, plan.cassette
    try:
        url = f"http://{HOST}:{await proxy.start()}"
        if hosts is None:
            say(f"recording {url}{base} -> {plan.servers[0].base_url} into {cassette}")
            env = child.environment(f"{url}{base}", dummy_key=False)
        else:
            say(f"recording through {url} into {cassette}: what goes to {hosts}")
            if old := authority.ageing(folder):
                say(old)
            env = child.behind_proxy(url, hosts, folder)
        if journal.next_number > 1:
            say(f"{cassette} is continued, with exchange {journal.next_number}")
        if plan.cmd:
            code = await signals.run(plan.cmd, env)
        else:
            child.invite(f"{url}{base}", env if hosts else None)
            await signals.stop()
    finally:
        await proxy.stop()
        journal.close()
    if journal.failure:
        return code or RECORDING_FAILED
    if proxy.recorder.lacking:
        code = code or RECORDING_FAILED
    if plan.cmd and code in child.NOT_STARTED and not proxy.recorder.recorded:
        return code  # which was said
    read = "" if not plan.cmd else "HTTPS_PROXY" if hosts else "OPENAI_BASE_URL"
    if code > child.ENDED_BY_SIGNAL:
        read = ""  # it may have had no time
    say(_summary(cassette, proxy.recorder, read, code))
    return code


def _summary(path: Path, recorder: "Recorder", read: str, code: int) -> str:
    """The last line; `read` is what a command, which ended with `code`, should have read."""
    from cassettes.reader import Cassette

    with Cassette.open(path) as cassette:
        whole = len(cassette.exchanges)
    recorded = recorder.recorded
    if not recorded and (unrecorded := "; ".join(_unrecorded(recorder))):
        return unrecorded
    if read and not recorded and code:
        return (
            f"the command failed ({code}) and sent no request to /responses here; if it does not "
            "say why, see what `respool doctor` says"
        )
    if read and not recorded:
        return f"the command sent no request to /responses here; does its client read {read}?"
    there = "" if whole == recorded else f" ({whole} in the file)"
    if whole < recorded:
        there = f", of which the current file of the capture has {whole}"
    see = f"; see `respool show {path}`" if whole or recorded else ""
    return f"recorded {recorded} exchange{'s' * (recorded != 1)}{there}{see}"


def _unrecorded(recorder: "Recorder") -> Iterator[str]:
    """What was passed on, and how it would be recorded."""
    if passed := recorder.passed:
        yield (
            f"no request went to /responses, but {passed} elsewhere, which passed unrecorded (the "
            f"last: {recorder.passed_last}); --record-all records them"
        )
    # A host that is named without a port is recorded at both usual ones.
    there = Counter(re.sub(r":(443|80)$", "", host) for host in recorder.elsewhere.elements())
    if hosts := [host for host, _ in there.most_common()]:
        more = f" and {len(hosts) - _NAMED} more" if len(hosts) > _NAMED else ""
        what = "what went" if passed else "nothing came for a host that is recorded; what went"
        names = f"{', '.join(hosts[:_NAMED])}{more}"
        yield f"{what} to {names} passed unrecorded; --upstream HOST records such a host too"
