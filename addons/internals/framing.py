"""How long a message of HTTP/1 is, where its head says so twice or oddly, but beyond doubt.

mitmproxy refuses all of these. What is in doubt is left as it is, for mitmproxy to refuse: two
readers of one message that take it for different lengths are how requests are smuggled.
"""

import re
from collections.abc import Callable

from mitmproxy import http
from mitmproxy.net.http import http1

_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_FRAMING = frozenset({_LENGTH, _CODING})
_WITHOUT_CONTENT = frozenset({204, 304})
_TOO_LONG = 20
"""Digits of no length; of thousands Python makes no number."""
_LINE_ENDS = re.compile(rb"[\r\n\0]\s*")


def settle(message: http.Request | http.Response) -> None:
    """Leave in the head of `message` one of several headers that agree, or that overrides others.

    Of a request that is equal lengths (RFC 9110, 8.6), of an answer all that clients take as well.
    """
    said: dict[bytes, list[bytes]] = {}
    spaced = False
    lines = message.headers.fields
    if any(_LINE_ENDS.search(value) for _, value in lines):  # nothing that HTTP/2 could carry
        joined = [(name, _LINE_ENDS.sub(b" ", value).strip()) for name, value in lines]
        message.headers = http.Headers(joined)
    for name, value in message.headers.fields:
        if name.endswith((b" ", b"\t")):
            spaced = True
        if (key := name.strip().lower()) in _FRAMING:
            said.setdefault(key, []).append(value)
    answer = message if isinstance(message, http.Response) else None
    if answer and spaced:  # a request with it must be refused, an answer be rid of it (9112, 5.1)
        fields = [(name.rstrip(b" \t"), value) for name, value in answer.headers.fields]
        answer.headers = http.Headers(fields)
    if answer and _CODING in said:
        _settle_coding(answer, said)
    if lengths := said.get(_LENGTH):
        _settle_length(message, lengths)


def _settle_coding(answer: http.Response, said: dict[bytes, list[bytes]]) -> None:
    """What answers say of codings: it overrides a length, and not the status (RFC 9112, 6.3)."""
    identity = [value.strip().lower() for value in said[_CODING]] == [b"identity"]
    if answer.status_code in _WITHOUT_CONTENT or (identity and _LENGTH in said):
        del answer.headers["transfer-encoding"]
        return
    if said.pop(_LENGTH, None):
        del answer.headers["content-length"]
    if answer.http_version == "HTTP/1.0":  # every client reads it, and none should read on
        answer.http_version = "HTTP/1.1"
        answer.headers["connection"] = "close"


def _settle_length(message: http.Message, lengths: list[bytes]) -> None:
    """One length for several equal ones, in as many headers or in one (RFC 9110, 8.6)."""
    each = [value.strip(b" \t") for value in b",".join(lengths).split(b",")]
    numbers = [int(value) for value in each if value.isdigit() and len(value) < _TOO_LONG]
    if 1 < len(numbers) == len(each) and len(set(numbers)) == 1:
        message.headers["content-length"] = str(numbers[0])


def connection_close(version: str, headers: http.Headers) -> bool:
    """mitmproxy's own, which reads no `Close` (options are of any case, RFC 9110, 7.6.1)."""
    said = http.Headers()
    if "connection" in headers:
        said["connection"] = headers["connection"].lower()
    return _connection_close(version, said)


_connection_close: Callable[[str, http.Headers], bool] = http1.connection_close
