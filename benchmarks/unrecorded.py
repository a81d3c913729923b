"""respool's proxy with nothing recorded, for what a recording costs: `UPSTREAM CONFDIR`."""

import asyncio
import sys
from pathlib import Path

from addons.master import HOST, Proxy


async def main(upstream: str, confdir: str) -> None:
    """Serve until stopped."""
    proxy = Proxy(upstream, None, port=0, confdir=Path(confdir), report=print)
    print(f"unrecorded at {HOST}:{await proxy.start()}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
