"""Explain a number: a position before and after a cycle, and every fold step in between."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice, takewhile
from operator import attrgetter

from pydantic import BaseModel, ConfigDict

from engine.cycles.results import PositionView
from engine.errors import NoSuchCycle
from engine.history.results_reader import BEYOND
from engine.ledger.accounting import ZERO, Position
from engine.ledger.events import Event, in_fold_order
from engine.ledger.positions import Positions
from engine.money import EXACT, canonical
from engine.store.tx import Tx

MOST_STEPS = 500


class FoldStep(BaseModel):
    """One event of the fold. Money as canonical text, in quote units where not said otherwise.

    `d` is what the event moves the base by, `v` the quote value it brings. `released` is the cost
    that left the position, `realized` what it added to realized PnL; both null where it only
    opened. `new` tells the cycle's own events from later ones that were folded again after them.
    """

    model_config = ConfigDict(frozen=True)

    event_id: str
    ts_ms: int
    type: str
    side: str | None
    new: bool
    d: str
    v: str
    released: str | None
    realized: str | None
    fee: str | None
    fee_currency: str | None
    qty: str
    cost: str
    realized_pnl: str


class Explanation(BaseModel):
    """`before` → `steps` → `after`, and whether that is what the database holds (`matches`).

    `folded` events led to `before`. `late` is true where an event of the cycle sorts before one
    that had been applied already. `steps_left_out` counts steps beyond `MOST_STEPS` that are not
    listed (they are folded all the same).
    """

    model_config = ConfigDict(frozen=True)

    cycle_id: int
    commit_seq: int
    symbol: str
    folded: int
    late: bool
    before: PositionView
    steps: tuple[FoldStep, ...]
    steps_left_out: int
    after: PositionView
    stored: PositionView
    matches: bool


def explain(tx: Tx, cycle_id: int, symbol: str) -> Explanation:
    """Raises `NoSuchCycle` where the cycle committed nothing.

    Where no event of the cycle is late, `before` is the position stored by then; else, and where
    that does not lead to what is stored after, it is folded from the ledger.
    """
    change = _change(tx, cycle_id, symbol)
    if not change.late:
        explanation = _explain(tx, change, _stored_before(tx, change))
        if explanation.matches:
            return explanation
    return _explain(tx, change, _folded_before(tx, change))


@dataclass(frozen=True, slots=True)
class _Change:
    """What a cycle did to a symbol: `first` of its events in fold order, and its last number.

    `own` events are its, `since` were inserted after it; the earliest of those at `since_ms`.
    """

    cycle_id: int
    commit_seq: int
    symbol: str
    first: Event | None
    last_seq: int
    own: int
    since: int
    since_ms: int | None
    late: bool
    stored: Position


def _change(tx: Tx, cycle_id: int, symbol: str) -> _Change:
    commit_seq, first_seq, last_seq = _commit(tx, cycle_id)
    stored, stored_seq = _stored(tx, symbol, commit_seq)
    own, own_ms = _span(tx, symbol, first_seq, last_seq)
    last_seq = last_seq if own else stored_seq
    since, since_ms = _span(tx, symbol, last_seq + 1, BEYOND)
    first, late = None, False
    if own_ms is not None:
        first = _events_at(tx, symbol, own_ms, first_seq, last_seq)[0]
        late = _is_late(tx, first, first_seq)
    return _Change(
        cycle_id=cycle_id,
        commit_seq=commit_seq,
        symbol=symbol,
        first=first,
        last_seq=last_seq,
        own=own,
        since=since,
        since_ms=since_ms,
        late=late,
        stored=stored,
    )


def _commit(tx: Tx, cycle_id: int) -> tuple[int, int, int]:
    """A cycle's commit, and its first and last event: of one without events, no span at all."""
    row = tx.one("history_commit", cycle_id=cycle_id) if 0 < cycle_id < BEYOND else None
    if row is None:
        raise NoSuchCycle(f"cycle {cycle_id} does not exist, or it committed nothing")
    commit_seq, first_seq, last_seq = row
    return (commit_seq, 1, 0) if first_seq is None else (commit_seq, first_seq, last_seq)


def _stored(tx: Tx, symbol: str, commit_seq: int) -> tuple[Position, int]:
    """A symbol's position as of a commit, and the number of the last event by then."""
    row = tx.record("history_position", symbol=symbol, commit_seq=commit_seq)
    return (Position.of(row), row["last_seq"]) if row else (Position(symbol), 0)


def _span(tx: Tx, symbol: str, first_seq: int, last_seq: int) -> tuple[int, int | None]:
    """How many of some rows are the symbol's, and the earliest time of those."""
    [(count, earliest_ms)] = tx.rows(
        "history_span", first_seq=first_seq, last_seq=last_seq, symbol=symbol
    )
    return count, earliest_ms


