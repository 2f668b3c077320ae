"""Append to the ledger, each event once. The database decides what is new, never the memory.

Runs inside TX 1.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.errors import StoreError
from engine.ledger import disputes
from engine.ledger.contents import (
    Content,
    Contradiction,
    Together,
    is_another_fill,
    is_relabelled,
)
from engine.ledger.disputes import Dispute, DisputeKind
from engine.ledger.event_types import OF_TRADES
from engine.ledger.events import BASIC, DECISION, FEE, FILL, Event, events_of, no_fee
from engine.ledger.facts import LedgerFacts
from engine.ledger.fills import Fill
from engine.ledger.markets import Markets
from engine.ledger.names import MarketNames
from engine.store.tx import Tx


@dataclass(slots=True)
class Appended:
    """The outcome of appending a cycle's fills: attempted = inserted + ignored + conflicting.

    `conflicting` are the events that contradict the ledger, or another report of the cycle;
    `disputed` are the fields in which each such trade does. `unsettled` are the symbols whose
    claims and events disagreed (rows were removed by hand): their positions have to be folded anew
    from the ledger. `named_fees` are fills of earlier cycles whose fees were unknown, and are all
    named now. `waiting` are markets that may be others under another name: nothing new is booked.
    `refused` are the ids and times of contents that a decision refused. `account` are the account
    events among those `inserted`; `others`, whether any of these is of another type than FILL and
    FEE. `unclaimed` fills were claimed, and given free again.
    """

    attempted: int = 0
    ignored: int = 0
    inserted: list[Event] = field(default_factory=list)
    conflicting: list[Event] = field(default_factory=list)
    disputed: dict[str, Contradiction] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    named_fees: list[Event] = field(default_factory=list)
    waiting: frozenset[str] = frozenset()
    refused: set[tuple[str, int]] = field(default_factory=set)
    account: list[Event] = field(default_factory=list)
    others: bool = False
    unclaimed: int = 0

    @property
    def disputed_fills(self) -> set[str]:
        """The trades whose fill itself is in dispute, not a fee alone."""
        return {event.trade_id for event in self.conflicting if event.type == FILL}

    @property
    def counts(self) -> dict[str, int]:
        return {
            "attempted": self.attempted,
            "inserted": len(self.inserted),
            "ignored": self.ignored,
            "conflicting": len(self.conflicting),
            "fills_count": [event.type for event in self.inserted].count(FILL),
        }


def append(
    tx: Tx,
    fills: Sequence[Fill],
    cycle_id: int,
    markets: Markets | None = None,
    together: Together | None = None,
    facts: LedgerFacts | None = None,
    event_cache: dict[Fill, list[Event]] | None = None,
) -> Appended:
    """Append the FILL and FEE events of `fills`; an event that is there already stays as it is.

    `together` is what the cycle's reports contradict each other about, where `fills` are not all
    of them. `event_cache` has the events of fills that were repeats; it gains those of this call.
    """
    pinned = markets or Markets(tx), facts or LedgerFacts.read(tx)
    cache = {} if event_cache is None else event_cache
    return _Append(tx, cycle_id, *pinned, together).append(fills, cache)


def append_events(tx: Tx, events: Sequence[Event], cycle_id: int) -> Appended:
    """Append events that are new for sure, as a decision makes them.

    Raises `StoreError` where one is not.
    """
    return _Append(tx, cycle_id, Markets(tx), LedgerFacts.read(tx), Together()).append_new(events)


def contradicting(fills: Sequence[Fill], markets: Markets) -> Together:
    """The contradictions among the reports of one cycle."""
    ids = [fill.trade_id for fill in fills if fill.market is not None]
    if len({*ids}) == len(ids):
        return Together()
    times = Counter(ids)
    several = [fill for fill in fills if times[fill.trade_id] > 1]
    return Together.among(map(events_of, several), markets.root)


class _Append:
    """One cycle's fills on their way into the ledger."""

    def __init__(
        self,
        tx: Tx,
        cycle_id: int,
        markets: Markets,
        facts: LedgerFacts,
        together: Together | None,
    ) -> None:
        self._tx = tx
        self._cycle_id = cycle_id
        self._markets = markets
        self._facts = facts
        self._names = MarketNames(tx, markets, has_conflicts=facts.conflicts)
        self._together = together
        self._done = Appended()
        self._by_old_rules: set[str] = set()
        self._again: list[list[Event]] = []

    def append(self, fills: Sequence[Fill], cache: dict[Fill, list[Event]]) -> Appended:
        if self._together is None:
            self._together = contradicting(fills, self._markets)
        relabelled = self._together.relabelled
        for symbols in (*relabelled.values(), *self._together.suspected):
            self._names.suspect(symbols)
        self._by_old_rules = {fill.trade_id for fill in fills if fill.market is None}
        claimed = self._claim(fills)
        fresh: dict[str, list[Event]] = {}
        earlier: list[list[Event]] = []
        for fill in fills:
            events = (cache.get(fill) if cache else None) or events_of(fill)
            self._done.attempted += len(events)
            if fill.trade_id not in claimed:
                earlier.append(events)
                cache[fill] = events
            elif fill.trade_id in fresh or (relabelled and self._is_relabelled(fill)):
                self._again.append(events)
            else:
                fresh[fill.trade_id] = events
        if earlier:
            self._compare(earlier)
        if fresh:
            self._book(fresh)
        if self._again:
            self._compare(self._again)
        self._done.waiting = self._names.waiting
        return self._done

    def append_new(self, events: Sequence[Event]) -> Appended:
        fills = [event.trade_id for event in events if event.type == FILL]
        values = {"fill_ids": json.dumps(fills), "cycle_id": self._cycle_id}
        claimed = self._tx.column("claim_fills", **values)
        taken = self._insert([*events])
        if taken or len(claimed) != len(fills):
            raise StoreError(
                f"events of a decision are in the ledger already: {events[0].event_id}"
            )
        self._done.attempted = len(events)
        self._done.account = [event for event in events if event.type not in OF_TRADES]
        self._done.others = any(event.type not in (FILL, FEE) for event in events)
        return self._done

    def _claim(self, fills: Iterable[Fill]) -> set[str]:
        """The fills that this cycle is the first to apply: of a usual window, few."""
        ids = [fill.trade_id for fill in fills]
        if undecided := self._undecided(ids):
            ids = [trade_id for trade_id in ids if trade_id not in undecided]
        values = {"fill_ids": json.dumps(ids), "cycle_id": self._cycle_id}
        return set(self._tx.column("claim_fills", **values))

    def _undecided(self, ids: list[str]) -> set[str]:
        """Ids under which several contents were reported, now or earlier: none is booked as it
        comes."""
        clashing = set(self._together.clashing) if self._together else set()
        if self._facts.conflicts and self._tx.value("clash_exists"):
            clashing.update(self._tx.column("clashing_ids", trade_ids=json.dumps(ids)))
        return clashing

    def _is_relabelled(self, fill: Fill) -> bool:
        """Whether it was reported under the name that its market was first known by, too."""
        symbols = self._together.relabelled.get(fill.trade_id) if self._together else None
        return symbols is not None and fill.symbol != self._names.first(symbols)

    def _book(self, fresh: dict[str, list[Event]]) -> None:
        """Book what is new, but for twins of what is known, and for markets that wait."""
        again, self._again = self._again, []
        met: set[str] = set()
        old = self._by_old_rules
        # An id without a colon is qualified by no market.
        judged = {key: fresh[key] for key in fresh if ":" in key and key not in old}
        for trade_id, twin in self._names.twins(judged):
            self._unclaim([trade_id])
            met.add(trade_id)
            same = [events for events in again if events[0].trade_id == trade_id]
            for events in (fresh.pop(trade_id), *same):
                self._meet_twin(events, twin)
        waiting = self._names.waiting
        held = [
            trade_id
            for trade_id, events in (fresh.items() if waiting else ())
            if events[0].symbol in waiting and trade_id not in self._by_old_rules
        ]
        for trade_id in held:
            self._done.attempted -= len(fresh.pop(trade_id))
        self._unclaim(held)
        for events in again:
            if events[0].trade_id in held:
                self._done.attempted -= len(events)
            elif events[0].trade_id not in met:
                self._again.append(events)
        for orphan in self._insert([event for events in fresh.values() for event in events]):
            self._meet(orphan)

    def _unclaim(self, trade_ids: Sequence[str]) -> None:
        self._done.unclaimed += len(trade_ids)
        if trade_ids:
            self._tx.run("unclaim", fill_ids=json.dumps(trade_ids), cycle_id=self._cycle_id)

    def _insert(self, events: list[Event]) -> list[Event]:
        """Insert events; returns those whose ids were in the ledger already."""
        own = (self._cycle_id,)
        plain, detailed = events, [event for event in events if event.version != 1]
        if detailed:
            plain = [event for event in events if event.version == 1]
            events = plain + detailed  # As the ledger numbers them.
        inserted = self._tx.run_many("append_events", [event[:BASIC] + own for event in plain])
        if detailed:
            inserted += self._tx.run_many(
                "append_detailed_events", [event + own for event in detailed]
            )
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

    def _meet(self, orphan: Event) -> None:
        """An event that is there already, though its claim was not."""
        stored = Event._make(self._tx.rows("stored_event", event_id=orphan.event_id)[0])
        fields = stored.contradicted_by(orphan)
        if fields:
            self._done.conflicting.append(orphan)
            self._done.disputed[orphan.trade_id] = fields
            kind = DisputeKind.CORRECTION
            disputes.keep(self._tx, [orphan], kind, fields, self._cycle_id)
        else:
            self._done.ignored += 1

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
        """Decide about a report that is no plain repeat of what the ledger has under its id."""
        trade_id, report = events[0].trade_id, Content.of(events)
        stored, rows = self._stored(trade_id), disputes.of_trade(self._tx, trade_id)
        clashing = self._together.clashing.get(trade_id, ()) if self._together else ()
        if stored is None and not rows and not clashing:
            self._recover(events)
            return
        booked = [self._stored(row.booked_as) for row in rows if row.booked_as]
        standing = [content for content in (stored, *booked) if content is not None]
        for content in standing:
            if self._is_repeat(content, report):
                self._repeat(content, events)
                return
        whole = [(row, Content.of(row.events)) for row in rows if row.is_whole]
        for row, content in whole:
            if not content.contradicted_by(report, self._markets.root):
                if row.status == "open":
                    self._count(report, dict(row.fields), stored)
                else:
                    self._refuse(events)
                return
        replaced = any(row.status == "replaced" for row in rows)
        others = [*(standing[1:] if replaced else standing), *standing, *clashing]
        others += [content for _, content in whole]
        fields = self._contradiction(report, others)
        if self._is_refused(report, fields, rows, stored):
            self._refuse(events)
        else:
            self._dispute(events, fields, stored, alone=not clashing)

    def _is_repeat(self, content: Content, report: Content) -> bool:
        """Whether a report agrees with what stands, or knows less than another one of the cycle."""
        root = self._markets.root
        if not content.contradicted_by(report, root):
            return True
        several = self._together.several if self._together else ()
        return report.fill.trade_id in several and not report.contradicted_by(content, root)

    def _contradiction(self, report: Content, others: Iterable[Content]) -> Contradiction:
        """In what a report contradicts the first of other contents that it does."""
        root = self._markets.root
        each = (
            other.contradicted_by(report, root) or report.contradicted_by(other, root)
            for other in others
        )
        return next((fields for fields in each if fields), {})

    @staticmethod
    def _is_refused(
        report: Content,
        fields: Contradiction,
        rows: Iterable[Dispute],
        stands: Content | None,
    ) -> bool:
        """Whether a decision refused the events in dispute, which 0.1.0 kept one by one."""
        refused = {
            event.hash
            for row in rows
            if row.status == "refused" and not row.is_whole
            for event in row.events
        }
        return bool(refused) and refused.issuperset(
            event.hash for event in report.disputed(fields, stands)
        )

    def _dispute(
        self, events: list[Event], fields: Contradiction, stands: Content | None, *, alone: bool
    ) -> None:
        """A content that is new under its id; `alone` without another one in its cycle."""
        by_old_rules = events[0].trade_id in self._by_old_rules
        if is_relabelled(fields) and not by_old_rules:
            self._relabelled(events, fields, stands)
            return
        another = stands is None or not alone or is_another_fill(fields)
        kind = DisputeKind.CLASH if another and not by_old_rules else DisputeKind.CORRECTION
        self._count(Content.of(events), fields, stands)
        disputes.keep(self._tx, events, kind, fields, self._cycle_id)

    def _refuse(self, events: list[Event]) -> None:
        """A decision refused this content: it is a repeat."""
        self._done.ignored += len(events)
        self._done.refused.add((events[0].trade_id, events[0].ts))

    def _count(self, report: Content, fields: Contradiction, stands: Content | None) -> None:
        """Count the events of a report that is in dispute."""
        odd = [*report.disputed(fields, stands)]
        self._done.conflicting += odd
        self._done.ignored += len(report.events) - len(odd)
        self._done.disputed[report.fill.trade_id] = fields

    def _relabelled(
        self, events: list[Event], fields: Contradiction, stands: Content | None
    ) -> None:
        """A fill of the ledger under another name of its market, unless that is no other name."""
        pair = {str(name) for name in fields["symbol"]}
        if number := self._names.distinct(pair):
            trade_id = f"{DECISION}{number}:{events[0].trade_id}"
            self._book_as(trade_id, events)
            return
        old = self._names.first(pair)
        (new,) = pair - {old}
        self._names.suspect(pair)
        fields |= {"symbol": (old, new)}
        self._count(Content.of(events), fields, stands)
        if self._names.is_named_first(new):
            disputes.keep(self._tx, events, DisputeKind.RELABELLED, fields, self._cycle_id)

    def _book_as(self, trade_id: str, events: list[Event]) -> None:
        """Book a report under another id, or as a repeat of what was booked under that."""
        stored = self._stored(trade_id)
        events = [event.of_trade(trade_id) for event in events]
        if stored is not None:
            self._repeat(stored, events)
            return
        claim = {"fill_ids": json.dumps([trade_id]), "cycle_id": self._cycle_id}
        self._tx.column("claim_fills", **claim)
        self._insert(events)

    def _meet_twin(self, events: list[Event], twin: Event) -> None:
        """A new fill whose twin another market has: one fill, if the market is that one."""
        fields = Content.of([twin]).contradicted_by(Content.of(events), self._markets.root)
        if "symbol" in fields:
            self._relabelled(events, fields, None)
        else:
            self._again.append([event.of_trade(twin.trade_id) for event in events])

    def _recover(self, events: list[Event]) -> None:
        """A fill that was claimed, whose events were removed by hand."""
        orphans = self._insert(events)
        self._done.unsettled.add(events[0].traded_in)
        for orphan in orphans:
            self._meet(orphan)

    def _repeat(self, stored: Content, events: list[Event]) -> None:
        """A report of a fill that stands: fees that it names first are booked."""
        fill = stored.fill
        if events[0].trade_id != fill.trade_id:
            events = [event.of_trade(fill.trade_id) for event in events]
        events = [events[0], *(fee.belonging_to(fill) for fee in events[1:])]
        events = self._naming_fees(stored, events)
        new = [event for event in events[1:] if event.fee_currency not in stored.fees]
        self._done.ignored += len(events) - len(new)
        taken = {fee.event_id for fee in stored.fees.values()}
        named = (
            fee.renamed(f"fee:{fill.trade_id}:{fee.fee_currency}") if fee.event_id in taken else fee
            for fee in new
        )
        for orphan in self._insert([*named]) if new else ():
            self._meet(orphan)

    def _naming_fees(self, stored: Content, events: list[Event]) -> list[Event]:
        """The events of a report; where it is the first to name all fees of a fill, each new fee
        says so. Without a new one, a fee of nothing does."""
        fill, fees = stored.fill, stored.fees
        if events[0].fees_unknown or not fill.fees_unknown or "-" in fees:
            return events
        trade_id = fill.trade_id
        named = trade_id in self._by_old_rules or self._tx.value("fees_named", trade_id=trade_id)
        if named:
            return events
        self._done.named_fees.append(fill)
        new = [event for event in events[1:] if event.fee_currency not in fees]
        if not new:
            self._done.attempted += 1
            return [*events, no_fee(fill, taken=bool(fees))]
        return [event.naming_all_fees() if event in new else event for event in events]

    def _stored(self, trade_id: str) -> Content | None:
        """The content of a trade in the ledger; null where it has no fill of it."""
        row = self._tx.one("stored_event", event_id=f"fill:{trade_id}")
        if row is None:
            return None
        fee_id = f"fee:{trade_id}"
        fees = self._tx.typed(Event, "stored_fees", fee_id=fee_id)
        own = {fee.fee_currency: fee for fee in fees if fee.exchange_trade_id == fee_id}
        return Content(Event._make(row), own)
