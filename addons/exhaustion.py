"""Running out of open files, of which the operator hears once, in one line.

Else it would show only as clients that wait (no connection of theirs is accepted) and as servers
that seem out of reach (no connection to them is made, and no name is looked up).
"""

import asyncio
import errno
import os
import re
import resource
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData

_EXHAUSTED = re.compile(rf"\[Errno ({errno.EMFILE}|{errno.ENFILE})\]")


class Exhaustion:
    """An addon; without mitmproxy, `watch` sees to the connections that are accepted."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._told = False

    def running(self) -> None:
        """mitmproxy's hook: its own handler of errors is in place, and gets the other ones."""
        self.watch(asyncio.get_running_loop())

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to the clients of `loop`, which asyncio accepts later where it cannot now."""
        before = loop.get_exception_handler()

        def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # asyncio's
            if getattr(context.get("exception"), "errno", None) in (errno.EMFILE, errno.ENFILE):
                self._tell()
            elif self._told and "_start_serving" in context["message"]:
                pass  # asyncio would accept again, on a socket that was closed in the meantime
            elif before is None:
                loop.default_exception_handler(context)
            else:
                before(loop, context)

        loop.set_exception_handler(handle)

    def server_connect_error(self, data: "ServerConnectionHookData") -> None:
        """No connection to a server; where its name was looked for, the error tells less."""
        if _EXHAUSTED.search(data.server.error or "") or _none_left():
            self._tell()

    def _tell(self) -> None:
        if self._told:
            return
        self._told = True
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._report(
            f"no open files are left (the limit is {limit:,}, and each client takes two): clients "
            "wait or get errors until others are gone; raise the hard limit where respool is "
            "started (`ulimit -Hn` shows it; LimitNOFILE of systemd, --ulimit of Docker)"
        )


def _none_left() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False
