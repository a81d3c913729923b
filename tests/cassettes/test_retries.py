"""What counts as a retry, and of what: the client's counter, else time, and never by chance."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traffic import answering, asking, compact, exchange, sse, user, write

from cassettes.reader import Cassette
from cassettes.retries import (
    COUNTED_WITHIN_S,
    UNCOUNTED_WITHIN_S,
    Attempt,
    Failure,
    Keys,
    Retries,
    Retry,
    failure,
    link,
)

BEGAN = datetime(2026, 9, 21, 14, tzinfo=UTC)
OK, ASK = b"{}", asking("hi")


def attempt(
    number: int,
    at_s: float | None = None,
    *,
    counter: int | None = None,
    failed: Failure = "clear",
    lasted_s: float = 0.0,
) -> Attempt:
    """An attempt that began `at_s` after noon; by default each a second after the one before."""
    began = BEGAN + timedelta(seconds=number if at_s is None else at_s)
    return Attempt(number, began, lasted_s * 1000, counter, failed)


def linked(*attempts: Attempt, keys: str = "") -> dict[int, tuple[int, int]]:
    """The retries as number: (of, attempt); `keys` has a letter for what each asks."""
    found = link(attempts, lambda number: (keys[number - 1] if keys else "a").encode())
    return {number: (retry.of, retry.attempt) for number, retry in found.items()}


def test_a_chain_of_counted_attempts() -> None:
    """Each attempt retries the one that counted one less."""
    chain = [attempt(n, counter=n - 1, failed="clear" if n < 3 else "none") for n in (1, 2, 3)]
    assert linked(*chain) == {2: (1, 2), 3: (2, 3)}


def test_a_chain_of_uncounted_attempts() -> None:
    """Where nobody counts, what comes soon after a failure of the same request retries it."""
    assert linked(attempt(1), attempt(2), attempt(3, failed="none")) == {2: (1, 2), 3: (2, 3)}


def test_counters_tell_equal_requests_apart() -> None:
    """Of two equal requests at once the one is retried that failed, by the one that says so."""
    both = [
        attempt(1, 0, counter=0, lasted_s=9, failed="none"),
        attempt(2, 0, counter=0, lasted_s=1),
        attempt(3, 1.5, counter=0, failed="none"),
        attempt(4, 1.6, counter=1, failed="none"),
    ]
    assert linked(*both) == {4: (2, 2)}


def test_a_first_attempt_is_no_retry() -> None:
    """Who counts and says 0 has asked anew, whatever failed before."""
    assert linked(attempt(1, counter=2), attempt(2, counter=0)) == {}
    assert linked(attempt(1), attempt(2, counter=0), attempt(3, counter=1)) == {3: (2, 2)}


def test_success_is_never_retried() -> None:
    """To ask again what was answered is no retry, also where the client counts."""
    assert linked(attempt(1, failed="none"), attempt(2, failed="none")) == {}
    assert linked(attempt(1, failed="none", counter=0), attempt(2, counter=1)) == {}


def test_each_failure_is_retried_once() -> None:
    """A second request after one failure is a request of its own."""
    assert linked(attempt(1), attempt(2, failed="none"), attempt(3, failed="none")) == {2: (1, 2)}


def test_other_requests_are_not_retries() -> None:
    """Only what asks the same is a retry."""
    assert linked(attempt(1), attempt(2), attempt(3), keys="aba") == {3: (1, 2)}


def test_doubtful_failures_need_a_counter() -> None:
    """After an error that clients do not retry by themselves, only one that says so is believed."""
    assert linked(attempt(1, failed="maybe"), attempt(2)) == {}
    assert linked(attempt(1, failed="maybe", counter=0), attempt(2, counter=1)) == {2: (1, 2)}


def test_a_certain_failure_comes_before_a_doubtful_one() -> None:
    """One in flight is not taken for the one that failed, though it is nearer."""
    flight = attempt(2, counter=0, failed="maybe")
    assert linked(attempt(1, counter=0), flight, attempt(3, counter=1)) == {3: (1, 2)}


@pytest.mark.parametrize(
    ("counter", "within_s"), [(None, UNCOUNTED_WITHIN_S), (1, COUNTED_WITHIN_S)]
)
def test_the_wait_is_bounded(counter: int | None, within_s: float) -> None:
    """What comes later than any client waits is no retry; the wait begins at the end."""
    before = None if counter is None else counter - 1
    failed = attempt(1, 0, counter=before, lasted_s=600)
    for at_s, found in [(600 + within_s - 1, True), (600 + within_s + 1, False), (300, False)]:
        assert bool(linked(failed, attempt(2, at_s, counter=counter))) is found, at_s


def test_unknown_times() -> None:
    """In a cassette without times a counter still tells, and nothing else does."""
    for counter, found in [(0, {2: (1, 2)}), (None, {})]:
        untimed = Attempt(1, None, None, counter, "clear")
        then = None if counter is None else 1
        assert linked(untimed, Attempt(2, None, None, then, "none")) == found


FATES = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from(["none", "maybe", "clear"]),
    st.floats(0, 200),
    st.floats(0, 100),
)


@given(st.lists(FATES, max_size=24), st.randoms(use_true_random=False))
def test_links_are_sound(fates: list[Any], chance: Any) -> None:
    """Each failure is retried at most once, later, by an equal request, in whichever order they
    are given, and whatever other requests stand between."""
    attempts, at_s = [], 0.0
    for number, (_, counter, failed, pause_s, lasted_s) in enumerate(fates, 1):
        at_s += pause_s
        attempts.append(attempt(number, at_s, counter=counter, failed=failed, lasted_s=lasted_s))
    keys = "".join(key for key, *_ in fates)
    by_number = {each.number: each for each in attempts}
    found = linked(*attempts, keys=keys)
    assert len({of for of, _ in found.values()}) == len(found)
    for number, (of, tried) in found.items():
        assert of < number
        assert keys[of - 1] == keys[number - 1]
        assert by_number[of].failure != "none"
        assert tried == (found[of][1] if of in found else by_number[of].first) + 1
    chance.shuffle(attempts)
    assert linked(*attempts, keys=keys) == found
    for key in "ab":
        alone = [each for each in attempts if keys[each.number - 1] == key]
        same = {number: retry for number, retry in found.items() if keys[number - 1] == key}
        assert linked(*alone, keys=keys) == same


@pytest.mark.parametrize(
    ("expected", "facts"),
    [
        ("clear", {"status": 500}),
        ("clear", {"status": 429}),
        ("clear", {"status": 408}),
        ("clear", {"status": 409}),
        ("clear", {"status": None, "outcome": "upstream_unreachable"}),
        ("clear", {"outcome": "client_gone"}),
        ("clear", {"outcome": "upstream_gone", "streamed": True}),
        ("clear", {"outcome": "truncated", "streamed": True}),
        ("clear", {"outcome": "proxy_stopped"}),
        ("clear", {"streamed": True, "error_code": "server_error"}),
        ("clear", {"streamed": True, "error_code": "rate_limit_exceeded"}),
        ("maybe", {"streamed": True, "error_code": "invalid_prompt"}),
        ("maybe", {"status": 400}),
        ("maybe", {"status": 404}),
        ("maybe", {"status": None, "outcome": "incomplete"}),
        ("none", {}),
        ("none", {"error_code": "server_error"}),
        ("none", {"outcome": "recorder_overrun"}),
        ("none", {"status": 101, "method": "GET", "outcome": "upstream_gone"}),
        ("clear", {"status": 101, "method": "WEBSOCKET", "outcome": "upstream_gone"}),
        ("none", {"status": None, "method": "WEBSOCKET"}),
    ],
)
def test_failures_on_which_clients_try_again(expected: Failure, facts: dict[str, Any]) -> None:
    """Status, outcome and a stream's last word tell whether a client tries again by itself."""
    usual = {"method": "POST", "status": 200, "outcome": "complete", "streamed": False}
    assert failure(**({**usual, "error_code": None} | facts)) == expected


