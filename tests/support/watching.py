"""What a test sees of programs that run: the memory they hold, and whether anything still moves."""

import re
import threading
from collections.abc import Callable
from pathlib import Path


def memory_mb(pid: int) -> int:
    """What a process holds now."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def settled(count: Callable[[], int]) -> int:
    """What is counted, once it has not changed for a second."""
    before, still = -1, 0
    while still < 20:
        now = count()
        still = still + 1 if now == before else 0
        before = now
        threading.Event().wait(0.05)
    return before
