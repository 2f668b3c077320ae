"""Append to the ledger, each event once. The database decides what is new, never the memory.

Runs inside TX 1.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.ledger.events import BASIC, FEE, FILL, Event, events_of, no_fee
from engine.ledger.fills import Fill
from engine.store.tx import Tx

Contradiction = dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Appended:
    """The outcome of appending a cycle's fills: attempted = inserted + ignored + conflicting.

    `unsettled` are the symbols whose claims and events disagreed (rows were removed by hand):
    their positions have to be folded anew from the ledger. `named_fees` are fills of earlier cycles
    whose fees were unknown, and are all named now. `account` are the account events among those
    `inserted`.
    """

    attempted: int = 0
    ignored: int = 0
    inserted: list[Event] = field(default_factory=list)
    conflicting: list[Event] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)
    named_fees: list[Event] = field(default_factory=list)
    account: list[Event] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "attempted": self.attempted,
            "inserted": len(self.inserted),
            "ignored": self.ignored,
            "conflicting": len(self.conflicting),
            "fills_count": sum(event.type == FILL for event in self.inserted),
        }


def append(tx: Tx, fills: Sequence[Fill], cycle_id: int) -> Appended:
    """Append the FILL and FEE events of `fills`; an event that is there already stays as it is."""
    return _Append(tx, cycle_id).append(fills)


class _Append:
    """One cycle's fills on their way into the ledger."""

    def __init__(self, tx: Tx, cycle_id: int) -> None:
        self._tx = tx
        self._cycle_id = cycle_id
        self._done = Appended()
        self._by_old_rules: set[str] = set()

    def append(self, fills: Sequence[Fill]) -> Appended:
        claimed = self._claim(fills)
        fresh: list[Event] = []
        seen: list[list[Event]] = []
        for fill in fills:
            events = events_of(fill)
            self._done.attempted += len(events)
            if fill.trade_id in claimed:
                claimed.remove(fill.trade_id)
                fresh += events
            else:
                seen.append(events)
            if fill.market is None:
                self._by_old_rules.add(fill.trade_id)
        seen += ([event] for event in self._insert(fresh))
        if seen:
            self._compare(seen)
        return self._done

    def _claim(self, fills: Iterable[Fill]) -> set[str]:
        """The fills that this cycle is the first to apply: of a usual window, few."""
        ids = json.dumps([fill.trade_id for fill in fills])
        return set(self._tx.column("claim_fills", fill_ids=ids, cycle_id=self._cycle_id))

    def _insert(self, events: list[Event]) -> list[Event]:
        """Insert events; returns those whose ids were in the ledger already."""
        own = (self._cycle_id,)
        plain = [event for event in events if event.version == 1]
        detailed = [event for event in events if event.version != 1] if plain != events else []
        inserted = self._tx.run_many("append_events", [event[:BASIC] + own for event in plain])
        if detailed:
            inserted += self._tx.run_many(
                "append_detailed_events", [event + own for event in detailed]
            )
            events = plain + detailed  # As the ledger numbers them.
        if inserted < len(events):
            return self._sort_out(events)
        self._done.inserted += events
        return []

    def _sort_out(self, events: list[Event]) -> list[Event]:
        """Some ids were taken: which events did this cycle insert?

        Two fills may claim one fee id (`A` with a fee in BNB, and a trade `A:BNB`): the first has
        it, and the hash, which covers the trade's id, tells which that is. The other's fee is
        inserted under an id with a colon more.
        """
        ids = json.dumps([event.event_id for event in events])
        hashes = self._tx.pairs("appended_by", event_ids=ids, cycle_id=self._cycle_id)
        orphans: list[Event] = []
        renamed: list[Event] = []
        for event in events:
            if hashes.get(event.event_id) == event.hash:
                self._done.inserted.append(event)
            elif self._is_anothers(event):
                renamed.append(event.renamed(f"{event.event_id}:"))
            else:
                orphans.append(event)
        orphans += self._insert(renamed) if renamed else []
        self._done.unsettled.update(event.symbol or "" for event in orphans)
        return orphans

    def _is_anothers(self, fee: Event) -> bool:
        """Whether another trade's fee has a fee's id."""
        if fee.type != FEE or fee.trade_id in self._by_old_rules:
            return False
        row = self._tx.one("stored_event", event_id=fee.event_id)
        return row is not None and Event._make(row).exchange_trade_id != fee.exchange_trade_id

    def _compare(self, seen: list[list[Event]]) -> None:
        """Tell repeats from contradictions, and book a fee that came after its fill."""
        ids = json.dumps([event.event_id for events in seen for event in events])
        hashes = self._tx.pairs("stored_hashes", event_ids=ids)
        for events in seen:
            if all(hashes.get(event.event_id) == event.hash for event in events):
                self._done.ignored += len(events)
            else:
                self._settle(events)

    def _settle(self, events: list[Event]) -> None:
        """Decide event by event about a fill that is in the ledger and no plain repeat."""
        fees = self._stored_fees(events[0].trade_id)
        row = self._tx.one("stored_event", event_id=events[0].event_id)
        if row is not None:
            fill = Event._make(row)
            events = [events[0], *(fee.belonging_to(fill) for fee in events[1:])]
            events = self._naming_fees(fill, events, fees)
        disputed = False
        for event in events:
            stored = self._counterpart(event, fees)
            if stored is None and not disputed:
                self._insert([event])
                if event.type == FILL:
                    self._done.unsettled.add(event.symbol or "")
                continue
            # The fee of a fill that is disputed is not booked beside the fill that stands.
            contradiction = stored.contradicted_by(event) if stored else {"fee": (None, event.fee)}
            if event.type == FILL:
                contradiction |= _withdrawn_fees(events, fees)
                disputed = bool(contradiction)
            if contradiction:
                self._keep_conflict(event, contradiction)
            else:
                self._done.ignored += 1

    def _naming_fees(
        self, stored: Event, events: list[Event], fees: dict[str | None, Event]
    ) -> list[Event]:
        """The events of a report; where it is the first to name all fees of a fill, each new fee
        says so. Without a new one, a fee of nothing does."""
        fill, trade_id = events[0], events[0].trade_id
        if fill.fees_unknown or not stored.fees_unknown or "-" in fees:
            return events
        if stored.contradicted_by(fill) or _withdrawn_fees(events, fees):
            return events
        named = trade_id in self._by_old_rules or self._tx.value("fees_named", trade_id=trade_id)
        if named:
            return events
        self._done.named_fees.append(stored)
        new = [event for event in events[1:] if event.fee_currency not in fees]
        if not new:
            self._done.attempted += 1
            return [*events, no_fee(stored, taken=bool(fees))]
        return [event.naming_all_fees() if event in new else event for event in events]

    def _counterpart(self, event: Event, fees: dict[str | None, Event]) -> Event | None:
        """The ledger's event that `event` is a report of.

        A fee is matched by its currency first: one that was booked alone keeps its id when the
        venue reports a second one later.
        """
        if event.type == FEE and event.fee_currency in fees:
            return fees[event.fee_currency]
        if self._is_anothers(event):
            return None
        row = self._tx.one("stored_event", event_id=event.event_id)
        return Event._make(row) if row else None

    def _stored_fees(self, trade_id: str) -> dict[str | None, Event]:
        fee_id = f"fee:{trade_id}"
        fees = self._tx.typed(Event, "stored_fees", fee_id=fee_id)
        return {fee.fee_currency: fee for fee in fees if fee.exchange_trade_id == fee_id}

    def _keep_conflict(self, event: Event, contradiction: Contradiction) -> None:
        self._done.conflicting.append(event)
        keep_conflict(self._tx, event, contradiction, self._cycle_id)


def keep_conflict(tx: Tx, event: Event, contradiction: Contradiction, cycle_id: int) -> None:
    """Keep a report that contradicts what the ledger has under its id."""
    tx.run(
        "keep_conflict",
        event_id=event.event_id,
        cycle_id=cycle_id,
        fields_json=json.dumps(contradiction),
        reported_json=json.dumps(event.fields),
        reported_hash=event.hash,
    )


def _withdrawn_fees(events: list[Event], stored: dict[str | None, Event]) -> Contradiction:
    """Booked fees that the venue, which claims to name all there are, names no more."""
    state = json.loads(events[0].meta_json).get("fee", "charged")
    reported = {event.fee_currency for event in events if event.type == FEE}
    if state == "unknown" or (state == "charged" and not reported):
        return {}
    return {
        f"fee:{currency}": (fee.fee, None)
        for currency, fee in stored.items()
        if currency not in reported and fee.fee != "0"
    }
