"""This machine's clock, and times as people write them."""

import re
import time
from datetime import UTC, datetime, timedelta

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)", re.ASCII)
DAY_MS = _UNITS["d"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
LONGEST_MS = 36_500 * DAY_MS


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def iso(ts_ms: int) -> str:
    """A time in UTC milliseconds as `2026-01-01T00:00:00.000Z`."""
    seconds, ms = divmod(ts_ms, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def parse_duration(value: object) -> int:
    """Milliseconds of `0`, `250ms`, `2s`, `10m`, `1h` or `30d`. Raises `ValueError`."""
    text = "0ms" if value == "0" or (type(value) is int and value == 0) else value
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    ms = int(match[1]) * _UNITS[match[2]] if match else LONGEST_MS + 1
    if ms > LONGEST_MS:
        raise ValueError("a duration reads like 0, 250ms, 2s, 10m, 1h or 30d; 36500d is the most")
    return ms


def format_duration(ms: int) -> str:
    """`parse_duration`'s text for it, in the largest unit that divides it."""
    for unit, size in reversed(_UNITS.items()):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return "0"


def parse_time(value: str) -> int:
    """UTC milliseconds of an ISO 8601 time (UTC unless it says otherwise) or of a number of
    milliseconds. Raises `ValueError`."""
    try:
        if value.isascii() and value.isdigit():
            moment = _EPOCH + int(value) * _MS
        else:
            moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        raise ValueError(
            "a time reads like 2026-01-31, 2026-01-31T12:00:00Z or 1767225600000 (milliseconds)"
        ) from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MS
