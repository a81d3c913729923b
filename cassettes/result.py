"""How an exchange went, in one word: the one rule by which failures are counted, everywhere.

`failed` is what went wrong on the way to a whole answer: an error was told, or the answer broke off
or could not be recorded. Who hung up on purpose has not failed, and what is under way has not yet.
"""

from typing import Literal, get_args

from cassettes.exchange import Exchange
from cassettes.summary import Summary

type Result = Literal["ok", "failed", "interrupted", "unfinished"]

RESULTS: tuple[str, ...] = get_args(Result.__value__)

_INTERRUPTED = frozenset({"client_gone", "proxy_stopped"})
_ACKNOWLEDGED = frozenset({"steer", "message"})
"""WebSocket messages that may need no answer."""


def needs_answer(exchange: Exchange) -> bool:
    """Whether an exchange that is over without an answer lacks it."""
    return exchange.route is None or exchange.route.endpoint not in _ACKNOWLEDGED


def result_of(exchange: Exchange, summary: Summary) -> Result:
    """How an exchange went; `failed`, `interrupted` and `unfinished` exclude each other.

    An error that was told counts, also where the client hung up then.
    """
    if exchange.outcome == "incomplete":
        return "unfinished"
    if (exchange.status or 0) >= 400 or _told(exchange, summary):
        return "failed"
    if exchange.outcome in _INTERRUPTED:
        return "interrupted"
    if exchange.outcome != "complete" or (exchange.status is None and needs_answer(exchange)):
        return "failed"
    return "ok"


def _told(exchange: Exchange, summary: Summary) -> bool:
    """Whether the answer itself says so; members of other traffic may mean something else."""
    if exchange.route is None:
        return False
    return summary.error_message is not None or summary.status == "failed"
