"""Keeping secrets off the disk: the recorder's side of the registry in `wire.secrets`.

A secret is replaced by a placeholder keyed with the cassette's salt: equal secrets stay equal
within a cassette, and nothing can be learnt from two. For matching, a placeholder stands for any
value.
"""

import hashlib
import hmac
import json
import re
from urllib.parse import quote

from cassettes.format import Headers
from wire.secrets import SCHEMES, SECRET_HEADER, SECRET_QUERY, SHORTEST_CREDENTIAL

_PLACEHOLDER = re.compile(rb"\[secret:[0-9a-f]{12}\]")
_QUERY = re.compile(r"([?&])([^=&#]+)=([^&#]*)")


def without_placeholders(text: bytes) -> bytes:
    """`text` with every placeholder replaced by the same word, for comparing across cassettes."""
    return _PLACEHOLDER.sub(b"[secret]", text) if b"[secret:" in text else text


class Redactor:
    """Replaces secrets, and learns from auth headers what to look for in bodies."""

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()
        self._known: dict[bytes, bytes] = {}
        self.longest = 0
        """Length in bytes of the longest credential known; a cut in a text may hide one of it."""

    def placeholder(self, secret: str) -> str:
        """The word that stands for `secret` in this cassette."""
        key = hmac.new(self._salt, secret.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return f"[secret:{key.hexdigest()[:12]}]"

    def headers(self, headers: Headers) -> Headers:
        """The headers fit for the disk: names in lower case, secret values replaced."""
        for name, value in headers:
            entry = SECRET_HEADER.get(name.lower())
            if entry and entry.credential:
                self._learn(value)
        return [(name.lower(), self._header(name.lower(), value)) for name, value in headers]

    def _header(self, name: str, value: str) -> str:
        if name in SECRET_HEADER:
            return self.placeholder(value)
        return self.text(value.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def target(self, path: str) -> str:
        """A request target (path and query) fit for the disk."""

        def value(found: re.Match[str]) -> str:
            sign, name, secret = found.groups()
            if name.lower() not in SECRET_QUERY or not secret:
                return found[0]
            self._learn(secret)
            return f"{sign}{name}={self.placeholder(secret)}"

        redacted = _QUERY.sub(value, path)
        return self.text(redacted.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def text(self, text: bytes) -> bytes:
        """`text` with every credential that this recording has seen replaced."""
        for secret, placeholder in self._known.items():
            if secret in text:
                text = text.replace(secret, placeholder)
        return text

    def _learn(self, value: str) -> None:
        scheme, _, rest = value.partition(" ")
        credential = (rest if rest and scheme.lower() in SCHEMES else value).strip()
        if len(credential) < SHORTEST_CREDENTIAL or credential.startswith("[secret:"):
            return
        placeholder = self.placeholder(credential).encode()
        for spelling in (credential, json.dumps(credential)[1:-1], quote(credential, safe="")):
            known = spelling.encode("utf-8", "surrogateescape")
            self._known[known] = placeholder
            self.longest = max(self.longest, len(known))
