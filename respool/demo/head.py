"""The headers that a vendor puts on every answer."""

from email.utils import formatdate

from respool.demo.ids import Mint


def head(mint: Mint) -> dict[str, str]:
    """Date, request id, API version and processing time."""
    return {
        "date": formatdate(mint.now, usegmt=True),
        "x-request-id": mint.id("req"),
        "openai-version": "2020-10-01",
        "openai-processing-ms": str(mint.number(20, 400)),
    }
