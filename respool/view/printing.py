"""One exchange in full: how it went, what the request added, and what came back.

Pure text from what was read: nothing here opens a file. Whatever odd traffic is given, something
readable comes out; what was cut says so, and `full` leaves nothing out but encrypted contents and
media, which are named with their size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cassettes.format import OUTCOMES, Close, Headers
from cassettes.notes import SWITCHED
from respool.view.additions import Additions
from respool.view.changes import changes
from respool.view.facts import Reading
from respool.view.gist import inventory
from respool.view.item_lines import Role, View, view
from respool.view.plain_text import UNKNOWN, duration, excerpt, number, plural, usd, wrap
from respool.view.readable import readable, size
from respool.view.row import GRADES
from respool.view.styled import Line, Style, folded
from wire.vocabulary import UNFINISHED

Json = Any  # any JSON value: what clients and servers send is known only after looking

_ANSWER = (4_000, 60)
_OTHER = (1_500, 24)
"""Characters and lines after which a text is cut."""
_STYLES: dict[Role, Style] = {
    "user": "user",
    "text": "good",
    "thought": "thought",
    "call": "call",
    "output": "output",
    "refusal": "odd",
    "other": "strong",
}
_FIELD = 12
"""The column in which the head's facts begin."""
_WHEN_IT_FAILED = ("retry-after", "retry-after-ms", "x-should-retry")


@dataclass(frozen=True, slots=True)
class Paper:
    """How the text is laid out: wrapped at `width` columns (None: not at all), cut or `full`."""

    width: int | None = None
    full: bool = False

    def text(self, text: str, indent: int, limit: tuple[int, int] = _OTHER) -> Iterator[Line]:
        """The lines of a text, indented; what is cut out is counted."""
        shown = excerpt(text, *limit) if not self.full else excerpt(text, len(text) + 1, len(text))
        room = None if self.width is None else self.width - indent
        for line in shown.head:
            yield from (Line(" " * indent).add(part) for part in wrap(line, room))
        if shown.hidden:
            more = f"... ({plural(shown.hidden, 'character')} more; --full shows all)"
            yield Line(" " * indent).add(more, "faint")
        for line in shown.tail:
            yield from (Line(" " * indent).add(part) for part in wrap(line, room))


_ARRIVED = {SWITCHED, *range(200, 300)}
_NO_CODE = 1005
"""Stands for a close frame that had no code (RFC 6455, section 7.4.1)."""


def in_full(reading: Reading, added: Additions, paper: Paper) -> Iterator[Line]:
    """Everything that there is to say about an exchange."""
    for line in _head(reading, added):
        yield from folded(line, paper.width, _FIELD)
    for line in _below(reading, added, paper):
        yield from folded(line, paper.width, 4)


def _below(reading: Reading, added: Additions, paper: Paper) -> Iterator[Line]:
    if reading.summary.request or reading.exchange.request.body:
        yield Line()
        yield from _request(reading, added, paper)
    yield Line()
    yield from _answer(reading, paper)
    if paper.full:
        yield from _headers("request headers", reading.exchange.request.headers, paper)
        yield from _headers("answer headers", reading.exchange.headers, paper)


def _field(name: str, text: str, style: Style = "") -> Line:
    return Line(f"  {name}".ljust(_FIELD), "faint").add(text, style)


def _head(reading: Reading, added: Additions) -> Iterator[Line]:
    exchange, summary, verdict = reading.exchange, reading.summary, reading.verdict
    began = reading.local_time
    title = Line(f"exchange {reading.number}", "heading")
    yield title.add(f"  {began:%Y-%m-%d %H:%M:%S}.{began.microsecond // 1000:03}" if began else "")
    yield _field("request", _asked(reading)).add(_client(exchange.request.headers), "faint")
    if exchange.upstream:
        yield _field("server", exchange.upstream, "faint")
    yield from _attempts(reading)
    grade = GRADES[verdict.grade]
    arrived = exchange.outcome == "complete" and (exchange.status or 0) in _ARRIVED
    yield _field("answer", _arrival(reading), "good" if arrived else grade)
    if exchange.outcome != "complete":
        meaning = [OUTCOMES.get(exchange.outcome, ""), exchange.error or ""]
        yield _field("because", ": ".join(filter(None, meaning)), grade)
    said = [summary.status, summary.incomplete_reason]
    if any(said) or summary.response_id:
        line = _field("response", ", ".join(filter(None, said)), grade)
        yield line.add("  " * any(said) + (summary.response_id or ""))
    asked, answered = summary.requested_model, summary.model
    if answered:
        changed = asked is not None and asked != answered
        yield _field("model", f"{asked} -> {answered}" if changed else answered, "strong")
    if exchange.close is not None:
        yield _field("closed", _closed(exchange.close))
    if reading.usage or reading.endpoint in {"create", "compact"}:
        yield _field("tokens", _tokens(reading))
        yield _field("cost", usd(reading.cost_usd) + "  unpriced" * reading.unpriced)
    yield _field("time", _times(reading) + _pause(reading, added.kin))
    previous = summary.request.get("previous_response_id")
    if isinstance(previous, str) and previous:
        known = (
            f"the answer of exchange {added.kin.number}" if added.kin else "not in this cassette"
        )
        yield _field("after", f"{previous}, {known}")
    if ident := exchange.header("x-request-id"):
        yield _field("header", f"x-request-id: {ident}", "faint")


