"""A cycle's x-ray: what was asked, what came, and what TX 1 made of each fill of it."""

import gc
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.cycles.results import CycleResult, CycleStatus, PositionView
from engine.history.evidence import LEFT_OUT, EvidenceItem, Told, read_evidence
from engine.history.outcomes import Outcome, retrace, unbooked
from engine.history.results_reader import positions_before, read_result
from engine.ingest.quarantine import Unreadable
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.events import FEE, FILL, Event
from engine.ledger.fills import Fill
from engine.money import canonical
from engine.store.tx import Tx


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class MarketEvidence(_Frozen):
    """What was asked of the venue for one symbol (UTC milliseconds), and what came.

    `error` says why the answer is not complete. `held` means that a quarantined item kept the
    cursor where it was.
    """

    symbol: str
    since_ms: int
    start_ms: int
    latest_ms: int
    pages: int
    items: int
    error: str | None
    cursor_before: int | None
    cursor_after: int | None
    held: bool


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What became of one event.

    `cycle_id` is the cycle that inserted what the ledger holds for it, also where this one ignored
    it; null where none did. `unbooked`: this cycle committed nothing, or left it out. `detail`
    says which fields contradict the ledger, or why it is unbooked.
    """

    event_id: str
    type: Literal["FILL", "FEE"]
    outcome: Literal["inserted", "ignored", "conflicting", "unbooked"]
    cycle_id: int | None
    detail: str = ""


class FillLine(_Frozen):
    """One fill as the venue reported it, with its raw text. Money as canonical text.

    An item that could not be read, or was left out, has a `reason`, no events and no figures.
    `status` says what has become of it by now: null where it is not in quarantine.
    """

    symbol: str
    raw: str
    trade_id: str = ""
    ts_ms: int | None = None
    side: str = ""
    qty: str = ""
    price: str = ""
    fees: dict[str, str] = {}
    events: tuple[EventOutcome, ...] = ()
    reason: str | None = None
    status: Literal["open", "dropped", "replaced", "left out"] | None = None
    quarantine_id: int | None = None


class OrderLine(_Frozen):
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


class Xray(_Frozen):
    """Everything the ledger file knows of one cycle. `evidence` is false where its inputs are
    not kept (any more): `fills` then lists what it inserted, without raw text.

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


def xray(tx: Tx, cycle_id: int, account: str = "") -> Xray:
    """Raises `NoSuchCycle`."""
    result = read_result(tx, cycle_id, account)
    with _no_collecting():
        told = read_evidence(tx, cycle_id, result.replay_of)
        fills = _reported(tx, result, told) if told else _inserted(tx, cycle_id)
        lines = tuple(fills)
    fees, pnl = _money(tx, cycle_id)
    return Xray(
        result=result,
        evidence=bool(told),
        windows=tuple(_window(entry, result) for entry in told),
        fills=lines,
        positions_before=positions_before(tx, cycle_id),
        positions_after=result.positions,
        orders=tuple(_orders(tx, cycle_id)),
        fees=fees,
        pnl=pnl,
        replays=tuple(tx.column("history_replays", cycle_id=cycle_id)),
    )


