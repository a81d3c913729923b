"""`respool replay`: a cassette served back, alone or around a command."""

import asyncio
import sys
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from respool import child
from respool.open_files import raise_limit
from respool.options import port_option
from respool.say import say
from respool.trust import distrust
from wire.hosts import Hosts, parse_server

if TYPE_CHECKING:
    from cassettes.tape import Tape


@click.command("replay", short_help="Serve a cassette back, offline.")
@click.argument("cassette", type=click.Path(path_type=Path))
@port_option
@click.option(
    "--pace",
    type=click.Choice(["instant", "recorded"]),
    default="instant",
    show_default=True,
    help="Answer at once, or with the delays that were recorded.",
)
@click.option(
    "--proxy",
    "forward",
    is_flag=True,
    help="Be a proxy for HTTPS_PROXY, for clients without a base URL; only the recording's hosts "
    "answer.",
)
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
def command(cassette: Path, port: int, pace: str, forward: bool, cmd: tuple[str, ...]) -> None:
    """Serve CASSETTE back, offline.

    The current file of a rotated capture, or its folder, stands for all its files.

    With CMD (after --), run it with OPENAI_BASE_URL set to the player, and exit with its exit code.
    Without, print the player's base URL and serve until ctrl-C. With --proxy, HTTPS_PROXY and what
    clients need to trust it are set, or printed, in place of the base URL.
    """
    sys.exit(asyncio.run(_replay(cassette, port, pace, forward, cmd)))


async def _replay(path: Path, port: int, pace: str, forward: bool, cmd: tuple[str, ...]) -> int:
    signals = child.Signals()
    raise_limit()

    from addons.exhaustion import Exhaustion
    from cassettes.folder import is_closed
    from cassettes.joined import open_whole
    from cassettes.player import Player
    from cassettes.serving import HOST, listen, serving
    from cassettes.tape import Tape

    with open_whole(path, say) as cassette:
        tape = Tape(cassette)
        player = Player(tape, pace=1.0 if pace == "recorded" else 0.0, report=say)
        Exhaustion(say).watch(asyncio.get_running_loop())
        if forward and port:
            listen(port).close()
        sock = listen(0 if forward else port)
        player_port = sock.getsockname()[1]
        address = f"http://{HOST}:{player_port}"
        code = 0
        async with serving(player, sock), _in_front(tape, player_port, port, forward) as front:
            base_url = address + tape.mounts.base_of(tape.mounts.main)
            say(f"replaying {path} {f'through {front[0]}' if front else f'at {base_url}'}")
            for upstream, base in {} if front else tape.mounts.others().items():
                say(f"what {upstream} had answered is at {address}{base}")
            env = front[1] if front else child.environment(base_url, dummy_key=True)
            if cmd:
                code = await signals.run(cmd, env)
            else:
                child.invite(base_url, env if front else None)
                await signals.stop()
        if (part := cassette.header.part) and is_closed(path):
            say(f"{path} is file {part} of a rotated capture; what the others hold was not played")
        served = f"served {len(tape.served)} of {len(cassette.exchanges)} recorded exchanges"
        say(f"{served}, {player.misses} miss{'es' * (player.misses != 1)}")
        refused = front is not None and bool(front[2])  # so it does read the variable
        if cmd and not tape.served and not player.misses and not refused:
            read = "HTTPS_PROXY" if front else "OPENAI_BASE_URL"
            say(f"the command sent no request here; does its client read {read}?")
    signals.ignore()
    return code


@asynccontextmanager
async def _in_front(
    tape: "Tape", player_port: int, port: int, wanted: bool
) -> AsyncIterator[tuple[str, dict[str, str], Set[str]] | None]:
    """Where it is wanted: a proxy in front of the player.

    Its URL, a command's environment, and the hosts that it has refused so far. Raises CannotListen
    or NoAuthority.
    """
    if not wanted:
        yield None
        return

    from addons import authority
    from addons.detour import Detour
    from addons.master import HOST

    folder = authority.default_folder()
    servers = [parse_server(upstream) for upstream in tape.mounts.upstreams if upstream]
    hosts = Hosts(servers, well_known=False)
    detour = Detour(
        hosts,
        player_port,
        port=port,
        confdir=folder,
        report=say,
        distrusted=lambda host, alert: say(distrust(host, alert, authority.certificate(folder))),
    )
    try:
        url = f"http://{HOST}:{await detour.start()}"
        if old := authority.ageing(folder):
            say(old)
        yield url, child.behind_proxy(url, hosts, folder, replaying=True), detour.refused
    finally:
        await detour.stop()
