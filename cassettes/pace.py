"""When a recorded moment is due in a replay: at once, as it was recorded, or by a factor."""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """`factor` 0 is at once, 1 as recorded."""

    factor: float = 0.0

    async def wait(self, t_ms: float | None, asked_s: float) -> None:
        """Wait for what came `t_ms` after a request that now came at `asked_s` (monotonic)."""
        if self.factor and t_ms is not None:
            due_s = asked_s + t_ms * self.factor / 1000
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
