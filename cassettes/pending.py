"""Pieces of a body that wait for the rest, joined no sooner and no oftener than is needed."""


class Pending:
    """The bytes that wait; a body that came in one piece is never copied."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, piece: bytes) -> None:
        """Let `piece` wait after the rest."""
        self._pieces.append(piece)
        self._length += len(piece)

    def whole(self) -> bytes:
        """All of it."""
        whole = b"".join(self._pieces)
        self._pieces = [whole]
        return whole

    def replace(self, length: int, rest: bytes) -> None:
        """Let `rest` stand for the first bytes."""
        self._pieces = [rest, self.whole()[length:]]
        self._length = sum(map(len, self._pieces))

    def take(self) -> bytes:
        """All of it, and nothing waits any more."""
        whole = self.whole()
        self._pieces, self._length = [], 0
        return whole