def around(path: Path, x: int) -> dict[int, Retry]:
    with Cassette.open(path) as cassette:
        return Retries(cassette).around(x)


def test_a_lookup_reads_what_asks_the_same(tmp_path: Path) -> None:
    """Around any attempt stand all attempts at its request, and no others."""
    tape = write(
        tmp_path / "c.jsonl",
        exchange(1, ASK, OK, status=500),
        exchange(2, asking("something", "else"), OK, status=500),
        exchange(3, b'{"input":"hi"}', OK, status=500),
        exchange(4, ASK, OK, status=500),
        exchange(5, ASK, OK),
    )
    expected = {4: Retry(1, 2), 5: Retry(4, 3)}
    assert [around(tape, x) for x in (1, 4, 5)] == [expected] * 3
    assert around(tape, 2) == around(tape, 3) == {}


def test_a_lookup_follows_a_growing_cassette(tmp_path: Path) -> None:
    """The end of a failed attempt that is recorded after its retry began is seen then."""
    begun = exchange(1, ASK, OK, status=500)
    again = exchange(2, ASK, OK)
    written = write(tmp_path / "whole.jsonl", begun[:-1], again, begun[-1:]).read_bytes()
    tape = tmp_path / "c.jsonl"
    head, last = written[: written.rindex(b"\n", 0, -1) + 1], written
    tape.write_bytes(head)
    with Cassette.open(tape) as cassette:
        retries = Retries(cassette)
        assert 1 not in retries.around(1)
        tape.write_bytes(last)
        cassette.poll()
        assert retries.around(2) == {2: Retry(1, 2)}


