"""Ports on which nobody listens, and nobody will: a test tells a program of them first."""

import errno
import random
import socket

_NEVER_GIVEN = range(20_000, 32_000)
"""Ports below those that a system gives to who asks for any, as other tests do all the time."""
_NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def free_port() -> int:
    """A port that is free on both loopbacks, and is not given to another test that asks for any.

    Raises OSError if none is found.
    """
    for port in random.sample(_NEVER_GIVEN, 100):
        if _is_free(socket.AF_INET, "127.0.0.1", port) and _is_free(socket.AF_INET6, "::1", port):
            return port
    raise OSError("none of 100 ports is free")


def _is_free(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as sock:
            sock.bind((host, port))
    except OSError as error:
        return error.errno in _NO_IPV6
    return True
