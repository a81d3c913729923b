"""How long a message of HTTP/1 is, where its head says so twice or oddly, but beyond doubt.

mitmproxy refuses all of these. What is in doubt is left as it is, for mitmproxy to refuse: two
readers of one message that take it for different lengths are how requests are smuggled.
"""

from mitmproxy import http

_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_FRAMING = frozenset({_LENGTH, _CODING})
_NO_CONTENT = 204


def settle(message: http.Request | http.Response) -> None:
    """Leave in the head of `message` one of several headers that agree, or that overrides others.

    Of a request that is equal lengths (RFC 9110, 8.6), of an answer all that clients take as well.
    """
    said: dict[bytes, list[bytes]] = {}
    spaced = False
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
    if answer.status_code == _NO_CONTENT or (identity and _LENGTH in said):
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
    if len(each) > 1 and all(map(bytes.isdigit, each)) and len(set(map(int, each))) == 1:
        message.headers["content-length"] = str(int(each[0]))
