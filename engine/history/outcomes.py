"""The outcomes of a cycle's events: what TX 1 made of each.

For nearly all fills the ledger alone tells: it holds their events as reported. For the rest its
own dedupe runs once more, on a ledger in memory that holds the events which these fills met.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Literal, NamedTuple

from engine.history.results_reader import BEYOND
from engine.ledger import append
from engine.ledger.contents import Together
from engine.ledger.disputes import Dispute, decide_again, suspected
from engine.ledger.events import FILL, Event, events_of
from engine.ledger.fills import Fill
from engine.ledger.markets import Market, Markets
from engine.ledger.names import within_market
from engine.store.scratch import scratch_ledger
from engine.store.tx import Row, Tx

Became = Literal["inserted", "ignored", "conflicting", "unbooked"]
WAITS = "its market may be another one under another name"


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """The outcome of one event.

    `cycle_id` is the cycle that inserted what the ledger holds for it, also where this one ignored
    it; null where none did. `unbooked`: this cycle committed nothing, or left it out. `detail`
    says which fields contradict the ledger, or why it is unbooked.
    """

    event_id: str
    type: Literal["FILL", "FEE"]
    outcome: Became
    cycle_id: int | None
    detail: str = ""

    @classmethod
    def of(
        cls, event: Event, outcome: Became, cycle_id: int | None, detail: str = ""
    ) -> "EventOutcome":
        kind: Literal["FILL", "FEE"] = "FILL" if event.type == FILL else "FEE"
        return cls(event.event_id, kind, outcome, cycle_id, detail)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes of the events of a cycle's fills, on a snapshot of its ledger."""

    tx: Tx
    cycle_id: int

    def booked(self, fills: Sequence[Fill]) -> Iterator[list[EventOutcome]]:
        """The outcomes of each booked fill, in the order the cycle booked them."""
        reports = self._reports(fills)
        unclear = self._unclear(reports)
        again = [events[0].event_id in unclear for events, _, _ in reports]
        rerun = iter(self.rerun([*compress(fills, again)]) if any(again) else ())
        for (events, holder, first), is_unclear in zip(reports, again, strict=True):
            if is_unclear:
                yield next(rerun)
            else:
                is_new = holder == self.cycle_id and first is events
                outcome: Became = "inserted" if is_new else "ignored"
                yield [EventOutcome.of(event, outcome, holder) for event in events]

    def rerun(self, fills: Sequence[Fill]) -> list[list[EventOutcome]]:
        """The outcomes of any booked fills at all, by booking them once more; slower."""
        appended: dict[int, list[tuple[Event, Became, str]]] = {}
        with scratch_ledger() as scratch:
            decided = self._recall(scratch, fills)
            together = append.contradicting(fills, Markets(scratch))
            if together.clashing:
                together = together._replace(suspected=self._suspected(fills))
            for numbers in _rounds(fills):
                events = _append(
                    scratch, [fills[number] for number in numbers], self.cycle_id, together
                )
                appended |= zip(numbers, events, strict=True)
            holders = _Holders(scratch.rows("retrace_events"))
        contradicted = {
            number
            for number, events in appended.items()
            if any(outcome == "conflicting" for _, outcome, _ in events)
        }
        return [
            [
                EventOutcome.of(event, "unbooked", None, WAITS)
                if outcome == "ignored" and holders.of(event) is None and not refused
                else EventOutcome.of(event, outcome, holders.of(event), detail)
                for event, outcome, detail in appended[number]
                for refused in [event.trade_id in decided or number in contradicted]
            ]
            for number in range(len(fills))
        ]

    def unbooked(self, fills: Sequence[tuple[Fill, str]]) -> list[list[EventOutcome]]:
        """The outcomes of fills that were not booked, each given with the reason."""
        holders = _Holders(self._met([fill for fill, _ in fills], before=BEYOND))
        return [
            [
                EventOutcome.of(event, "unbooked", holders.of(event), reason)
                for event in events_of(fill)
            ]
            for fill, reason in fills
        ]

    def _suspected(self, fills: Sequence[Fill]) -> list[tuple[str, str]]:
        """The names that booking all fills at once suspects to be of one market."""
        with scratch_ledger() as scratch:
            self._recall(scratch, fills)
            append.append(scratch, fills, self.cycle_id)
            return [*suspected(scratch).items()]

    def _reports(self, fills: Iterable[Fill]) -> list["_Report"]:
        events_of_fills = [events_of(fill) for fill in fills]
        event_ids = json.dumps([event.event_id for events in events_of_fills for event in events])
        rows = self.tx.each("history_holders", event_ids=event_ids)
        stored = {(event_id, digest): cycle_id for event_id, digest, cycle_id in rows}
        first: dict[str, list[Event]] = {}
        reports = []
        for events in events_of_fills:
            holders = {stored.get((event.event_id, event.hash)) for event in events}
            holder = holders.pop() if len(holders) == 1 else None
            reports.append(_Report(events, holder, first.setdefault(events[0].event_id, events)))
        return reports

    def _unclear(self, reports: Sequence["_Report"]) -> set[str]:
        """The event ids of fills that the ledger holds otherwise or that were reported in two ways,
        and of all fills of the cycle that these may have met."""
        unclear: set[str] = set()
        twins: dict[str, set[str]] = defaultdict(set)
        markets = Markets(self.tx)
        for events, holder, first in reports:
            twins[_bare(events[0], markets)].add(events[0].event_id)
            if holder is None or holder > self.cycle_id or first != events:
                unclear.update(event.event_id for event in events)
        before = 0
        while len(unclear) > before:
            before = len(unclear)
            for report in reports:
                event_ids = [event.event_id for event in report.events]
                if not unclear.isdisjoint(event_ids):
                    unclear.update(event_ids)
                    unclear |= twins[_bare(report.events[0], markets)]
        return unclear

    def _recall(self, scratch: Tx, fills: Sequence[Fill]) -> set[str]:
        """Put into the ledger in memory what these fills met: events, claims, markets, disputes.

        Returns the ids of trades that a decision was made about.
        """
        for row in self.tx.rows("history_markets"):
            scratch.run_many("retrace_market", [row])
        trade_ids = {fill.trade_id for fill in fills}
        (commit_seq, *_), *_ = self.tx.rows("history_commit", cycle_id=self.cycle_id) or [(0,)]
        disputes = self.tx.rows(
            "history_disputes",
            trade_ids=json.dumps(sorted(trade_ids)),
            before=self.cycle_id,
        )
        for row in disputes:
            scratch.run_many("retrace_dispute", [row])
        decide_again(scratch, self.tx.column("decisions_before", commit_seq=commit_seq))
        decided = scratch.typed(Dispute, "disputes_all")
        booked = {row.booked_as for row in decided if row.booked_as is not None}
        booked.update(self._twins(fills))
        met = self._met(fills, self.cycle_id, booked)
        scratch.run_many("append_detailed_events", met)
        events = (Event._make(row[:-1]) for row in met)
        applied = [event.trade_id for event in events if event.type == FILL]
        scratch.column("claim_fills", fill_ids=json.dumps(applied), cycle_id=0)
        return {row.source_id for row in decided if row.status != "open"}

    def _twins(self, fills: Iterable[Fill]) -> Iterator[str]:
        """The ids of trades of other markets that these may be, under another name."""
        of_markets: dict[str, list[str]] = defaultdict(list)
        markets = Markets(self.tx)
        for fill in fills:
            market = markets.stored(fill.symbol)
            qualifier = market.qualifier if market else fill.symbol
            bare = within_market(fill.trade_id, qualifier)
            if bare is not None:
                of_markets[fill.symbol].append(bare)
        for symbol, ids in of_markets.items():
            others = json.dumps([name for name in markets.commits if name != symbol])
            rows = self.tx.rows("twins_by_name", ids=json.dumps(ids), names=others)
            yield from (Event._make(row[1:]).trade_id for row in rows)

    def _met(self, fills: Iterable[Fill], before: int, booked: Collection[str] = ()) -> list[Row]:
        """Events that earlier cycles inserted where those of `fills` belong, and these cycles;
        `booked` are other ids that decisions booked them under."""
        event_ids = {event.event_id for fill in fills for event in events_of(fill)}
        event_ids.update(f"fill:{trade_id}" for trade_id in booked)
        trade_ids = sorted({fill.trade_id for fill in fills}.union(booked))
        event_ids.update(f"fee:{trade_id}" for trade_id in trade_ids)
        return self.tx.rows(
            "history_met",
            event_ids=json.dumps(sorted(event_ids)),
            trade_ids=json.dumps(trade_ids),
            before=before,
        )


