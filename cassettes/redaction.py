"""Keeping secrets off the disk: the recorder's side of the registry in `wire.secrets`.

A secret is replaced by a placeholder keyed with the cassette's salt: equal secrets stay equal
within a cassette, and nothing can be learnt from two. For matching, a placeholder stands for any
value.
"""

import base64
import hashlib
import hmac
import re
import string
from urllib.parse import unquote

from cassettes.format import Headers
from wire.secrets import (
    SCHEMES,
    SUBPROTOCOL_KEY,
    secret_header,
    secret_query,
    worth_hunting,
)

_PLAIN = frozenset(string.ascii_letters + string.digits + "-._~")
"""Characters that no JSON and no URL escapes."""
MOST_KNOWN = 100
"""Credentials that are looked for: where each request brings a new one, the latest of them."""
_ANCHOR = re.compile(r"[A-Za-z0-9\-._~]*")
_LONGEST_ESCAPE = 20
"""Bytes of the longest way to write one character: four times `%25xx`."""
_PLACEHOLDER = re.compile(rb"\[secret:[0-9a-f]{12}\]")
_QUERY = re.compile(r"([?&])([^=&#]+)=([^&#]*)")


def without_placeholders(text: bytes) -> bytes:
    """`text` with every placeholder replaced by the same word, for comparing across cassettes."""
    return _PLACEHOLDER.sub(b"[secret]", text) if b"[secret:" in text else text


class Redactor:
    """Replaces secrets, and learns from auth headers what to look for in bodies."""

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()
        self._known: dict[str, bytes] = {}
        """Credentials, the latest last, with a part that no spelling changes: quick to look for."""
        self._pattern: re.Pattern[bytes] | None = None
        self._sought: list[str] = []
        """What the groups of the pattern stand for."""
        self._longest = 0

    def copy(self) -> "Redactor":
        """One that knows what this one knows now, and learns nothing from this one any more."""
        copied = Redactor("")
        copied._salt, copied._known, copied._longest = self._salt, {**self._known}, self._longest
        return copied

    def placeholder(self, secret: str) -> str:
        """The word that stands for `secret` in this cassette."""
        key = hmac.new(self._salt, secret.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return f"[secret:{key.hexdigest()[:12]}]"

    def request(self, path: str, headers: Headers) -> tuple[str, Headers]:
        """Target and headers of a request fit for the disk, each free of the other's secrets."""
        self.target(path)
        headers = self.headers(headers)
        return self.target(path), headers

    def headers(self, headers: Headers) -> Headers:
        """The headers fit for the disk: names in lower case, secret values replaced."""
        for name, value in headers:
            entry = secret_header(name)
            if entry and entry.credential:
                self._learn(value)
            for key in value.split(SUBPROTOCOL_KEY)[1:]:
                self._hunt(key.partition(",")[0].strip())
        shown = [
            (name.lower(), self.placeholder(value) if secret_header(name) else value)
            for name, value in headers
        ]
        all_of_it = "\n".join(f"{name}\n{value}" for name, value in shown)
        if all_of_it.isascii() and not self._may_hold_any(all_of_it.encode()):
            return shown
        return [(self.word(name), self.word(value)) for name, value in shown]

    def word(self, text: str) -> str:
        """A short text fit for the disk."""
        return self.text(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def target(self, path: str) -> str:
        """A request target (path and query) fit for the disk."""

        def value(found: re.Match[str]) -> str:
            sign, name, secret = found.groups()
            if not secret or not secret_query(name):
                return found[0]
            secret = unquote(secret, errors="surrogateescape")
            self._learn(secret)
            return f"{sign}{name}={self.placeholder(secret)}"

        return self.word(_QUERY.sub(value, path))

    def text(self, text: bytes) -> bytes:
        """`text` with every credential that this recording has seen replaced."""
        if not self._may_hold_any(text):
            return text
        return self._any_known().sub(self._stand_in, text)

    def settled(self, text: bytes) -> tuple[bytes, bytes]:
        """What of an unfinished text is fit for the disk, and its raw rest.

        The rest may hold the beginning of a credential, which is told only when more has come.
        """
        cut = _between_characters(text, len(text) - max(0, self._longest - 1))
        if cut <= 0:
            return b"", text
        if self._may_hold_any(text):
            for found in self._any_known().finditer(text):
                if found.start() >= cut:
                    break
                cut = max(cut, found.end())
        return self.text(text[:cut]), text[cut:]

    def _learn(self, value: str) -> None:
        scheme, *rest = value.split(maxsplit=1)[:2] or [""]
        credential = rest[0].strip() if rest and scheme.lower() in SCHEMES else value.strip()
        self._hunt(credential)
        if scheme.lower() == "basic" and rest:
            self._hunt(_password(rest[0]))

    def _hunt(self, credential: str) -> None:
        if not worth_hunting(credential) or credential.startswith("[secret:"):
            return
        if (anchor := self._known.pop(credential, None)) is None:
            anchor = max(_ANCHOR.findall(credential), key=len).encode()
            self._longest = max(self._longest, _longest_spelling(credential))
            self._pattern = None
            if len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
        self._known[credential] = anchor

    def _stand_in(self, found: re.Match[bytes]) -> bytes:
        assert found.lastindex is not None  # each credential is a group of the pattern
        return self.placeholder(self._sought[found.lastindex - 1]).encode()

    def _may_hold_any(self, text: bytes) -> bool:
        for anchor in self._known.values():  # noqa: SIM110  # any() takes twice the time
            if anchor in text:
                return True
        return False

    def _any_known(self) -> re.Pattern[bytes]:
        if self._pattern is None:
            # The longest first: a credential is not to be taken for a shorter one that begins it.
            self._sought = sorted(self._known, key=len, reverse=True)
            spellings = (b"(%s)" % _any_spelling(credential) for credential in self._sought)
            self._pattern = re.compile(b"|".join(spellings))
        return self._pattern


def _password(basic: str) -> str:
    """The password in the credentials of HTTP's basic authentication; empty if there is none."""
    try:
        return base64.b64decode(basic, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _between_characters(text: bytes, cut: int) -> int:
    """`cut`, or the beginning of the UTF-8 character that it would split."""
    for start in range(cut - 1, max(cut - 4, -1), -1):
        if text[start] >= 0xC0:
            width = 2 + (text[start] >= 0xE0) + (text[start] >= 0xF0)
            return start if start + width > cut else cut
        if text[start] < 0x80:
            break
    return cut


def _any_spelling(credential: str) -> bytes:
    """A pattern for `credential` as JSON, JSON in a string of JSON, and URLs may write it."""
    return b"".join(re.escape(c.encode()) if c in _PLAIN else _any_escape(c) for c in credential)


def _longest_spelling(credential: str) -> int:
    """Bytes that `_any_spelling` matches at most."""
    return sum(1 if c in _PLAIN else _LONGEST_ESCAPE for c in credential)


def _any_escape(character: str) -> bytes:
    raw = character.encode("utf-8", "surrogateescape")
    utf16 = character.encode("utf-16-be", "surrogatepass")
    units = (utf16[at : at + 2].hex().encode() for at in range(0, len(utf16), 2))
    ways = [
        rb"\\{1,8}" if character == "\\" else rb"\\{0,7}" + re.escape(raw),
        b"".join(rb"\\{1,4}u(?i:%s)" % unit for unit in units),
        b"".join(rb"%%(?:25)?(?i:%02x)" % byte for byte in raw),
        *([rb"\+"] if character == " " else []),
    ]
    return b"(?:" + b"|".join(ways) + b")"
