"""Ids, opaque contents and the clock of the scripted server.

Without a seed they are random and current, as a vendor's are. With a seed they follow from the
seed, the request and how often that request was seen before, and the clock stands still: so two
servers with one seed answer one program with the same bytes.
"""

import base64
import hashlib
import secrets
import string
import time

SEEDED_NOW = 1_762_000_000  # seconds since 1970: 2025-11-01 12:26:40 UTC
_LETTERS = string.ascii_letters + string.digits


class Mint:
    """Everything in one answer that is not content. Each call gives a fresh value.

    `now` is in seconds since 1970.
    """

    def __init__(self, seed: str | None = None, request: bytes = b"", nth: int = 1) -> None:
        self.now = int(time.time()) if seed is None else SEEDED_NOW
        self._root = None if seed is None else hashlib.sha256(f"{seed}\n{nth}\n".encode() + request)
        self._minted = 0

    def id(self, prefix: str) -> str:
        """An id like `resp_` and 48 hexadecimal digits."""
        return f"{prefix}_{self._bytes(24).hex()}"

    def call_id(self) -> str:
        """An id like `call_` and 24 letters and digits."""
        return f"call_{self.padding(24)}"

    def opaque(self, size: int) -> str:
        """URL-safe base64 over `size` bytes that mean nothing, in the look of encrypted content."""
        return "gAAAAAB" + base64.urlsafe_b64encode(self._bytes(size)).decode()

    def padding(self, length: int) -> str:
        """So many letters and digits."""
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in self._bytes(length))

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` up to and without `high`."""
        return low + int.from_bytes(self._bytes(4)) % (high - low)

    def _bytes(self, size: int) -> bytes:
        if self._root is None:
            return secrets.token_bytes(size)
        self._minted += 1
        return hashlib.shake_256(self._root.digest() + str(self._minted).encode()).digest(size)
