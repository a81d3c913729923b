"""Running the checks: all at once, each on its own, until a deadline.

A check that raises or hangs (a dead network drive, a name server that keeps silent) is reported as
such and takes nothing from the others.
"""

import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from respool.doctor.finding import Asked, Check, Finding, warning

DEADLINE_S = 4.0
"""How long the slowest check may take; on a healthy machine all of them take less than a second."""


def examine(
    checks: Mapping[str, Check], asked: Asked, *, deadline_s: float = DEADLINE_S
) -> list[Finding]:
    """The findings of all checks, in the order of the checks. Never raises."""
    runs = [_Run(name, check, asked) for name, check in checks.items()]
    for run in runs:
        run.begin()
    end = time.monotonic() + deadline_s
    return [finding for run in runs for finding in run.findings(end, deadline_s)]


class _Run:
    def __init__(self, name: str, check: Check, asked: Asked) -> None:
        self._name, self._check, self._asked = name, check, asked
        self._found: list[Finding] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        try:
            self._thread.start()
        except RuntimeError:  # no more threads for this user
            self._thread = threading.current_thread()
            self._run()

    def findings(self, end: float, deadline_s: float) -> list[Finding]:
        if self._thread is not threading.current_thread():
            self._thread.join(max(0.0, end - time.monotonic()))
            if self._thread.is_alive():
                return [
                    *self._found,
                    warning(
                        self._name,
                        f"this check did not end within {deadline_s:g} s: a disk, a name server "
                        "or a program that it asked does not answer",
                        "look there first; the other checks stand",
                    ),
                ]
        return list(self._found)

    def _run(self) -> None:
        try:
            self._found.extend(self._check(self._asked))
        except Exception as error:  # whatever it is, the others go on
            self._found.append(_failed(self._name, error))


def _failed(name: str, error: Exception) -> Finding:
    """What is said of a check that raised; not the error's text, which may quote a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return warning(
        name,
        f"this check failed itself: {type(error).__name__} in {Path(frame.filename).name}, "
        f"line {frame.lineno}",
        "report this line as a fault of respool; the other checks stand",
    )
