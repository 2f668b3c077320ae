"""Periods that are closed: what is booked later with a time in them corrects a prior period."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from engine.clock import parse_time
from engine.ledger.events import Event
from engine.store.tx import Tx

_PERIOD = re.compile(r"(\d{4})(?:-(\d{2}))?", re.ASCII)
MOST_SHOWN = 50


class Closed(NamedTuple):
    """The end of the last period that is closed, in UTC milliseconds, and the commit that closed
    it."""

    until_ms: int
    commit_seq: int
    last_seq: int


class Corrections(NamedTuple):
    """The number of events booked since with a time in a closed period, and the first of them."""

    number: int
    events: tuple[Event, ...]


def end_of(period: str) -> int:
    """The end of a period: of `2026`, of `2026-11`, or the time that is given. UTC milliseconds.

    Raises `ValueError`.
    """
    match = _PERIOD.fullmatch(period)
    if not match:
        return parse_time(period)
    year, month = int(match[1]), match[2] and int(match[2])
    if month and not 1 <= month <= 12:
        raise ValueError(f"{period}: a period reads like 2026, 2026-11 or 2026-11-30T12:00:00Z")
    ends = (year + 1, 1) if not month or month == 12 else (year, month + 1)
    return int(datetime(*ends, 1, tzinfo=UTC).timestamp()) * 1_000


def closed(tx: Tx) -> Closed | None:
    """Null where no period is closed."""
    row = tx.one("period_closed")
    return Closed(*row) if row is not None and row[0] is not None else None


def corrections(tx: Tx, period: Closed) -> Corrections:
    """The events booked since with a time in the period, in the order they were."""
    span = {"until_ms": period.until_ms, "after_seq": period.last_seq}
    count: int = tx.value("prior_period_count", **span)
    events = tx.typed(Event, "prior_period_events", **span, limit=MOST_SHOWN) if count else []
    return Corrections(count, tuple(events))
