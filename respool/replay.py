"""`respool replay`: a cassette served back, alone or around a command."""

import asyncio
import sys
from pathlib import Path

import click

from respool import child
from respool.options import port_option
from respool.say import say


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
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
def command(cassette: Path, port: int, pace: str, cmd: tuple[str, ...]) -> None:
    """Serve CASSETTE back, offline.

    With CMD (after --), run it with OPENAI_BASE_URL set to the player, and exit with its exit code.
    Without, print the player's base URL and serve until ctrl-C.
    """
    sys.exit(asyncio.run(_replay(cassette, port, pace, cmd)))


async def _replay(path: Path, port: int, pace: str, cmd: tuple[str, ...]) -> int:
    signals = child.Signals()

    from cassettes.player import Player
    from cassettes.reader import Cassette
    from cassettes.serving import HOST, listen, serving
    from cassettes.tape import Tape

    with Cassette.open(path) as cassette:
        tape = Tape(cassette)
        player = Player(tape, pace=1.0 if pace == "recorded" else 0.0, report=say)
        sock = listen(port)
        mounts, address = tape.mounts, f"http://{HOST}:{sock.getsockname()[1]}"
        base_url = address + mounts.base_of(mounts.main)
        code = 0
        async with serving(player, sock):
            say(f"replaying {path} at {base_url}")
            for upstream, base in mounts.others().items():
                say(f"what {upstream} had answered is at {address}{base}")
            if cmd:
                code = await signals.run(cmd, child.environment(base_url, dummy_key=True))
            else:
                say(f"point a client at it: export OPENAI_BASE_URL={base_url}; ctrl-C ends")
                await signals.stop()
        served = f"served {len(tape.served)} of {len(cassette.exchanges)} recorded exchanges"
        say(f"{served}, {player.misses} miss{'es' * (player.misses != 1)}")
        if cmd and not tape.served and not player.misses:
            say("the command sent no request here; does its client read OPENAI_BASE_URL?")
    return code
