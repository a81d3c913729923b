"""What a client gets where there is no answer: an error in the API's own shape, marked as ours.

Its status is a proxy's, 502 or 400, so that an SDK tries again as it would after a gateway's.
"""

import json
import os
import re

OURS = b"x-respool-synthesised"
"""The header that marks an answer of our own, here and in a replay."""
RESET_BY_CLIENT = "stream reset by client"
"""What mitmproxy says where an HTTP/2 client hangs up on one answer and keeps its connection."""
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_NOISE = re.compile(r"Connection killed: |\[Errno -\d+\] ")
"""What stands before a reason of our own, and before what the resolver says."""


def error_answer(status: int, why: str, upstream: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of the answer with `status`, as `why` there is none from `upstream`."""
    if status < 500:
        code, said = "respool_bad_request", "this request cannot be passed on"
    else:
        code, said = "respool_upstream_error", f"no answer from the upstream {upstream}"
    error = {"message": f"respool: {said}: {plain(why)}", "type": code, "param": None, "code": code}
    body = json.dumps({"error": error}, ensure_ascii=False).encode(errors="replace")
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (OURS, b"true"),
    ]
    return headers, body


def plain(why: str) -> str:
    """What asyncio and mitmproxy say of a connection, without calls and their arguments."""
    found = _ERRNO.search(why)
    return os.strerror(int(found[1])) if found else _NOISE.sub("", why)
