"""`respool demo`: the main job, as a newcomer runs it."""

import re
from pathlib import Path

from harness import one_line_error, run


def test_demo_shows_the_main_job(tmp_path: Path) -> None:
    """It records, replays identically, prints the numbers and says what to open next; and again."""
    for _ in range(2):
        done = run("demo", cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stdout + done.stderr
        assert "40 of 40 responses are identical" in done.stdout
        assert "Connection refused" in done.stdout
        numbers = r"45 exchanges, 2 failed, 1 retry \(.* lost\), 21 tool calls, 3 compactions\n"
        assert re.search(numbers, done.stdout)
        assert "respool dashboard --db respool-demo/traffic.duckdb" in done.stdout
        assert "served 45 of 45 recorded exchanges, 0 misses" in done.stderr


def test_demo_leaves_other_files_alone(tmp_path: Path) -> None:
    """A folder that holds anything else is refused and left as it was."""
    (tmp_path / "thesis.txt").write_text("years of work")
    error = one_line_error(run("demo", "--dir", tmp_path))
    assert "thesis.txt" in error
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
