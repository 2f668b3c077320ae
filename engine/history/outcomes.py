"""What TX 1 made of each event of a cycle's fills.

Of nearly all the ledger tells: it holds their events as reported. For the rest the ledger's own
dedupe runs once more, on a ledger in memory that holds what those fills met.
"""

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from engine.history.results_reader import BEYOND
from engine.ledger import append
from engine.ledger.events import FILL, Event, events_of
from engine.ledger.fills import Fill
from engine.store.scratch import scratch_ledger
from engine.store.tx import Row, Tx

Became = Literal["inserted", "ignored", "conflicting", "unbooked"]


class Outcome(NamedTuple):
    """`cycle_id` is the cycle that inserted what the ledger holds for `event`, if any did."""

    event: Event
    outcome: Became
    cycle_id: int | None
    detail: str = ""


def retrace(tx: Tx, fills: Sequence[Fill], cycle_id: int) -> Iterator[list[Outcome]]:
    """What became of the events of each fill that a cycle booked, in the order it booked them."""
    reports = [events_of(fill) for fill in fills]
    holders = _holders(tx, reports)
    first: dict[str, list[Event]] = {}
    for events in reports:
        first.setdefault(events[0].event_id, events)
    unclear = _unclear(reports, holders, first, cycle_id)
    rest = [fill for fill, events in zip(fills, reports, strict=True) if _is_in(unclear, events)]
    rerun = iter(retrace_by_rerun(tx, rest, cycle_id) if rest else ())

    for events, holder in zip(reports, holders, strict=True):
        if _is_in(unclear, events):
            yield next(rerun)
        else:
            is_new = holder == cycle_id and first[events[0].event_id] is events
            became: Became = "inserted" if is_new else "ignored"
            yield [Outcome(event, became, holder) for event in events]


def _holders(tx: Tx, reports: Sequence[Sequence[Event]]) -> list[int | None]:
    """For each fill the cycle that inserted all its events as they are; null where none did."""
    event_ids = json.dumps([event.event_id for events in reports for event in events])
    rows = tx.each("history_holders", event_ids=event_ids)
    stored = {(event_id, digest): cycle_id for event_id, digest, cycle_id in rows}

    def holder(events: Iterable[Event]) -> int | None:
        cycles = {stored.get((event.event_id, event.hash)) for event in events}
        return cycles.pop() if len(cycles) == 1 else None

    return [holder(events) for events in reports]


def _unclear(
    reports: Sequence[list[Event]],
    holders: Sequence[int | None],
    first: Mapping[str, list[Event]],
    cycle_id: int,
) -> set[str]:
    """The event ids of fills that the ledger holds otherwise or that were reported in two ways,
    and of all fills of the cycle that these may have met."""
    unclear: set[str] = set()
    for events, holder in zip(reports, holders, strict=True):
        told = holder is not None and holder <= cycle_id and first[events[0].event_id] == events
        unclear.update(event.event_id for event in events if not told)
    before = 0
    while len(unclear) > before:
        before = len(unclear)
        for events in reports:
            event_ids = [event.event_id for event in events]
            if not unclear.isdisjoint(event_ids):
                unclear.update(event_ids)
    return unclear


def _is_in(unclear: Container[str], events: Sequence[Event]) -> bool:
    return events[0].event_id in unclear


def retrace_by_rerun(tx: Tx, fills: Sequence[Fill], cycle_id: int) -> list[list[Outcome]]:
    """The same for any fills at all; slower."""
    found: dict[int, list[tuple[Event, Became, str]]] = {}
    with scratch_ledger() as scratch:
        _recall(scratch, _met(tx, fills, before=cycle_id))
        for numbers in _rounds(fills):
            outcomes = _append(scratch, [fills[number] for number in numbers], cycle_id)
            found |= zip(numbers, outcomes, strict=True)
        holders = _Holders()
        for row in scratch.rows("retrace_events"):
            holders.add(*row)
    return [
        [Outcome(event, became, holders.of(event), detail) for event, became, detail in found[n]]
        for n in range(len(fills))
    ]


