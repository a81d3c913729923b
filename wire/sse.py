"""Server-sent events, free of I/O: cutting a byte stream into blocks, and reading a block.

`Splitter` keeps every byte: the blocks it yields, joined, are the stream that went in, however it
was cut into chunks. What a block means is `parse`'s affair alone. Source of the rules: the WHATWG
HTML standard, section 9.2 "Server-sent events".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Atomic, so that one CRLF is never taken for two line ends.
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r){2}")
_LINE_END = re.compile(r"\r\n|\n|\r")


class Splitter:
    """Cuts a stream of chunks into blocks, each up to and including its blank line."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0
        self.is_whole = False
        """Whether what is kept back is a whole block, which the LF of its last CRLF may join."""

    def __len__(self) -> int:
        """How many bytes are kept back."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the blocks that `chunk` completes, as raw bytes."""
        rest = self._rest
        rest += chunk
        self.is_whole = False
        start = 0
        after = _after_any if rest.find(b"\r", self._searched) >= 0 else _after_newlines
        while (end := after(rest, max(start, self._searched))) is not None:
            if end == len(rest) and rest[-1] == 0x0D:
                self.is_whole = True
                break  # the LF of this CRLF may be in the next chunk
            yield bytes(rest[start:end])
            start = self._searched = end
        del rest[:start]
        self._searched = max(0, len(rest) - 3)

    def finish(self) -> bytes:
        """What is left when the stream has ended: a block without its blank line, or nothing."""
        rest, self._rest, self._searched = bytes(self._rest), bytearray(), 0
        self.is_whole = False
        return rest


def _after_newlines(text: bytearray, at: int) -> int | None:
    """The end of the next blank line, where lines end in LF alone: as good as always."""
    found = text.find(b"\n\n", at)
    return found + 2 if found >= 0 else None


def _after_any(text: bytearray, at: int) -> int | None:
    found = _BLANK_LINE.search(text, at)
    return found.end() if found else None


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; `data` is None for a block that carries none (comments, pings)."""

    event: str | None = None
    data: str | None = None
    id: str | None = None
    retry: int | None = None


def parse(block: bytes) -> Event:
    """Read one block. Bytes that are not UTF-8 become U+FFFD, as the standard asks."""
    event = ident = retry = None
    data: list[str] = []
    for line in _LINE_END.split(block.decode("utf-8-sig", errors="replace")):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                data.append(value)
            case "event":
                event = value
            case "id":
                ident = value
            case "retry" if value.isascii() and value.isdigit():
                retry = int(value)
    return Event(event, "\n".join(data) if data else None, ident, retry)


def blocks(stream: bytes) -> Iterator[bytes]:
    """All blocks of a whole stream, the unfinished last one included."""
    splitter = Splitter()
    yield from splitter.feed(stream)
    if rest := splitter.finish():
        yield rest
