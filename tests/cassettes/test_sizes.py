"""The figures of docs/sizes.md: the session that they are measured with grows as it says."""

from benchmarks.sizes import sizes


def test_a_session_grows_in_a_line_and_compresses_well() -> None:
    """Twice the turns are twice the cassette, and more than twice the wire."""
    short, long = sizes(15), sizes(30)
    for form in ("journal", "calm"):
        assert 1.8 < long[form] / short[form] < 2.05
    assert long["requests"] / short["requests"] > 2.2
    assert long["compressed"] < long["journal"] / 10
