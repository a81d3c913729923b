"""The numbers of a database, as frames for tables and as plain values for JSON."""

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from analytics.frames import frame
from analytics.store import reading


@dataclass(frozen=True, slots=True)
class Stats:
    """Answers of the queries of the same names, all of one moment."""

    totals: pd.DataFrame
    by_model: pd.DataFrame
    by_upstream: pd.DataFrame
    by_tool: pd.DataFrame
    errors: pd.DataFrame
    retries: pd.DataFrame
    compactions: pd.DataFrame
    findings: pd.DataFrame


def load_stats(db: Path) -> Stats:
    """Read all that `respool stats` shows. Raises BadDatabase."""
    with reading(db) as connection:
        return Stats(*(frame(connection, name) for name in Stats.__dataclass_fields__))


def as_json(stats: Stats) -> dict[str, Any]:
    """Plain values: `totals` is an object, the others are lists of objects; unknown is null."""
    found: dict[str, Any] = {
        name: records(getattr(stats, name)) for name in Stats.__dataclass_fields__
    }
    return {**found, "totals": found["totals"][0]}


def records(answer: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as dictionaries of plain Python values; NULL is None, times are ISO 8601."""
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in answer.astype(object).to_dict("records")
    ]


def _plain(value: Any) -> Any:  # any cell of a frame
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
