"""Whether a server can be reached before anything is sent to it, on the way that traffic will go.

A wrong upstream is an error at once and not a 502 in the client's log.
"""

import asyncio
import os
import re
import socket
from typing import TYPE_CHECKING

from wire.errors import RespoolError
from wire.hosts import Server

if TYPE_CHECKING:
    from addons.proxies import OutgoingProxy, Proxies

_PROBE_S = 10.0
_STATUS_LINE = re.compile(r"HTTP/\d(?:\.\d)? +(\d{3}\b.*)")
_SHOWN = 60
"""How many characters are shown of what is no answer of a proxy."""


class UpstreamUnreachable(RespoolError):
    """Nothing answers where the traffic would go."""


async def reach(server: Server, proxies: "Proxies", origin: str = "") -> None:
    """Connect to `server` and hang up. Raises UpstreamUnreachable.

    `origin` says in the error where the name came from.
    """
    scheme = server.scheme or "https"
    port = server.port or (443 if scheme == "https" else 80)
    proxy = proxies.to(scheme, server.host, port)
    at = (proxy.host, proxy.port) if proxy else (server.host, port)
    try:
        async with asyncio.timeout(_PROBE_S):
            reader, writer = await asyncio.open_connection(*at)
            if proxy is not None and proxy.scheme == "http" and scheme == "https":
                why = await _through(proxy, server.host, port, reader, writer)
            else:
                why = ""
        writer.close()
    except TimeoutError:
        why = f"no answer within {_PROBE_S:.0f} s"
    except (socket.gaierror, UnicodeError):
        why = "the host name is not known"
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number else "the connection was closed"
    if why and proxy is not None:
        raise UpstreamUnreachable(
            f"cannot reach the upstream {server.named}{origin} through {proxy}, which the "
            f"environment names: {why}; mend HTTPS_PROXY or HTTP_PROXY, or exempt it in NO_PROXY"
        )
    if why:
        raise UpstreamUnreachable(
            f"cannot reach the upstream {server.named}{origin}: {why}; check that it runs and that "
            "you are online, or give another --upstream"
        )


async def _through(
    proxy: "OutgoingProxy",
    host: str,
    port: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> str:
    """Have a proxy connect; what it says if it does not."""
    from addons.proxies import netloc

    target = netloc(host, port)
    word = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{word}\r\n".encode())
    try:
        line = (await reader.readuntil(b"\n")).decode("latin-1").strip()
    except asyncio.IncompleteReadError as error:
        line = error.partial.decode("latin-1")
        if not line:
            raise
    except asyncio.LimitOverrunError:
        line = (await reader.read(_SHOWN)).decode("latin-1")
    found = _STATUS_LINE.match(line)
    if found is None:
        return f"it speaks no HTTP, but begins with {line[:_SHOWN]!r}"
    status = found[1]
    if status.startswith("2"):
        return ""
    asks = "; put user:password@ before its host" if status.startswith("407") else ""
    return f"it answered {status.strip()}{asks if not proxy.authorization else ''}"
