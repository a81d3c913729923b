"""What a recorder and the process that writes its cassette say to each other over a socket.

Each message is a short array in MessagePack, behind its length in four bytes. `Inbox` cuts what
arrives back into messages, wherever it was cut on its way.
"""

from collections.abc import Iterator
from functools import cache

import msgspec
from msgspec.structs import replace

from cassettes.notes import Began, Got, Heard, Note, Sent

_LENGTH = 4
_LARGE = 16 << 10


class _Word(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A message that is about the recording, and not about the traffic."""


class Ask(_Word, frozen=True):
    """To the writer: say whether something is being answered."""


class Close(_Word, frozen=True):
    """To the writer: this was the last note; `calm` as in `Journal.close`."""

    calm: bool


class Opened(_Word, frozen=True):
    """From the writer: the cassette is open, and its next exchange gets this number."""

    next_number: int


class Refused(_Word, frozen=True):
    """From the writer: the cassette cannot be recorded into, and why."""

    why: str


class Failed(_Word, frozen=True):
    """From the writer: something is not in the cassette, or not as it should be."""

    why: str


class Answering(_Word, frozen=True):
    """From the writer, when asked: whether an exchange other than an idle WebSocket is open."""

    yes: bool


Told = Note | Ask | Close
"""What the writer gets."""
Said = Opened | Refused | Failed | Answering
"""What it says."""

_pack = msgspec.msgpack.Encoder().encode


def pack(message: Told | Said) -> bytes:
    """A message as it travels."""
    body = _pack(message)
    return len(body).to_bytes(_LENGTH) + body


def pieces(message: Told) -> tuple[bytes, ...]:
    """The same in pieces, so that what is large need not be copied into one."""
    member = _BULK.get(type(message))
    large = getattr(message, member) if member else b""
    if len(large) <= _LARGE:
        return (pack(message),)
    before = _pack(replace(message, **{str(member): b""}))  # where it stands as `bin 8` of no bytes
    after = b"".join(_pack(getattr(message, name)) for name in _after(type(message)))
    head = before.removesuffix(_NONE + after) + _BIN_32 + len(large).to_bytes(4)
    length = len(head) + len(large) + len(after)
    return length.to_bytes(_LENGTH) + head, large, after


_BULK = {Began: "body", Got: "data", Sent: "data", Heard: "data"}
_NONE, _BIN_32 = b"\xc4\x00", b"\xc6"


@cache
def _after(kind: type[Told]) -> tuple[str, ...]:
    """The members that follow the large one."""
    names = kind.__struct_fields__
    return names[names.index(_BULK[kind]) + 1 :]


class Inbox[T]:
    """What has arrived of messages of one direction."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[T]) -> None:
        self._decode = decoder.decode
        self._begun = bytearray()
        """The beginning of a message."""

    def take(self, data: bytes) -> Iterator[T]:
        """The messages that are whole now that `data` has come."""
        view, at = memoryview(data), 0
        while self._begun and at < len(data):
            more = self._missing()
            self._begun += view[at : at + more]
            at += more
            if len(self._begun) > _LENGTH and not self._missing():
                with memoryview(self._begun) as whole:
                    message = self._decode(whole[_LENGTH:])
                self._begun.clear()
                yield message
        while (begin := at + _LENGTH) <= len(data):
            end = begin + int.from_bytes(view[at:begin])
            if end > len(data):
                break
            yield self._decode(view[begin:end])
            at = end
        self._begun += view[at:]

    def _missing(self) -> int:
        """How many bytes of the length, or of the message, that has begun have not come."""
        if len(self._begun) < _LENGTH:
            return _LENGTH - len(self._begun)
        return _LENGTH + int.from_bytes(self._begun[:_LENGTH]) - len(self._begun)


told = msgspec.msgpack.Decoder(Told)
said = msgspec.msgpack.Decoder(Said)
