"""What the machine and the terminal give: open files, file sizes, the time, characters."""

import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from respool.doctor.finding import Asked, Finding, ok, warning
from respool.open_files import attainable

_FEWEST_FILES = 1024
"""A client takes two open files, its connection and the one to the upstream."""
_SMALLEST_LIMIT = 1 << 30
_NARROWEST = 60


def limits(_: Asked) -> Iterator[Finding]:
    """Open files, and the largest file that may be written."""
    files = attainable()
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    few = files < _FEWEST_FILES
    small = largest != resource.RLIM_INFINITY and largest < _SMALLEST_LIMIT
    if few:
        yield warning(
            "limits",
            f"only {files} files may be open, not {_FEWEST_FILES:,}: each client takes two",
            "raise the hard limit of what starts respool: `ulimit -Hn` shows it, LimitNOFILE of "
            "systemd and --ulimit of Docker set it",
        )
    if small:
        yield warning(
            "limits",
            f"no file may grow over {largest:,} bytes, so no cassette either",
            "raise it in the shell that starts respool: `ulimit -f unlimited`",
        )
    if not few and not small:
        yield ok(
            "limits", f"{files:,} files may be open, enough for {files // 2:,} clients at once"
        )


def clock(_: Asked) -> Iterator[Finding]:
    """Whether it is later than the moment at which respool was installed; quiet if it is."""
    installed = Path(__file__).stat().st_mtime
    if time.time() < installed - 86_400:
        now = datetime.now(UTC).date()
        yield warning(
            "clock",
            f"it is {now} here, which is before this respool was installed",
            "set the clock: by a wrong one TLS certificates are not valid",
        )


def terminal(_: Asked) -> Iterator[Finding]:
    """Whether texts can be shown as they are; quiet if they can."""
    from respool.view.screen import Screen

    encoding = (sys.stdout.encoding or "none").lower().replace("-", "")
    if encoding != "utf8":
        yield warning(
            "terminal",
            f"output is in {sys.stdout.encoding}: what that lacks is shown as escapes",
            "export PYTHONUTF8=1, or a locale such as LC_ALL=C.UTF-8",
        )
    width = Screen().wrap_at
    if width is not None and width < _NARROWEST:
        yield warning(
            "terminal",
            f"{width} columns: tables leave out what they have no room for",
            f"widen it to {_NARROWEST} or more",
        )
