"""Amounts as people write them on a command line: bytes (256M, 1.5GB) and ages (30d, 12h)."""

import re
from collections.abc import Mapping
from datetime import timedelta

import click

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
_BYTES = {
    "": 1,
    "b": 1,
    **{
        prefix + ending: 1024**power
        for power, prefix in enumerate("kmgt", 1)
        for ending in ("", "b", "ib")
    },
}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def _amount(text: str, units: Mapping[str, int]) -> float | None:
    match = _AMOUNT.fullmatch(text.strip())
    unit = units.get(match[2].lower()) if match else None
    return None if match is None or unit is None else float(match[1]) * unit


class _Size(click.ParamType[int]):
    """Bytes; K, M, G and T are powers of 1,024, also as KB or KiB."""

    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        amount = value if isinstance(value, int) else _amount(value, _BYTES)
        if amount is None or amount > 1 << 62:
            self.fail(f"{value!r} is not a size like 500K, 256M or 10G", param, ctx)
        return int(amount)


class _Age(click.ParamType[timedelta]):
    """A time span in s, min, h, d or w."""

    name = "age"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        amount = _amount(value, _SECONDS)
        if amount is None or amount > timedelta.max.total_seconds() // 2:
            self.fail(f"{value!r} is not an age like 30d, 12h or 2w", param, ctx)
        return timedelta(seconds=amount)


SIZE = _Size()
AGE = _Age()
