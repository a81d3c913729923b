"""`llama_program` as the tests use it: started, waited for, and ended by its process id."""

import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import Running, serving

PROGRAM = Path(__file__).with_name("llama_program.py")
READY_S = 60.0
POLL_S = 0.05


@contextmanager
def running_llama() -> Iterator[Running]:
    """The server, ready to answer, until the block ends; then its copy of the model is gone too."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(folder, command=(sys.executable, "-P", str(PROGRAM))) as running,
    ):
        _wait(f"{running.base_url}/health")
        running.base_url += "/v1"
        yield running


def _wait(url: str) -> None:
    """Ask for the server's health until it is well: it says 503 while it loads the model."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=READY_S):
                return
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
