"""The numbers of one moment, and keeping the last good ones while the file cannot be read.

A database is opened for one reading and closed at once, and not opened at all while neither it nor
what was asked for has changed: an ingest next door is never kept waiting for longer than that.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from analytics.frames import frame
from analytics.stats import Stats
from analytics.store import reading, statement
from dashboard.span import Span, bucket_s
from wire.errors import BadDatabase

PATIENCE_S = 1.0
"""How long a page waits for a file that an ingest holds, before it shows the last numbers on."""
RETRY_S = 1.0
"""How long it leaves the file alone after that."""

ALL_TIME = "All time"
RANGES = {
    ALL_TIME: None,
    "Last hour": timedelta(hours=1),
    "Last 24 hours": timedelta(hours=24),
    "Last 7 days": timedelta(days=7),
}
"""The stretches of time to choose from, back from now."""

_LATEST = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """What to show: a name in `RANGES`, and a model or all of them."""

    range: str = ALL_TIME
    model: str | None = None

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.range.lower(), self.model)))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the page shows, of one moment and one choice."""

    db: Path
    choice: Choice
    read_at: datetime
    recorded: int
    """Exchanges in the database, whatever was chosen."""
    recorded_until: datetime | None
    models: list[str]
    stats: Stats
    span: Span | None
    over_time: pd.DataFrame
    latency: pd.DataFrame
    latest: pd.DataFrame


def load(db: Path, choice: Choice) -> Snapshot:
    """Read what the page shows. Raises BadDatabase."""
    now = datetime.now(UTC)
    with reading(db, patience_s=PATIENCE_S) as connection:
        extent = frame(connection, "extent").iloc[0]
        back = RANGES[choice.range]
        if back or choice.model:
            narrowed = {"since": now - back if back else None, "model": choice.model}
            connection.execute(statement("narrow_exchanges"), narrowed)
            connection.execute(statement("narrow_rest"))
        stats = Stats(*(frame(connection, name) for name in Stats.__dataclass_fields__))
        whole = stats.totals["last_at"][0] - stats.totals["first_at"][0]
        seconds = bucket_s(timedelta() if pd.isna(whole) else whole)
        over_time = frame(connection, "over_time", seconds=seconds)
        return Snapshot(
            db=db,
            choice=choice,
            read_at=now,
            recorded=int(extent["exchanges"]),
            recorded_until=None if pd.isna(extent["last_at"]) else extent["last_at"],
            models=list(extent["models"]),
            stats=stats,
            span=Span.of(over_time, seconds),
            over_time=over_time,
            latency=frame(connection, "latency_over_time", seconds=seconds),
            latest=frame(connection, "exchanges", limit=_LATEST),
        )


class Reader:
    """The last good snapshot of a database, and what is wrong with it now, if anything."""

    def __init__(self, db: Path) -> None:
        self.db = db
        self.snapshot: Snapshot | None = None
        self.trouble: str | None = None
        self._seen: object = None
        self._failed_at = -RETRY_S

    def refresh(self, choice: Choice) -> bool:
        """Read again if there may be something new; True if there is now other news to show."""
        state = self._state(choice)
        if state == self._seen or time.monotonic() - self._failed_at < RETRY_S:
            return False
        told = self.trouble
        try:
            self.snapshot = load(self.db, choice)
        except BadDatabase as error:
            self.trouble, self._seen, self._failed_at = str(error), None, time.monotonic()
            return self.trouble != told
        self.trouble, self._seen = None, state
        return True

    def _state(self, choice: Choice) -> object:
        """Equal while reading again would give the same; a range that ends now moves on."""
        try:
            stat = self.db.stat()
        except OSError:
            return None, object()
        minute = datetime.now(UTC).replace(second=0, microsecond=0) if RANGES[choice.range] else 0
        return choice, stat.st_ino, stat.st_mtime_ns, stat.st_size, minute
