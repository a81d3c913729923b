"""The recorder: a mitmproxy addon that hands every Responses exchange to a journal.

It never delays or alters what the client gets: hooks put notes on a queue and return, bodies and
WebSocket messages are passed on as they come, and an error of ours is reported and never the
client's. Traffic that is no Responses exchange streams through untouched, unless all is recorded.
"""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mitmproxy import ctx, exceptions, http
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import ConnectionState

from addons.error_answer import REFUSED, RESET_BY_CLIENT, plain
from addons.proxies import netloc
from addons.tee import Tee
from cassettes.folder import check_name
from cassettes.format import Close, Side
from cassettes.handover import Handover
from cassettes.notes import SWITCHED, Answered, Began, Ended, Gap, Got, Heard, Note, Sent
from wire.endpoints import recognise
from wire.errors import RespoolError
from wire.hosts import Hosts

_NUMBER = "respool"
_UNRECORDED = "what followed is no WebSocket, and was passed on unrecorded"
NO_CODE, LOST = 1005, 1006
"""Close codes that stand in no frame: it had none, and there was none (RFC 6455, 7.4.1)."""


class Recorder:
    """Records to the journal it is given, or to the one that the option `respool_cassette` names.

    `report` gets one line for each thing that the operator should know at once. With `record_all`
    (the option `respool_record_all`) other HTTP requests are recorded as well. Where `hosts` are
    given, what goes to others is not recorded, and counted in `elsewhere` by `host:port`.
    """

    def __init__(
        self,
        journal: Handover | None = None,
        report: Callable[[str], None] | None = None,
        *,
        record_all: bool = False,
        hosts: Hosts | None = None,
        elsewhere: Counter[str] | None = None,
    ) -> None:
        self._journal = journal
        self._report = report or _alert
        self._record_all = record_all
        self._hosts = hosts
        self._numbers = itertools.count(journal.next_number if journal else 1)
        self._in_flight: dict[int, bool] = {}
        """What has not ended, WebSockets included; False where the disk could not keep up."""
        self._tees: dict[int, Tee] = {}
        self._sockets: set[int] = set()
        self._gaps: set[int] = set()
        """WebSockets of which messages are missing since the last one that was recorded."""
        self.lacking = False
        """Whether anything is missing in the cassette because the disk could not keep up."""
        self.recorded = 0
        self.passed, self.passed_last = 0, ""
        """Requests that were passed on unrecorded, and which the last of them was."""
        self._told_of_tunnels = False
        self.elsewhere = Counter() if elsewhere is None else elsewhere
        """Where else requests and connections went."""

    async def busy(self) -> bool:
        """Whether an exchange in flight is worth waiting for; an idle WebSocket is not.

        Nor is any once somebody is in a hurry.
        """
        if self._journal is None or self._journal.hurried:
            return False
        if self._in_flight.keys() - self._sockets:
            return True
        return bool(self._sockets) and await self._journal.answering()

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        loader.add_option(
            "respool_cassette", str, "", "Record Responses API traffic into this cassette."
        )
        loader.add_option(
            "respool_rotate", int, 0, "Begin a new file after so many bytes; 0 is never."
        )
        loader.add_option("respool_record_all", bool, False, "Record other HTTP traffic as well.")
        loader.add_option(
            "respool_base", str, "/v1", "The base path that replaying clients are given."
        )

    def configure(self, updated: set[str]) -> None:
        """Open the cassette that the option names."""
        if "respool_record_all" in updated:
            self._record_all = self._record_all or ctx.options.respool_record_all
        path = ctx.options.respool_cassette
        if "respool_cassette" not in updated or not path:
            return
        if self._journal is not None:
            raise exceptions.OptionsError("respool_cassette cannot be changed while recording")
        base = ctx.options.respool_base
        upstream = next((m.partition(":")[2] for m in ctx.options.mode if ":" in m), "")
        try:
            check_name(Path(path))
            self._journal = Handover(
                Path(path).expanduser(),
                base=base,
                upstream=upstream.rstrip("/") + base if upstream else "",
                rotate=ctx.options.respool_rotate,
                on_failure=self._report,
            )
        except RespoolError as error:
            raise exceptions.OptionsError(str(error)) from error
        self._numbers = itertools.count(self._journal.next_number)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Let traffic that is not recorded stream."""
        if flow.error is not None and not flow.request.host and flow.server_conn.address:
            # It is refused, which mitmproxy does before it says where the request was to go.
            flow.request.data.host, flow.request.data.port = flow.server_conn.address[:2]
            flow.request.scheme = "https" if flow.server_conn.tls else "http"
        if self._journal is None or not self._is_recorded(flow.request):
            flow.request.stream = True
            if flow.request.method == "CONNECT" and self._hosts is None:
                self._refuse_tunnel(f"{flow.request.host}:{flow.request.port}")
            elif self._upstream(flow.request) is None and flow.request.host:
                self.elsewhere[netloc(flow.request.host, flow.request.port)] += 1
            else:
                self.passed += 1
                self.passed_last = f"{flow.request.method} {flow.request.path.partition('?')[0]}"

    def _refuse_tunnel(self, to: str) -> None:
        """Say it once that somebody takes this for a proxy; mitmproxy refuses them."""
        if not self._told_of_tunnels:
            self._told_of_tunnels = True
            self._report(
                f"a client was refused that asked for a tunnel to {to}, as of a proxy: unset "
                "HTTPS_PROXY for it, or record with --proxy"
            )

    def _upstream(self, request: http.Request) -> str | None:
        """The base URL that a request goes to, None for nobody's; empty for the recording's own."""
        if self._hosts is None:
            return ""
        to = request.scheme, request.host, request.port
        url = self._hosts.base_url(*to, request.method, request.path)
        return "" if url == self._hosts.main else url

    def _is_recorded(self, request: http.Request) -> bool:
        if self._upstream(request) is None:
            return False
        if recognise(request.method, request.path) is not None:
            return True
        if request.method == "CONNECT":  # which is refused here
            return False
        upgrade = request.headers.get("upgrade", "").lower()
        return self._record_all and upgrade != "websocket"

    def request(self, flow: http.HTTPFlow) -> None:
        """The whole request is here: an exchange begins."""
        if self._journal is not None and not flow.request.stream:
            self._begin(flow, self._journal)

    def _begin(self, flow: http.HTTPFlow, journal: Handover) -> None:
        number = self._next()
        flow.metadata[_NUMBER] = number
        self._in_flight[number] = True
        journal.put(
            Began(
                x=number,
                at_ns=time.monotonic_ns(),
                wall_ns=time.time_ns(),
                method=flow.request.method,
                path=flow.request.data.path,
                headers=flow.request.headers.fields,
                body=flow.request.raw_content or b"",
                upstream=self._upstream(flow.request) or "",
            )
        )

    def _next(self) -> int:
        self.recorded += 1
        return next(self._numbers)

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
                headers=flow.response.headers.fields,
            )
        )
        if flow.response.status_code == SWITCHED:
            self._sockets.add(number)  # before `response`, as messages may follow at once
        else:
            tee = Tee(number, self._put)
            self._tees[number] = flow.response.stream = tee

    def _put(self, note: Got) -> None:
        """Hand over a part of an answer, which is given up where the disk is too slow."""
        if self._journal is None or not self._in_flight.get(note.x):
            return
        if not self._journal.put(note):
            self._in_flight[note.x] = False
            self._lack(note.x)

    def _lack(self, number: int, *, once: bool = False) -> None:
        self.lacking = True
        if not once:
            self._report(
                f"exchange {number} is not recorded whole: it came faster than it is written"
            )

    def response(self, flow: http.HTTPFlow) -> None:
        """The answer has arrived whole, or a WebSocket begins."""
        if flow.websocket is None:
            switched = flow.response is not None and flow.response.status_code == SWITCHED
            self._end(flow, "complete", _UNRECORDED if switched else "")

    def error(self, flow: http.HTTPFlow) -> None:
        """The exchange was broken off."""
        message = plain(flow.error.msg) if flow.error else ""
        outcome = _who(flow)
        begun = _NUMBER in flow.metadata or flow.request.stream
        if self._journal is not None and not begun:
            self._begin(flow, self._journal)
            gone = outcome == "client_gone"
            who = "the client broke off its" if gone else "respool refused this"
            message = f"{who} request, of which nothing was passed on: {message}"
            if not gone:
                outcome = "upstream_unreachable"  # whatever became of requests before it
                self._report(f"exchange {flow.metadata[_NUMBER]}: {message}")
        elif outcome == "upstream_unreachable" and _NUMBER in flow.metadata:
            self._report(
                f"exchange {flow.metadata[_NUMBER]}: no connection to "
                f"{flow.request.host}:{flow.request.port}: {message}"
            )
        self._end(flow, outcome, message)

    def unreadable(self, why: str) -> None:
        """What came is no request, and was refused: there is nothing to record."""
        why = plain(why).partition("?")[0]  # in a query there may be secrets
        self._report(f"a client was refused, unrecorded, as what it sent is no request: {why}")

    def _end(
        self, flow: http.HTTPFlow, outcome: str, error: str = "", close: Close | None = None
    ) -> None:
        number: int = flow.metadata.get(_NUMBER, 0)  # 0 is nobody's: the flow is not recorded
        if tee := self._tees.pop(number, None):
            tee.flush()
        whole = self._in_flight.pop(number, None)
        self._sockets.discard(number)
        if self._journal is None or whole is None:
            return
        outcome = outcome if whole and number not in self._gaps else "recorder_overrun"
        self._gaps.discard(number)
        self._journal.put(Ended(number, time.monotonic_ns(), outcome, error, close))

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """One whole message, unpacked; a client's begins an exchange of its own."""
        if flow.websocket is None:
            return
        message = flow.websocket.messages[-1]
        # mitmproxy would hold every one of a connection; the last is for other addons to see.
        del flow.websocket.messages[:-1]
        number = flow.metadata.get(_NUMBER)
        if self._journal is None or number not in self._in_flight:
            return
        now, data, binary = time.monotonic_ns(), message.content, not message.is_text
        note: Note
        if message.from_client:
            note = Sent(self._next(), now, time.time_ns(), number, data, binary)
        else:
            note = Heard(number, now, data, binary)
        if number in self._gaps and self._journal.has_room:
            self._gaps.discard(number)
            self._journal.put(Gap(number, now))
        if number in self._gaps or not self._journal.put(note):
            self._lack(number, once=number in self._gaps)
            self._gaps.add(number)

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        """The connection is over: closed by a frame, or lost."""
        if flow.websocket is None:
            return
        by: Side = "client" if flow.websocket.closed_by_client else "server"
        code = flow.websocket.close_code or NO_CODE
        if code == LOST:
            self._end(flow, "client_gone" if by == "client" else "upstream_gone")
            return
        close = Close(code=int(code), reason=flow.websocket.close_reason or "", by=by)
        self._end(flow, "complete", close=close)

    def done(self) -> None:
        """The proxy stops: what is in flight is over, and the cassette is closed."""
        if self._journal is None:
            return
        for tee in self._tees.values():
            tee.flush()
        self._tees.clear()
        now = time.monotonic_ns()
        for number, whole in self._in_flight.items():
            self._journal.put(Ended(number, now, "proxy_stopped" if whole else "recorder_overrun"))
        self._in_flight.clear()
        self._sockets.clear()
        self._journal.close()


def _who(flow: http.HTTPFlow) -> str:
    """Which side broke the exchange off."""
    if flow.error is not None and flow.error.msg.startswith(REFUSED):
        return "upstream_unreachable"
    if not flow.client_conn.state & ConnectionState.CAN_READ:
        return "client_gone"
    if flow.error is not None and flow.error.msg.startswith(RESET_BY_CLIENT):
        return "client_gone"
    server = flow.server_conn
    # Behind a proxy the connection to the server is no TCP connection of ours.
    connected = server.timestamp_start if server.via else server.timestamp_tcp_setup
    if flow.response is None and connected is None:
        return "upstream_unreachable"
    return "upstream_gone"


def _alert(message: str) -> None:
    """Report through mitmproxy's own log, as an addon in somebody else's mitmdump should."""
    logging.getLogger(__name__).error(message)