@contextmanager
def _no_collecting() -> Iterator[None]:
    """What is made of a cycle's fills stays, and has no cycles of references: looking through it
    for garbage again and again was a third of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _window(told: Told, result: CycleResult) -> MarketEvidence:
    reply, request = told.reply, told.reply.request
    change = result.cursors.get(CURSOR_PREFIX + told.symbol)
    return MarketEvidence(
        symbol=told.symbol,
        since_ms=request.since_ms,
        start_ms=request.start_ms,
        latest_ms=reply.latest_ms,
        pages=len(reply.pages),
        items=sum(map(len, reply.pages)),
        error=reply.error,
        cursor_before=change.before if change else None,
        cursor_after=change.after if change else None,
        held=told.symbol in result.held,
    )


def _reported(tx: Tx, result: CycleResult, told: Sequence[Told]) -> Iterator[FillLine]:
    """What the venue reported, in the order it did, with what became of it."""
    reasons = {entry.symbol: _why_unbooked(entry, result) for entry in told}
    fills = [(reasons[entry.symbol], item.fill) for entry in told for item in entry.items]
    booked = [fill for reason, fill in fills if fill and reason is None]
    left = [(fill, reason) for reason, fill in fills if fill and reason is not None]
    done = retrace(tx, booked, result.cycle_id)
    undone = iter(unbooked(tx, left))
    for entry in told:
        outcomes = done if reasons[entry.symbol] is None else undone
        for item in entry.items:
            if item.fill is None:
                yield _unread(tx, entry.symbol, item)
            else:
                yield _line(item.raw, item.fill, next(outcomes))


def _why_unbooked(told: Told, result: CycleResult) -> str | None:
    """Why TX 1 took nothing of a market; null where it did."""
    if not result.committed:
        runs = result.status is CycleStatus.RUNNING
        return "the cycle still runs" if runs else "the cycle committed nothing"
    if told.reply.error is not None:
        return "the answer was not complete"
    if CURSOR_PREFIX + told.symbol not in result.cursors:
        return "the market was left out"
    return None


def _unread(tx: Tx, symbol: str, item: EvidenceItem) -> FillLine:
    """An item that was left out, or could not be read: with what is in quarantine of it."""
    line = FillLine(symbol=symbol, raw=item.raw, reason=item.reason)
    if item.reason == LEFT_OUT:
        return line.model_copy(update={"status": "left out"})
    kept = Unreadable(symbol, item.raw, item.reason or "")
    digests = {"in_market": kept.digest_in_market, "of_any": kept.digest}
    row = tx.one("history_quarantined", **digests, symbol=symbol)
    if row is None:
        return line
    item_id, status = row
    return line.model_copy(update={"quarantine_id": item_id, "status": status})


def _line(raw: str, fill: Fill, outcomes: Iterable[Outcome]) -> FillLine:
    return FillLine(
        symbol=fill.symbol,
        raw=raw,
        trade_id=fill.trade_id,
        ts_ms=fill.ts_ms,
        side=fill.side.value,
        qty=canonical(fill.qty),
        price=canonical(fill.price),
        fees={fee.currency: canonical(fee.cost) for fee in fill.fees},
        events=tuple(map(_event_outcome, outcomes)),
    )


def _event_outcome(found: Outcome) -> EventOutcome:
    return EventOutcome(
        event_id=found.event.event_id,
        type="FILL" if found.event.type == FILL else "FEE",
        outcome=found.outcome,
        cycle_id=found.cycle_id,
        detail=found.detail,
    )


def _inserted(tx: Tx, cycle_id: int) -> Iterator[FillLine]:
    """What a cycle inserted, fill by fill, in the order it did."""
    for _, first_seq, last_seq in tx.rows("history_commit", cycle_id=cycle_id):
        events = tx.typed(Event, "events_between", first_seq=first_seq, last_seq=last_seq)
        for trade_id, group in groupby(events, key=lambda event: event.trade_id):
            yield _inserted_line(tx, trade_id, list(group), cycle_id)


def _inserted_line(tx: Tx, trade_id: str, events: list[Event], cycle_id: int) -> FillLine:
    fill = _fill_of(tx, trade_id, events)
    return FillLine(
        symbol=events[0].symbol,
        raw="",
        trade_id=trade_id,
        ts_ms=events[0].ts,
        side=(fill.side if fill else None) or "",
        qty=(fill.qty if fill else None) or "",
        price=(fill.price if fill else None) or "",
        fees={event.fee_currency or "": event.fee or "" for event in events if event.type == FEE},
        events=tuple(_event_outcome(Outcome(event, "inserted", cycle_id)) for event in events),
    )


def _fill_of(tx: Tx, trade_id: str, events: Sequence[Event]) -> Event | None:
    """The FILL among them; of fees that came later, the one that the ledger had already."""
    if events[0].type == FILL:
        return events[0]
    return next(iter(tx.typed(Event, "stored_event", event_id=f"fill:{trade_id}")), None)


def _orders(tx: Tx, cycle_id: int) -> Iterator[OrderLine]:
    return map(OrderLine.model_validate, tx.named("history_orders", cycle_id=cycle_id))


def _money(tx: Tx, cycle_id: int) -> tuple[dict[str, str], dict[str, dict[str, str | None]]]:
    """Fees by currency and PnL by symbol, as the cycle's metrics have them; none without."""
    fees_json, pnl_json = tx.one("history_money", cycle_id=cycle_id) or ("{}", "{}")
    return json.loads(fees_json), json.loads(pnl_json)
