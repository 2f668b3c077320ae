"""A cycle's x-ray: its requests, the venue's responses, and what TX 1 made of each fill."""

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Literal

from pydantic import Field

from engine.cycles.results import CycleResult, CycleStatus, Frozen, PositionView
from engine.history.evidence import LEFT_OUT, EvidenceItem, MarketEvidence, read_evidence
from engine.history.outcomes import EventOutcome, Outcomes
from engine.history.results_reader import ResultsReader
from engine.ingest.quarantine import Undecided
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.event_types import OF_TRADES
from engine.ledger.events import FEE, FILL, Event
from engine.ledger.fills import Fill
from engine.ledger.reporting import AccountLine, account_lines
from engine.money import canonical
from engine.store.tx import Tx


class FillLine(Frozen):
    """One fill as the venue reported it, with its raw text. Money as canonical text.

    An item that could not be read, or was left out, has a `reason`, no events and no figures.
    `status` says what has become of it by now: null where it is not in quarantine. `position` is
    the name of the position that the fill is of.
    """

    symbol: str
    raw: str
    position: str = ""
    trade_id: str = ""
    ts_ms: int | None = None
    side: str = ""
    qty: str = ""
    price: str = ""
    fees: dict[str, str] = Field(default_factory=dict)
    events: tuple[EventOutcome, ...] = ()
    reason: str | None = None
    status: Literal["open", "dropped", "replaced", "booked", "left out"] | None = None
    quarantine_id: int | None = None

    @classmethod
    def of(cls, fill: Fill, raw: str, events: Sequence[EventOutcome]) -> "FillLine":
        side = fill.details.position_side if fill.details else None
        return cls(
            symbol=fill.symbol,
            raw=raw,
            position=" ".join(filter(None, (fill.symbol, side))),
            trade_id=fill.trade_id,
            ts_ms=fill.ts_ms,
            side=fill.side.value,
            qty=canonical(fill.qty),
            price=canonical(fill.price),
            fees={fee.currency: canonical(fee.cost) for fee in fill.fees},
            events=tuple(events),
        )


class OrderLine(Frozen):
    """An order this cycle decided, or canceled (`canceled`). Money as canonical text."""

    client_order_id: str
    symbol: str
    side: str
    qty: str
    price: str
    decision_price: str | None
    status: str
    reason: str | None
    submit_outcome: str | None
    exchange_order_id: str | None
    canceled: bool


class Xray(Frozen):
    """Everything the ledger file has of one cycle. `evidence` is false where its inputs are not
    stored (any more): `fills` then lists what it inserted, without raw text. `account` are the
    account events that it booked.

    Both positions are at the cycle's own marks. `replays` are the cycles that replayed it.
    """

    result: CycleResult
    evidence: bool
    windows: tuple[MarketEvidence, ...]
    fills: tuple[FillLine, ...]
    positions_before: dict[str, PositionView]
    positions_after: dict[str, PositionView]
    orders: tuple[OrderLine, ...]
    fees: dict[str, str]
    pnl: dict[str, dict[str, str | None]]
    replays: tuple[int, ...]
    account: tuple[AccountLine, ...] = ()