def _bare(fill: Event, markets: Markets) -> str:
    """The id of a trade within its market; its own, where that is unique in the account."""
    market = markets.stored(fill.traded_in)
    qualifier = market.qualifier if market else fill.traded_in
    return within_market(fill.trade_id, qualifier) or fill.trade_id


class _Report(NamedTuple):
    """The events of one reported fill, and of the first report of the same fill.

    `holder` is the cycle that inserted all of them as they are; null where none did.
    """

    events: list[Event]
    holder: int | None
    first: list[Event]


class _Holders:
    """The cycles that inserted the ledger's events, given as rows of events and cycles.

    A fee is identified by its fill and currency first, as the ledger matches it.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        cycles: list[tuple[Event, int]] = [(Event._make(row[:-1]), row[-1]) for row in rows]
        self._by_id = {event.event_id: cycle_id for event, cycle_id in cycles}
        self._by_currency = {_fee_key(event): cycle_id for event, cycle_id in cycles}

    def of(self, event: Event) -> int | None:
        return self._by_currency.get(_fee_key(event), self._by_id.get(event.event_id))


def _fee_key(event: Event) -> tuple[str, str | None]:
    return event.exchange_trade_id or "", event.fee_currency


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
    scratch: Tx, fills: Sequence[Fill], cycle_id: int, together: Together
) -> list[list[tuple[Event, Became, str]]]:
    """Append one round; for each fill, the outcome of each event, and why it is in dispute."""
    appended = append.append(scratch, fills, cycle_id, together=together)
    disputed = {_fee_key(event) for event in appended.conflicting}
    # By what it is of: a fee's id may have been another's, and then it has one of its own.
    inserted: dict[tuple[str, str | None], Event] = {}
    for event in appended.inserted:
        inserted[_fee_key(event)] = event

    def outcome(event: Event) -> tuple[Event, Became, str]:
        if _fee_key(event) in disputed:
            fields = appended.disputed[event.trade_id]
            return event, "conflicting", _contradiction(fields)
        stored = inserted.pop(_fee_key(event), None)
        return (stored, "inserted", "") if stored else (event, "ignored", "")

    outcomes = [[outcome(event) for event in events_of(fill)] for fill in fills]
    for fill, events in zip(fills, outcomes, strict=True):
        # That there are no more fees may have taken an event that no report names.
        no_more_fees = inserted.pop((f"fee:{fill.trade_id}", "-"), None) or inserted.pop(
            (f"fee:{fill.trade_id}", Market.of(fill.symbol).money), None
        )
        if no_more_fees is not None:
            events.append((no_more_fees, "inserted", ""))
    return outcomes


def _contradiction(fields: Mapping[str, tuple[Any, Any]]) -> str:
    """`price: ledger 3142.1, venue 3142`; "none" stands for a value that is missing."""
    texts = {
        name: ["none" if value is None else value for value in values]
        for name, values in fields.items()
    }
    return "; ".join(
        f"{name}: ledger {stored}, venue {reported}" for name, (stored, reported) in texts.items()
    )
