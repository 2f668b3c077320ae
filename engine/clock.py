"""This machine's clock, and times as people write them."""

import re
import time
from datetime import UTC, datetime

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)", re.ASCII)
DAY_MS = _UNITS["d"]


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def iso(ts_ms: int) -> str:
    """A time in UTC milliseconds as `2026-01-01T00:00:00.000Z`."""
    seconds, ms = divmod(ts_ms, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def parse_duration(value: object) -> int:
    """Milliseconds of `0`, `250ms`, `2s`, `10m`, `1h` or `30d`. Raises `ValueError`."""
    if value == 0 or value == "0":
        return 0
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration reads like 0, 250ms, 2s, 10m, 1h or 30d")
    return int(match[1]) * _UNITS[match[2]]


def format_duration(ms: int) -> str:
    """`parse_duration`'s text for it, in the largest unit that divides it."""
    for unit, size in reversed(_UNITS.items()):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return "0"


def parse_time(value: str) -> int:
    """UTC milliseconds of an ISO 8601 time (UTC unless it says otherwise) or of a number of
    milliseconds. Raises `ValueError`."""
    if value.isascii() and value.isdigit():
        return int(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            "a time reads like 2026-01-31, 2026-01-31T12:00:00Z or 1767225600000 (milliseconds)"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000)