def xray(tx: Tx, cycle_id: int, account: str = "") -> Xray:
    """The x-ray of a cycle. Raises `NoSuchCycle`."""
    results = ResultsReader(tx, account)
    result = results.result(cycle_id)
    lines = _FillLines(tx, result)
    with _gc_paused():
        evidence = read_evidence(tx, result)
        fills = tuple(lines.reported(evidence) if evidence else lines.inserted())
    fees_json, pnl_json = tx.one("history_money", cycle_id=cycle_id) or ("{}", "{}")
    orders = tx.named("history_orders", cycle_id=cycle_id)
    return Xray(
        result=result,
        evidence=bool(evidence),
        windows=tuple(evidence),
        fills=fills,
        positions_before=results.positions_before(cycle_id),
        positions_after=result.positions,
        orders=tuple(map(OrderLine.model_validate, orders)),
        fees=json.loads(fees_json),
        pnl=json.loads(pnl_json),
        replays=tuple(tx.column("history_replays", cycle_id=cycle_id)),
        account=lines.account(),
    )


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Fill lines stay, and have no cycles of references: looking through them for garbage again
    and again was a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _FillLines:
    """The lines of a cycle's fills, each with its events' outcomes."""

    tx: Tx
    result: CycleResult

    def reported(
        self, evidence: Mapping[MarketEvidence, Sequence[EvidenceItem]]
    ) -> Iterator[FillLine]:
        """A line for each item the venue reported, in the order it did."""
        reasons = {market.symbol: self._why_unbooked(market) for market in evidence}
        items = list(chain(*evidence.values()))
        fills = [(item.fill, reasons[item.symbol]) for item in items if item.fill]
        outcomes = Outcomes(self.tx, self.result.cycle_id)
        booked = outcomes.booked([fill for fill, reason in fills if reason is None])
        left = [(fill, reason) for fill, reason in fills if reason is not None]
        unbooked = iter(outcomes.unbooked(left))
        for item in items:
            if item.fill is None:
                yield self._unread(item)
            else:
                events = next(booked if reasons[item.symbol] is None else unbooked)
                yield FillLine.of(item.fill, item.raw, events)

    def _why_unbooked(self, market: MarketEvidence) -> str | None:
        """Why TX 1 booked nothing of a market; null where it did."""
        if not self.result.committed:
            runs = self.result.status is CycleStatus.RUNNING
            return "the cycle still runs" if runs else "the cycle committed nothing"
        if market.error is not None:
            return "the answer was not complete"
        if CURSOR_PREFIX + market.symbol not in self.result.cursors:
            return "the market was left out"
        return None

    def _unread(self, item: EvidenceItem) -> FillLine:
        """The line of an item without a fill, with its row of the quarantine, if it is there."""
        line = FillLine(symbol=item.symbol, raw=item.raw, reason=item.reason)
        if item.reason == LEFT_OUT:
            return line.model_copy(update={"status": "left out"})
        undecided = Undecided(item.symbol, item.raw, item.reason or "")
        digests = {"in_market": undecided.digest_in_market, "of_any": undecided.digest}
        row = self.tx.one("history_quarantined", **digests, symbol=item.symbol)
        if row is None:
            return line
        item_id, status = row
        return line.model_copy(update={"quarantine_id": item_id, "status": status})

    def inserted(self) -> Iterator[FillLine]:
        """A line for each fill of which the cycle inserted events, in the order it did."""
        of_trades = (event for event in self._events("events_between") if event.type in OF_TRADES)
        for trade_id, group in groupby(of_trades, key=lambda event: event.trade_id):
            yield self._inserted(trade_id, list(group))

    def account(self) -> tuple[AccountLine, ...]:
        """The account events that the cycle inserted."""
        return account_lines(self._events("account_events_between"))

    def _events(self, statement: str) -> Iterator[Event]:
        for _, first, last in self.tx.rows("history_commit", cycle_id=self.result.cycle_id):
            yield from self.tx.typed(Event, statement, first_seq=first, last_seq=last)

    def _inserted(self, trade_id: str, events: Sequence[Event]) -> FillLine:
        fill = self._fill_of(trade_id, events)
        cycle_id = self.result.cycle_id
        return FillLine(
            symbol=events[0].symbol or "",
            raw="",
            position=" ".join(filter(None, (events[0].symbol, events[0].position_side))),
            trade_id=trade_id,
            ts_ms=events[0].ts,
            side=(fill.side if fill else None) or "",
            qty=(fill.qty if fill else None) or "",
            price=(fill.price if fill else None) or "",
            fees={
                event.fee_currency or "": event.fee or "" for event in events if event.type == FEE
            },
            events=tuple(EventOutcome.of(event, "inserted", cycle_id) for event in events),
        )

    def _fill_of(self, trade_id: str, events: Sequence[Event]) -> Event | None:
        """The FILL among the events; of fees that came later, the one the ledger had already."""
        if events[0].type == FILL:
            return events[0]
        return next(iter(self.tx.typed(Event, "stored_event", event_id=f"fill:{trade_id}")), None)
