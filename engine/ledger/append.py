"""Append to the ledger, each event once. The database decides what is new, never the memory.

Runs inside TX 1: these functions take its connection and neither begin nor commit.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from engine.ledger.events import FEE, FILL, Event, differences, events_of
from engine.ledger.fills import Fill
from engine.store.statements import SQL, for_rows

# One statement text for 32 rows and one for the rest, so that the statement cache always hits.
ROWS = 32
_APPEND = SQL["append_events"]
_APPEND_ROWS = for_rows(_APPEND, ROWS)


@dataclass(slots=True)
class Appended:
    """What became of the events of a cycle's fills: attempted = inserted + ignored + conflicting.

    `unsettled` are the symbols whose claims and events disagreed (rows were removed by hand):
    their positions have to be folded anew from the ledger.
    """

    attempted: int = 0
    ignored: int = 0
    inserted: list[Event] = field(default_factory=list)
    conflicting: list[Event] = field(default_factory=list)
    fills_count: int = 0
    unsettled: set[str] = field(default_factory=set)


def append(connection: sqlite3.Connection, fills: Sequence[Fill], cycle_id: int) -> Appended:
    """Append the FILL and FEE events of `fills`; what is there already stays as it is."""
    result = Appended()
    claimed = _claim(connection, fills, cycle_id)
    fresh: list[Event] = []
    seen: list[list[Event]] = []
    for fill in fills:
        events = events_of(fill)
        result.attempted += len(events)
        if fill.trade_id in claimed:
            claimed.remove(fill.trade_id)
            fresh += events
        else:
            seen.append(events)
    orphans = _insert(connection, fresh, cycle_id, result)
    seen += ([event] for event in orphans)
    if seen:
        _compare(connection, seen, cycle_id, result)
    result.fills_count = sum(event.type == FILL for event in result.inserted)
    return result


def _claim(connection: sqlite3.Connection, fills: Sequence[Fill], cycle_id: int) -> set[str]:
    """The fills that this cycle is the first to apply: of a usual window, few."""
    ids = json.dumps([fill.trade_id for fill in fills])
    wanted = {"fill_ids": ids, "cycle_id": cycle_id}
    return {row[0] for row in connection.execute(SQL["claim_fills"], wanted).fetchall()}


def _insert(
    connection: sqlite3.Connection, events: list[Event], cycle_id: int, result: Appended
) -> list[Event]:
    """Insert events; returns those that were in the ledger already."""
    own = (cycle_id,)
    count = 0
    for start in range(0, len(events), ROWS):
        rows = [event + own for event in events[start : start + ROWS]]
        if len(rows) == ROWS:
            count += connection.execute(_APPEND_ROWS, list(chain.from_iterable(rows))).rowcount
        else:
            count += sum(connection.execute(_APPEND, row).rowcount for row in rows)
    if count == len(events):
        result.inserted += events
        return []
    return _sort_out(connection, events, cycle_id, result)


def _sort_out(
    connection: sqlite3.Connection, events: list[Event], cycle_id: int, result: Appended
) -> list[Event]:
    """Some ids were taken: which events did this cycle insert?

    Two fills may claim one fee id (`A` with a fee in BNB, and a trade `A:BNB`): the first has it,
    and the hash, which covers the trade's id, tells which that is.
    """
    ids = json.dumps([event.event_id for event in events])
    hashes = dict(connection.execute(SQL["appended_by"], (ids, cycle_id)).fetchall())
    orphans: list[Event] = []
    for event in events:
        kept = result.inserted if hashes.get(event.event_id) == event.hash else orphans
        kept.append(event)
    result.unsettled.update(event.symbol for event in orphans)
    return orphans


def _compare(
    connection: sqlite3.Connection, seen: list[list[Event]], cycle_id: int, result: Appended
) -> None:
    """Tell repeats from contradictions, and book what was not known of a fill before."""
    ids = json.dumps([event.event_id for events in seen for event in events])
    stored = dict(connection.execute(SQL["stored_hashes"], (ids,)).fetchall())
    for events in seen:
        if all(stored.get(event.event_id) == event.hash for event in events):
            result.ignored += len(events)
        else:
            _settle(connection, events, cycle_id, result)


def _settle(
    connection: sqlite3.Connection, events: list[Event], cycle_id: int, result: Appended
) -> None:
    """Handle a known fill that is not simply a repeat, event by event."""
    fees = _stored_fees(connection, events[0].trade_id)
    disputed = False
    for event in events:
        stored = _counterpart(connection, event, fees)
        if stored is None and not disputed:
            _insert(connection, [event], cycle_id, result)
            if event.type == FILL:
                result.unsettled.add(event.symbol)
            continue
        # The fee of a fill that is disputed is not booked beside the fill that stands.
        contradiction = differences(stored, event) if stored else {"fee": (None, event.fee)}
        if event.type == FILL:
            contradiction |= _withdrawn_fees(events, fees)
            disputed = bool(contradiction)
        if contradiction:
            _keep_conflict(connection, event, contradiction, cycle_id)
            result.conflicting.append(event)
        else:
            result.ignored += 1


def _counterpart(
    connection: sqlite3.Connection, event: Event, fees: dict[str | None, Event]
) -> Event | None:
    """What the ledger holds for `event`.

    A fee is matched by its currency first: one that was booked alone keeps its id when the venue
    reports a second one later.
    """
    if event.type == FEE and event.fee_currency in fees:
        return fees[event.fee_currency]
    row = connection.execute(SQL["stored_event"], (event.event_id,)).fetchall()
    return Event(*row[0]) if row else None


def _stored_fees(connection: sqlite3.Connection, trade_id: str) -> dict[str | None, Event]:
    fee_id = f"fee:{trade_id}"
    rows = map(Event._make, connection.execute(SQL["stored_fees"], {"fee_id": fee_id}).fetchall())
    return {fee.fee_currency: fee for fee in rows if fee.exchange_trade_id == fee_id}


def _withdrawn_fees(
    events: list[Event], stored: dict[str | None, Event]
) -> dict[str, tuple[Any, Any]]:
    """Fees that were booked and that the venue, which says it knows them all, names no more."""
    state = json.loads(events[0].meta_json).get("fee", "charged")
    reported = {event.fee_currency for event in events if event.type == FEE}
    if state == "unknown" or (state == "charged" and not reported):
        return {}
    return {
        f"fee:{currency}": (fee.fee, None)
        for currency, fee in stored.items()
        if currency not in reported
    }


def _keep_conflict(
    connection: sqlite3.Connection,
    event: Event,
    contradiction: dict[str, tuple[Any, Any]],
    cycle_id: int,
) -> None:
    reported = dict(zip(Event._fields[:-1], event[:-1], strict=True))
    row = (event.event_id, cycle_id, json.dumps(contradiction), json.dumps(reported), event.hash)
    connection.execute(SQL["keep_conflict"], row).fetchall()