def unbooked(tx: Tx, fills: Sequence[tuple[Fill, str]]) -> list[list[Outcome]]:
    """The events of fills that were not booked, each fill with the reason."""
    holders = _Holders()
    for *event, cycle_id in _met(tx, [fill for fill, _ in fills], before=BEYOND):
        stored = Event._make(event)
        holders.add(stored.event_id, stored.exchange_trade_id, stored.fee_currency, cycle_id)
    return [
        [Outcome(event, "unbooked", holders.of(event), reason) for event in events_of(fill)]
        for fill, reason in fills
    ]


@dataclass(slots=True)
class _Holders:
    """Which cycles inserted what the ledger holds.

    A fee is known by its fill and currency first, as the ledger matches it.
    """

    by_id: dict[str, int] = field(default_factory=dict)
    by_currency: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def add(self, event_id: str, trade_id: str, currency: str | None, cycle_id: int) -> None:
        self.by_id[event_id] = cycle_id
        self.by_currency[trade_id, currency] = cycle_id

    def of(self, event: Event) -> int | None:
        key = event.exchange_trade_id, event.fee_currency
        return self.by_currency.get(key, self.by_id.get(event.event_id))


def _met(tx: Tx, fills: Iterable[Fill], before: int) -> list[Row]:
    """Events of cycles before one that stand where those of `fills` belong, and their cycles."""
    event_ids = {event.event_id for fill in fills for event in events_of(fill)}
    trade_ids = sorted({fill.trade_id for fill in fills})
    event_ids.update(f"fee:{trade_id}" for trade_id in trade_ids)
    return tx.rows(
        "history_met",
        event_ids=json.dumps(sorted(event_ids)),
        trade_ids=json.dumps(trade_ids),
        before=before,
    )


def _recall(scratch: Tx, met: Sequence[Row]) -> None:
    """Put events, and the claims of their fills, into the ledger in memory."""
    scratch.run_many("append_events", met)
    events = (Event._make(row[:-1]) for row in met)
    applied = [event.trade_id for event in events if event.type == FILL]
    scratch.column("claim_fills", fill_ids=json.dumps(applied), cycle_id=0)


def _rounds(fills: Iterable[Fill]) -> list[list[int]]:
    """The fills' numbers, so that no round has two events of the same id."""
    turns: dict[str, int] = defaultdict(int)
    rounds: dict[int, list[int]] = defaultdict(list)
    for number, fill in enumerate(fills):
        event_ids = [event.event_id for event in events_of(fill)]
        turn = max(turns[event_id] for event_id in event_ids)
        rounds[turn].append(number)
        turns |= dict.fromkeys(event_ids, turn + 1)
    return list(rounds.values())


def _append(
    scratch: Tx, fills: Sequence[Fill], cycle_id: int
) -> list[list[tuple[Event, Became, str]]]:
    """Append one round; for each fill, what became of each event, and why it is in dispute."""
    appended = append.append(scratch, fills, cycle_id)
    inserted = {event.event_id for event in appended.inserted}
    disputed = scratch.pairs("retrace_conflicts")

    def became(event: Event) -> tuple[Event, Became, str]:
        if event.event_id in disputed:
            return event, "conflicting", _said(json.loads(disputed[event.event_id]))
        return event, "inserted" if event.event_id in inserted else "ignored", ""

    return [[became(event) for event in events_of(fill)] for fill in fills]


def _said(contradiction: Mapping[str, tuple[Any, Any]]) -> str:
    """`price: ledger 3142.1, venue 3142`"""
    return "; ".join(
        f"{name}: ledger {_value(stored)}, venue {_value(reported)}"
        for name, (stored, reported) in contradiction.items()
    )


def _value(value: Any) -> str:
    return "none" if value is None else str(value)
