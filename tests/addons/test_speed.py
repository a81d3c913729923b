"""Speed that was promised, held against mitmdump in the same run."""

import statistics

import pytest

from benchmarks.first_event import measure


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_first_event_is_as_quick_as_through_mitmdump() -> None:
    """The first event is at most 2 ms later than through plain mitmdump with stream = True."""
    medians = measure(rounds=7, requests=20)
    added = statistics.median(
        ours - theirs for ours, theirs in zip(medians["respool"], medians["mitmdump"], strict=True)
    )
    assert added < 2.0, medians
