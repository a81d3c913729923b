"""What a client gets where there is no answer: an error in the API's own shape, marked as ours.

Its status is a proxy's, 502, 400 or 501, so that an SDK tries again as it would after a gateway's.
"""

import json
import os
import re

OURS = b"x-respool-synthesised"
"""The header that marks an answer of our own, here and in a replay."""
RESET_BY_CLIENT = "stream reset by client"
"""What mitmproxy says where an HTTP/2 client hangs up on one answer and keeps its connection."""
REFUSED = "refused by respool: "
"""How a reason begins where a request is refused of which nothing has been passed on."""
NOT_IMPLEMENTED = 501
"""The status for a request that is valid, and not understood here."""
LONGEST = 1000
"""Characters of a reason, which may quote what was sent."""
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_NOISE = re.compile(r"Connection killed: |\[Errno -\d+\] ")
"""What stands before a reason of our own, and before what the resolver says."""
_CONNECT = "mitmproxy received an HTTP CONNECT"
_INVALID = (
    re.compile(r"Received (.*) from (?:client|server), refusing to prevent", re.DOTALL),
    re.compile(r"(?:Cannot parse HTTP response: )?((?:invalid|unknown|Bad HTTP) .*)", re.DOTALL),
)
"""mitmproxy goes on with an option of its own, which nobody has here."""
_OF_A_LINE = re.compile(r"(?:Cannot parse HTTP response: )?Invalid header")
"""mitmproxy quotes the line, in which a secret may stand that nobody would find there."""
_OF_A_BODY = re.compile(r"HTTP/1 protocol error: (illegal [\w ]+)")
_BYTES = re.compile(r"\bb('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")


def error_answer(status: int, why: str, upstream: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of the answer with `status`, as `why` there is none from `upstream`."""
    if status < 500 or status == NOT_IMPLEMENTED:
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
    """What asyncio or mitmproxy says, without their calls, arguments, options and Python."""
    why = why.removeprefix(REFUSED)
    if found := _ERRNO.search(why):
        return os.strerror(int(found[1]))
    why = _NOISE.sub("", why)
    if why.startswith(_CONNECT):
        return "it is a CONNECT, for which there is respool record --proxy"
    if _OF_A_LINE.match(why):
        return "its head is not valid HTTP: a line of it is no header"
    if found := _OF_A_BODY.match(why):
        return f"its body is not valid HTTP: {found[1]}"
    if found := _INVALID[0].match(why) or _INVALID[1].match(why):
        why = f"its head is not valid HTTP: {_BYTES.sub(r'\1', found[1])}"
    return why if len(why) <= LONGEST else f"{why[:LONGEST]}…"
