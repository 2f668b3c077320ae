"""Append to the ledger, each event once. The database decides what is new, never the memory.

Runs inside TX 1: these functions take it and neither begin nor commit.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.ledger.events import FEE, FILL, Event, differences, events_of
from engine.ledger.fills import Fill
from engine.store.tx import Tx


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


def append(tx: Tx, fills: Sequence[Fill], cycle_id: int) -> Appended:
    """Append the FILL and FEE events of `fills`; what is there already stays as it is."""
    result = Appended()
    claimed = _claim(tx, fills, cycle_id)
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
    orphans = _insert(tx, fresh, cycle_id, result)
    seen += ([event] for event in orphans)
    if seen:
        _compare(tx, seen, cycle_id, result)
    result.fills_count = sum(event.type == FILL for event in result.inserted)
    return result


def _claim(tx: Tx, fills: Sequence[Fill], cycle_id: int) -> set[str]:
    """The fills that this cycle is the first to apply: of a usual window, few."""
    ids = json.dumps([fill.trade_id for fill in fills])
    return set(tx.column("claim_fills", fill_ids=ids, cycle_id=cycle_id))


def _insert(tx: Tx, events: list[Event], cycle_id: int, result: Appended) -> list[Event]:
    """Insert events; returns those that were in the ledger already."""
    own = (cycle_id,)
    if tx.run_many("append_events", [event + own for event in events]) == len(events):
        result.inserted += events
        return []
    return _sort_out(tx, events, cycle_id, result)


def _sort_out(tx: Tx, events: list[Event], cycle_id: int, result: Appended) -> list[Event]:
    """Some ids were taken: which events did this cycle insert?

    Two fills may claim one fee id (`A` with a fee in BNB, and a trade `A:BNB`): the first has it,
    and the hash, which covers the trade's id, tells which that is.
    """
    ids = json.dumps([event.event_id for event in events])
    hashes = tx.pairs("appended_by", event_ids=ids, cycle_id=cycle_id)
    orphans: list[Event] = []
    for event in events:
        kept = result.inserted if hashes.get(event.event_id) == event.hash else orphans
        kept.append(event)
    result.unsettled.update(event.symbol for event in orphans)
    return orphans


def _compare(tx: Tx, seen: list[list[Event]], cycle_id: int, result: Appended) -> None:
    """Tell repeats from contradictions, and book what was not known of a fill before."""
    ids = json.dumps([event.event_id for events in seen for event in events])
    stored = tx.pairs("stored_hashes", event_ids=ids)
    for events in seen:
        if all(stored.get(event.event_id) == event.hash for event in events):
            result.ignored += len(events)
        else:
            _settle(tx, events, cycle_id, result)


def _settle(tx: Tx, events: list[Event], cycle_id: int, result: Appended) -> None:
    """Handle a known fill that is not simply a repeat, event by event."""
    fees = _stored_fees(tx, events[0].trade_id)
    disputed = False
    for event in events:
        stored = _counterpart(tx, event, fees)
        if stored is None and not disputed:
            _insert(tx, [event], cycle_id, result)
            if event.type == FILL:
                result.unsettled.add(event.symbol)
            continue
        # The fee of a fill that is disputed is not booked beside the fill that stands.
        contradiction = differences(stored, event) if stored else {"fee": (None, event.fee)}
        if event.type == FILL:
            contradiction |= _withdrawn_fees(events, fees)
            disputed = bool(contradiction)
        if contradiction:
            _keep_conflict(tx, event, contradiction, cycle_id)
            result.conflicting.append(event)
        else:
            result.ignored += 1


def _counterpart(tx: Tx, event: Event, fees: dict[str | None, Event]) -> Event | None:
    """What the ledger holds for `event`.

    A fee is matched by its currency first: one that was booked alone keeps its id when the venue
    reports a second one later.
    """
    if event.type == FEE and event.fee_currency in fees:
        return fees[event.fee_currency]
    row = tx.one("stored_event", event_id=event.event_id)
    return Event._make(row) if row else None


def _stored_fees(tx: Tx, trade_id: str) -> dict[str | None, Event]:
    fee_id = f"fee:{trade_id}"
    fees = tx.typed(Event, "stored_fees", fee_id=fee_id)
    return {fee.fee_currency: fee for fee in fees if fee.exchange_trade_id == fee_id}


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
    tx: Tx,
    event: Event,
    contradiction: dict[str, tuple[Any, Any]],
    cycle_id: int,
) -> None:
    reported = dict(zip(Event._fields[:-1], event[:-1], strict=True))
    tx.run(
        "keep_conflict",
        event_id=event.event_id,
        cycle_id=cycle_id,
        fields_json=json.dumps(contradiction),
        reported_json=json.dumps(reported),
        reported_hash=event.hash,
    )