def test_equal_requests_have_equal_keys(tmp_path: Path) -> None:
    """Volatile members, key order and the transport make no other request; words do."""
    tape = write(
        tmp_path / "c.jsonl",
        exchange(1, asking("hi", client_metadata={"a": 1, "b": 2}, stream=True)),
        exchange(2, asking("hi", client_metadata={"b": 2, "a": 3}, prompt_cache_key="k")),
        exchange(3, asking("ho")),
        exchange(4, asking("hi"), path="/v1/responses?api-version=2"),
        exchange(5, asking("hi"), path="/v1/responses/compact"),
    )
    with Cassette.open(tape) as cassette:
        keys = list(map(Keys(cassette), cassette.exchanges))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_a_key_is_that_of_the_whole_request(tmp_path: Path) -> None:
    """A request that was taken apart has the key that it has when it is written whole."""
    asked = {
        "model": "gpt-5.1",
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
        "input": [user("one"), user("two")],
        "generate": True,
    }
    uneven = compact(asked).replace(b'"two"}]', b'"two"} ]')
    indented = json.dumps(asked, indent=2).encode()
    more = compact({**asked, "input": [*asked["input"], user("three")]})
    bodies = [compact(asked), indented, uneven, more, b'{"input":[],"tools":[]}', b"no json"]
    tape = write(tmp_path / "c.jsonl", *(exchange(x, body) for x, body in enumerate(bodies, 1)))
    with Cassette.open(tape) as cassette:
        keys = list(map(Keys(cassette), cassette.exchanges))
        parts = [len(entry.parts) for entry in cassette.exchanges.values()]
    assert parts == [3, 3, 2, 3, 0, 0]
    assert keys[0] == keys[1] == keys[2]
    assert len(set(keys)) == 4


def test_a_stream_that_failed_midway(tmp_path: Path) -> None:
    """A stream that ends in a server's error is retried like a 500, as Codex does."""
    whole = answering("hi")
    gone = {"status": "failed", "output": [], "error": {"code": "server_error", "message": "x"}}
    failed = sse({"type": "response.failed", "sequence_number": 0, "response": whole | gone})
    ask = asking(stream=True, input=[user("hi")])
    tape = write(tmp_path / "c.jsonl", exchange(1, ask, failed), exchange(2, ask, OK))
    assert around(tape, 1) == {2: Retry(1, 2)}