def _asked(reading: Reading) -> str:
    """What the request was, on the line."""
    exchange = reading.exchange
    if exchange.socket is None:
        return f"{exchange.request.method} {exchange.request.path}"
    said = reading.summary.request.get("type")
    kind = said if isinstance(said, str) and said else "a message"
    amid = f", amid the answer in exchange {exchange.amid[0]}" if exchange.amid else ""
    return f"{kind}  on the WebSocket of exchange {exchange.socket}{amid}"


def _closed(close: Close) -> str:
    code = "no code" if close.code == _NO_CODE else str(close.code)
    return f"by the {close.by}, with {code}" + (f": {close.reason}" if close.reason else "")


def _client(headers: Headers) -> str:
    """Who asked."""
    named = {name.lower(): value for name, value in headers}
    return f"  {named['user-agent']}" if named.get("user-agent") else ""


def _attempts(reading: Reading) -> Iterator[Line]:
    """Which attempt at the request this is, and which came before and after."""
    of = f"of exchange {reading.retry.of}" if reading.retry else "of none in this cassette"
    if reading.attempt > 1:
        yield _field("retry", f"{of}, attempt {reading.attempt}")
    if reading.retried_by is not None:
        yield _field("retried", f"by exchange {reading.retried_by}")


def _pause(reading: Reading, kin: Reading | None) -> str:
    """How long the client took from an answer to its next request: mostly its tools' time."""
    before, began = kin.exchange if kin else None, reading.exchange.began
    if before is None or began is None or before.began is None or before.ended_ms is None:
        return ""
    try:
        ms = (began - before.began).total_seconds() * 1000 - before.ended_ms
    except TypeError:  # one of them without a time zone, in a cassette that a person has edited
        return ""
    return f"  began {duration(ms, ' ')} after exchange {before.number}" if ms >= 0 else ""


def _arrival(reading: Reading) -> str:
    exchange = reading.exchange
    said = [exchange.outcome]
    if exchange.socket is not None:
        count = len(exchange.pieces)
        return ", ".join([plural(count, "message") if count else "no answer", *said])
    if exchange.status == SWITCHED:
        others = [plural(len(exchange.pieces), "message")] if exchange.pieces else []
        return ", ".join([f"{exchange.status}, a WebSocket", *others, *said])
    if exchange.streamed:
        said.insert(0, f"a stream of {plural(len(reading.summary.events), 'event')}")
    elif exchange.status is not None:
        kind = exchange.header("content-type").partition(";")[0]
        kind = "JSON" if kind == "application/json" else kind or "no content type"
        said.insert(0, f"{kind} of {size(len(exchange.body))}" if exchange.body else "no body")
    return ", ".join(["no answer" if exchange.status is None else str(exchange.status), *said])


def _tokens(reading: Reading) -> str:
    usage = reading.usage
    if usage is None:
        return UNKNOWN
    cached, given = usage.cached_tokens, usage.input_tokens
    share = f", {cached / given:.0%}" if cached is not None and given else ""
    reasoning = "?" if usage.reasoning_tokens is None else number(usage.reasoning_tokens)
    return (
        f"in {number(given)} ({'?' if cached is None else number(cached)} cached{share})"
        f"  out {number(usage.output_tokens)} ({reasoning} reasoning)"
        f"  total {number(usage.total_tokens)}"
    )