def _events_at(tx: Tx, symbol: str, ts: int, first_seq: int, last_seq: int) -> list[Event]:
    """Some rows' events of one millisecond, in fold order."""
    span = {"first_seq": first_seq, "last_seq": last_seq}
    events = tx.typed(Event, "history_events_at", symbol=symbol, ts=ts, **span)
    return sorted(events, key=attrgetter("place"))


def _is_late(tx: Tx, first: Event, first_seq: int) -> bool:
    """Whether an event from before row `first_seq` sorts after `first`."""
    if tx.rows("history_later", symbol=first.symbol, ts=first.ts, first_seq=first_seq):
        return True
    earlier = _events_at(tx, first.symbol, first.ts, 0, first_seq - 1)
    return bool(earlier) and earlier[-1].place > first.place


def _stored_before(tx: Tx, change: _Change) -> tuple[Position, Iterator[Event]]:
    """The position that a change began with, and the events from there on."""
    position, _ = _stored(tx, change.symbol, change.commit_seq - 1)
    total = Positions(tx).read(change.symbol).events
    position.events = total - change.since - change.own
    if change.first is None:
        return position, iter(())
    events = _events(tx, change, change.first.ts)
    deque(_earlier(events, change), maxlen=0)  # Of the same millisecond, and in there already.
    return position, events


def _folded_before(tx: Tx, change: _Change) -> tuple[Position, Iterator[Event]]:
    """The same, folded from the last checkpoint that none of these events sorts before."""
    times = [change.first.ts if change.first else None, change.since_ms]
    bound = min((ts for ts in times if ts is not None), default=BEYOND)
    position = Positions(tx).checkpoint(change.symbol, bound)
    done = position.last
    events = (event for event in _events(tx, change, position.last_ts) if event.place > done)
    position.fold(_earlier(events, change))
    return position, events


def _events(tx: Tx, change: _Change, since_ms: int) -> Iterator[Event]:
    """The symbol's events as of the change from a time on, in fold order, streamed."""
    rows = tx.each(
        "history_events", symbol=change.symbol, since_ms=since_ms, last_seq=change.last_seq
    )
    return in_fold_order(map(Event._make, rows))


def _earlier(events: Iterator[Event], change: _Change) -> Iterator[Event]:
    """Those before the change's first one, which is taken out of `events` too."""
    first_id = change.first.event_id if change.first else None
    return takewhile(lambda event: event.event_id != first_id, events)


def _explain(tx: Tx, change: _Change, begin: tuple[Position, Iterator[Event]]) -> Explanation:
    position, events = begin
    folded, before = position.events, PositionView.of(position)
    if change.first is not None:
        events = chain([change.first], events)
    listed = list(islice(events, MOST_STEPS))
    own = _own(tx, listed, change.cycle_id)
    steps = tuple(_step(position, event, event.event_id in own) for event in listed)
    done = position.events
    position.fold(events)
    after, stored = PositionView.of(position), PositionView.of(change.stored)
    return Explanation(
        cycle_id=change.cycle_id,
        commit_seq=change.commit_seq,
        symbol=change.symbol,
        folded=folded,
        late=change.late,
        before=before,
        steps=steps,
        steps_left_out=position.events - done,
        after=after,
        stored=stored,
        matches=after == stored,
    )


def _own(tx: Tx, events: list[Event], cycle_id: int) -> set[str]:
    ids = json.dumps([event.event_id for event in events])
    return set(tx.column("appended_by", event_ids=ids, cycle_id=cycle_id))


def _step(position: Position, event: Event, new: bool) -> FoldStep:
    """Fold one event; what it did is the difference it made."""
    qty, cost, realized_pnl = position.qty, position.cost, position.realized_pnl
    position.fold([event])
    d = EXACT.subtract(position.qty, qty)
    paid = EXACT.subtract(position.cost, cost)
    realized = EXACT.subtract(position.realized_pnl, realized_pnl)
    reduces = _opposed(qty, d)
    stays = ZERO if _opposed(qty, position.qty) else position.cost
    return FoldStep(
        event_id=event.event_id,
        ts_ms=event.ts,
        type=event.type,
        side=event.side,
        new=new,
        d=canonical(d),
        v=canonical(EXACT.subtract(paid, realized).copy_abs()),
        released=canonical(EXACT.subtract(cost, stays)) if reduces else None,
        realized=canonical(realized) if reduces else None,
        fee=event.fee,
        fee_currency=event.fee_currency,
        qty=canonical(position.qty),
        cost=canonical(position.cost),
        realized_pnl=canonical(position.realized_pnl),
    )


def _opposed(one: Decimal, other: Decimal) -> bool:
    return bool(one and other) and (one > 0) != (other > 0)
