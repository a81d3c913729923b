"""The recorder: a mitmproxy addon that hands every Responses exchange to a journal.

It never delays or alters what the client gets: hooks put notes on a queue and return, bodies are
passed on chunk by chunk as they come, and an error of ours is reported and never the client's.
Traffic that is no Responses exchange streams through untouched.
"""

import itertools
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import ConnectionState

from cassettes.encoder import Answered, Began, Ended, Got
from cassettes.journal import Journal
from wire.endpoints import recognise
from wire.errors import RespoolError

_NUMBER = "respool"


class Recorder:
    """Records to the journal it is given, or to the one that the option `respool_cassette` names.

    `report` gets one line for each thing that the operator should know at once.
    """

    def __init__(
        self, journal: Journal | None = None, report: Callable[[str], None] | None = None
    ) -> None:
        self._journal = journal
        self._report = report or _alert
        self._numbers = itertools.count(journal.next_number if journal else 1)
        self._in_flight: dict[int, bool] = {}
        self.recorded = 0

    @property
    def busy(self) -> bool:
        """Whether an exchange is in flight."""
        return bool(self._in_flight)

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        loader.add_option(
            "respool_cassette", str, "", "Record Responses API traffic into this cassette."
        )
        loader.add_option(
            "respool_base", str, "/v1", "The base path that replaying clients are given."
        )

    def configure(self, updated: set[str]) -> None:
        """Open the cassette that the option names."""
        path = ctx.options.respool_cassette
        if "respool_cassette" not in updated or not path:
            return
        if self._journal is not None:
            raise exceptions.OptionsError("respool_cassette cannot be changed while recording")
        base = ctx.options.respool_base
        upstream = next((m.partition(":")[2] for m in ctx.options.mode if ":" in m), "")
        try:
            self._journal = Journal(
                Path(path).expanduser(),
                base=base,
                upstream=upstream.rstrip("/") + base if upstream else "",
                on_failure=self._report,
            )
        except RespoolError as error:
            raise exceptions.OptionsError(str(error)) from error
        self._numbers = itertools.count(self._journal.next_number)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Let traffic that is not recorded stream."""
        if self._journal is None or recognise(flow.request.method, flow.request.path) is None:
            flow.request.stream = True

    def request(self, flow: http.HTTPFlow) -> None:
        """The whole request is here: an exchange begins."""
        if self._journal is None or flow.request.stream:
            return
        number = next(self._numbers)
        flow.metadata[_NUMBER] = number
        self._in_flight[number] = True
        self.recorded += 1
        self._journal.put(
            Began(
                x=number,
                at_ns=time.monotonic_ns(),
                wall_ns=time.time_ns(),
                method=flow.request.method,
                path=flow.request.path,
                headers=list(flow.request.headers.items(multi=True)),
                body=flow.request.raw_content or b"",
            )
        )

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """The answer begins: pass it on as it comes, with a copy for the journal."""
        number = flow.metadata.get(_NUMBER)
        if flow.response is None:
            return
        if self._journal is None or number is None:
            flow.response.stream = True
            return
        self._journal.put(
            Answered(
                x=number,
                at_ns=time.monotonic_ns(),
                status=flow.response.status_code,
                headers=list(flow.response.headers.items(multi=True)),
            )
        )
        flow.response.stream = self._tee(number, self._journal)

    def _tee(self, number: int, journal: Journal) -> Callable[[bytes], Iterable[bytes] | bytes]:
        def tee(data: bytes) -> bytes:
            # The client's bytes come first: nothing here may raise or answer with anything else.
            if (
                data
                and self._in_flight.get(number)
                and not journal.put(Got(number, time.monotonic_ns(), data))
            ):
                self._in_flight[number] = False
                self._report(f"exchange {number} is not recorded whole: the disk cannot keep up")
            return data

        return tee

    def response(self, flow: http.HTTPFlow) -> None:
        """The answer has arrived whole."""
        self._end(flow, "complete")

    def error(self, flow: http.HTTPFlow) -> None:
        """The exchange was broken off."""
        message = flow.error.msg if flow.error else ""
        outcome = _who(flow)
        if outcome == "upstream_unreachable" and _NUMBER in flow.metadata:
            self._report(
                f"exchange {flow.metadata[_NUMBER]}: no connection to "
                f"{flow.request.host}:{flow.request.port}: {message}"
            )
        self._end(flow, outcome, message)

    def _end(self, flow: http.HTTPFlow, outcome: str, error: str = "") -> None:
        number: int = flow.metadata.get(_NUMBER, 0)  # 0 is nobody's: the flow is not recorded
        whole = self._in_flight.pop(number, None)
        if self._journal is None or whole is None:
            return
        self._journal.put(
            Ended(number, time.monotonic_ns(), outcome if whole else "recorder_overrun", error)
        )

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """Keep mitmproxy from holding every message of a connection in memory."""
        if flow.websocket is not None:
            flow.websocket.messages.clear()

    def done(self) -> None:
        """The proxy stops: what is in flight is over, and the cassette is closed."""
        if self._journal is None:
            return
        now = time.monotonic_ns()
        for number, whole in self._in_flight.items():
            self._journal.put(Ended(number, now, "proxy_stopped" if whole else "recorder_overrun"))
        self._in_flight.clear()
        self._journal.close()


def _who(flow: http.HTTPFlow) -> str:
    """Which side broke the exchange off."""
    if not flow.client_conn.state & ConnectionState.CAN_READ:
        return "client_gone"
    if flow.response is None and flow.server_conn.timestamp_tcp_setup is None:
        return "upstream_unreachable"
    return "upstream_gone"


def _alert(message: str) -> None:
    """Report through mitmproxy's own log, as an addon in somebody else's mitmdump should."""
    logging.getLogger(__name__).error(message)
