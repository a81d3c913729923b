"""What has come of a message and is not read yet, without h11's copies and with trailers."""

import h11
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http

_LINE_ENDS = b"\r", b"\n"


class Chunks(ChunkedReader):
    """Reads a chunked body as h11 does, and keeps its trailers, of which mitmproxy wants none."""

    trailers: http.Headers | None = None

    def __call__(self, buf: ReceiveBuffer) -> h11.Data | h11.EndOfMessage | None:
        """The next piece, or the end, without its trailers."""
        event: h11.Data | h11.EndOfMessage | None = super().__call__(buf)
        if isinstance(event, h11.EndOfMessage) and event.headers:
            self.trailers = http.Headers(event.headers.raw_items())
            return h11.EndOfMessage()
        return event


class Buffer(ReceiveBuffer):
    """What has come of a message and is not read yet, as h11 has it.

    A piece of a body that comes alone is passed on as it is, where h11 copies each byte four times.
    """

    _alone: bytes = b""
    """All there is, where it came in one piece; the rest of the class sees it in `_data`."""

    def __iadd__(self, piece: bytes | bytearray) -> "Buffer":
        """Add what has come."""
        if self:
            self._join()
            self._data += piece
        else:
            self._alone = bytes(piece)
        return self

    def _join(self) -> None:
        self._data += self._alone
        self._alone = b""

    def __len__(self) -> int:
        """How many bytes wait."""
        return len(self._alone) or len(self._data)

    def __bytes__(self) -> bytes:
        """All of them."""
        return self._alone or bytes(self._data)

    def maybe_extract_at_most(self, count: int) -> bytes | bytearray | None:  # type: ignore[override]  # bytes do
        """Up to `count` bytes, None if there are none."""
        if 0 < len(self._alone) <= count:
            alone, self._alone = self._alone, b""
            return alone
        self._join()
        return self._extract(count) if count and self._data else None

    def _extract(self, count: int) -> bytearray:
        if count < len(self._data):
            return super()._extract(count)
        everything, self._data = self._data, bytearray()
        self._next_line_search = self._multiple_lines_search = 0
        return everything

    def maybe_extract_next_line(self) -> bytearray | None:
        """The next line, None if it is not whole."""
        self._join()
        return super().maybe_extract_next_line()

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines up to the next blank one, None if it has not come."""
        self._join()
        return super().maybe_extract_lines()

    def maybe_extract_head(self) -> list[bytearray] | None:
        """The lines of a head without blank ones in front, None if it is not whole.

        A blank line before a request is to be ignored (RFC 9112, 2.2); mitmproxy takes it for a
        head, and waits for more.
        """
        if self._alone[:1] in _LINE_ENDS or self._data[:1] in _LINE_ENDS:
            self._join()
            self._extract(len(self._data) - len(self._data.lstrip(b"\r\n")))
        return self.maybe_extract_lines()

    def is_next_line_obviously_invalid_request_line(self) -> bool:
        """Whether what comes is no HTTP."""
        self._join()
        return super().is_next_line_obviously_invalid_request_line()
