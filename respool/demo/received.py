"""A request as the scripted server received it, kept for the tests to look at."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """One request. Header names are in lower case and in the order in which they came."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of this header, None if it did not come."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def json(self) -> Any:  # Any: a client may send whatever it likes
        """The body as JSON. Raises ValueError if it is none."""
        return json.loads(self.body)
