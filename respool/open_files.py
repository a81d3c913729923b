"""The limit of open files: raised for ourselves, and for a command as it was.

Shells often allow 256 or 1024, of which each client takes two; the hard limit, up to which
everybody may go, is mostly far above. Programs that use select() fail with higher numbers than
1023, so that a command gets the limit that it would have without us.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PLENTY = 1 << 16
"""As many as are of use: a machine has no more ports for connections."""
_OPEN_MAX = 10_240
"""What macOS takes at most where it says that its hard limit is none."""
_AT_START = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def attainable(most: int = PLENTY) -> int:
    """How many files may be open once the limit is raised, up to `most`."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def raise_limit() -> None:
    """Allow this process as many open files as it can get; it has to do with what it gets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (attainable(), attainable(_OPEN_MAX)):
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return


@contextmanager
def limited_as_at_start() -> Iterator[None]:
    """Meanwhile this process, and for good what it starts, has the limit that we were given.

    What is open stays open.
    """
    raised, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (_AT_START, hard))
        yield
    finally:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