def _times(reading: Reading) -> str:
    exchange, summary = reading.exchange, reading.summary
    times = [("head", exchange.head_ms)] if not exchange.streamed else []
    if exchange.streamed:
        times += [("first event", summary.first_event_ms), ("first token", summary.first_token_ms)]
    if exchange.streamed and exchange.outcome != "complete" and summary.events:
        times.append(("last event", summary.events[-1].t_ms))
    times.append(("whole", exchange.ended_ms))
    return "  ".join(f"{name} {duration(ms, ' ')}" for name, ms in times)


def _request(reading: Reading, added: Additions, paper: Paper) -> Iterator[Line]:
    request = reading.summary.request
    yield _request_heading(reading, added)
    yield from changes(reading, added.kin, paper.full, paper.text)
    if added.echoed and added.kin:
        back = f"  sent back from the answer of exchange {added.kin.number}: "
        yield Line(back + inventory(added.echoed), "faint")
    for item in added.items:
        yield from _item(view(item, added.names), paper)
    if not request and (body := reading.exchange.request.body):
        yield from _raw(body, paper)


def _request_heading(reading: Reading, added: Additions) -> Line:
    if reading.input_items is None:
        return Line("the request", "heading")
    some = bool(added.items)
    own = plural(len(added.items), "item") if some else "nothing"
    line = Line(f"the request added {own}", "heading")
    follows = reading.exchange.follows
    if reading.inherited and (reading.parent is not None or follows):
        failed = added.kin is not None and added.kin.verdict.grade == "bad"
        parent = f"{follows[0]}, in an earlier file" if follows else str(reading.parent)
        before = f"{plural(reading.inherited, 'item')} sent before in exchange {parent}"
        line.add(f", after {before}" if some else f" to the {before}")
        return line.add(", which failed" if failed else "")
    return line.add(f", after the answer of exchange {added.kin.number}" if added.kin else "")


def _answer(reading: Reading, paper: Paper) -> Iterator[Line]:
    yield Line("the answer", "heading")
    summary, exchange = reading.summary, reading.exchange
    for item in reading.output:
        seen = view(item)
        yield from _item(seen, paper, _ANSWER if seen.role == "text" else _OTHER)
    if summary.error_message is not None:
        yield Line("  error", "bad").add(_about_error(reading), "bad")
        yield from paper.text(summary.error_message, 4)
        for name in _WHEN_IT_FAILED:
            if value := exchange.header(name):
                yield Line(f"    {name}: {value}", "faint")
    elif not reading.output:
        yield from _without_items(reading, paper)


def _about_error(reading: Reading) -> str:
    error = (reading.summary.response or {}).get("error")
    more = error if isinstance(error, dict) else {}
    said = [reading.summary.error_code, more.get("type"), more.get("param")]
    return "".join(f"  {part}" for part in dict.fromkeys(said) if isinstance(part, str) and part)


def _without_items(reading: Reading, paper: Paper) -> Iterator[Line]:
    exchange, summary = reading.exchange, reading.summary
    if reading.on_socket:
        yield Line("  what was said on it: exchanges ").add(", ".join(map(str, reading.on_socket)))
    elif summary.status in UNFINISHED and not exchange.streamed:
        yield Line(f"  nothing yet: it is {summary.status}", "faint")
    elif summary.response is not None and not exchange.streamed:
        yield from paper.text(readable(summary.response), 2)
    elif exchange.streamed and summary.events:
        yield Line("  no items; the events were", "faint")
        types = [event.type or event.data for event in summary.events]
        yield from paper.text("\n".join(types), 2)
    elif exchange.body:
        yield from _raw(exchange.body, paper)
    else:
        yield Line("  nothing" + " yet" * (exchange.outcome == "incomplete"), "faint")


def _raw(body: bytes, paper: Paper) -> Iterator[Line]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        yield Line(f"  {size(len(body))} that are no text", "faint")
        return
    yield Line(f"  {size(len(body))} that are no JSON object", "faint")
    yield from paper.text(text, 4)


def _item(seen: View, paper: Paper, limit: tuple[int, int] = _OTHER) -> Iterator[Line]:
    line = Line("  ").add(seen.label, _STYLES[seen.role])
    line.add(f"  {seen.name}" if seen.name else "", "strong")
    yield line.add(f"  {seen.note}" if seen.note else "", "faint")
    if seen.text:
        yield from paper.text(seen.text, 4, limit)


def _headers(title: str, headers: Headers, paper: Paper) -> Iterator[Line]:
    if headers:
        yield Line()
        yield Line(title, "heading")
        for name, value in headers:
            yield from paper.text(f"{name}: {value}", 2)
