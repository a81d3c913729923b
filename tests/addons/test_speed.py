"""Speed that was promised, held against mitmdump and against no recording in the same run."""

import statistics

import pytest

from benchmarks.throughput import KINDS, Figures, measure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def ratio(ours: list[Figures], theirs: list[Figures], figure: str) -> float:
    """The median of what `figure` is of theirs, round by round."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(getattr(a, figure) / getattr(b, figure) for a, b in pairs)


def compared(kind: str, clients: int, *names: str) -> list[list[Figures]]:
    """The figures of the targets named, which took turns."""
    (asked,) = (each for each in KINDS if each.name == kind)
    found = measure([asked], [clients], list(names), rounds=7, seconds=1.0)
    return [found[kind, clients, name] for name in names]


@pytest.mark.parametrize("clients", [1, 8, 32])
def test_json_passes_twice_as_fast_as_through_mitmdump(clients: int) -> None:
    """Twice the requests per second at half the CPU of plain mitmdump with stream = True."""
    ours, theirs = compared("2 KB JSON", clients, "respool", "mitmdump stream")
    assert ratio(ours, theirs, "per_s") >= 2.0
    assert ratio(ours, theirs, "cpu_us") <= 0.5


def test_large_json_takes_half_the_cpu_of_mitmdump() -> None:
    """Of 200 KB bodies too, of which the writer takes the other core of a small machine."""
    ours, theirs = compared("200 KB JSON", 8, "respool", "mitmdump stream")
    assert ratio(ours, theirs, "cpu_us") <= 0.55
    assert ratio(ours, theirs, "per_s") >= 1.5


def test_the_first_event_takes_half_the_time_that_mitmdump_takes() -> None:
    """With 32 clients that stream events 5 ms apart."""
    ours, theirs = compared("200 events, 5 ms apart", 32, "respool", "mitmdump stream")
    assert ratio(ours, theirs, "first_ms") <= 0.5


def test_recording_costs_a_tenth_at_most() -> None:
    """What passes per second while it is recorded, against the same proxy without a recording."""
    on, off = compared("2 KB JSON", 8, "respool", "respool off")
    assert ratio(on, off, "per_s") >= 0.9
    assert ratio(on, off, "cpu_us") <= 1.1


def test_recording_large_bodies_costs_nothing_where_the_upstream_takes_its_time() -> None:
    """Of bodies of 200 KB both ways, which cost a third where nothing else limits them."""
    on, off = compared("200 KB JSON after 100 ms", 8, "respool", "respool off")
    assert ratio(on, off, "per_s") >= 0.95
