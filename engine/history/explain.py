"""Explain a number: a position before and after a cycle, and every fold step in between."""

import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice, takewhile

from pydantic import BaseModel, ConfigDict

from engine.cycles.results import PositionView
from engine.errors import NoSuchCycle
from engine.history.results_reader import BEYOND
from engine.ledger.accounting import ZERO, Position, fold, read_money_json
from engine.ledger.events import Event, event_key, in_fold_order
from engine.ledger.positions import position_of, read_position
from engine.money import EXACT, canonical
from engine.store.statements import SQL

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


def explain(connection: sqlite3.Connection, cycle_id: int, symbol: str) -> Explanation:
    """Raises `NoSuchCycle` where the cycle committed nothing.

    Where no event of the cycle is late, `before` is the position stored by then; else, and where
    that does not lead to what is stored after, it is folded from the ledger.
    """
    change = _change(connection, cycle_id, symbol)
    if not change.late:
        explanation = _explain(connection, change, _stored_before(connection, change))
        if explanation.matches:
            return explanation
    return _explain(connection, change, _folded_before(connection, change))


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


def _change(connection: sqlite3.Connection, cycle_id: int, symbol: str) -> _Change:
    commit_seq, first_seq, last_seq = _commit(connection, cycle_id)
    stored, stored_seq = _stored(connection, symbol, commit_seq)
    own, own_ms = _span(connection, symbol, first_seq, last_seq)
    last_seq = last_seq if own else stored_seq
    since, since_ms = _span(connection, symbol, last_seq + 1, BEYOND)
    first, late = None, False
    if own_ms is not None:
        first = _events_at(connection, symbol, own_ms, first_seq, last_seq)[0]
        late = _is_late(connection, first, first_seq)
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


def _commit(connection: sqlite3.Connection, cycle_id: int) -> tuple[int, int, int]:
    """A cycle's commit, and its first and last event: of one without events, no span at all."""
    known = (cycle_id if 0 < cycle_id < BEYOND else 0,)
    rows = connection.execute(SQL["history_commit"], known).fetchall()
    if not rows:
        raise NoSuchCycle(f"cycle {cycle_id} does not exist, or it committed nothing")
    commit_seq, first_seq, last_seq = rows[0]
    return (commit_seq, 1, 0) if first_seq is None else (commit_seq, first_seq, last_seq)


def _stored(connection: sqlite3.Connection, symbol: str, commit_seq: int) -> tuple[Position, int]:
    """A symbol's position as of a commit, and the number of the last event by then."""
    rows = connection.execute(SQL["history_position"], (symbol, commit_seq)).fetchall()
    if not rows:
        return Position(symbol), 0
    qty, cost, realized_pnl, fees_json, last_seq = rows[0]
    money = (Decimal(qty), Decimal(cost), Decimal(realized_pnl))
    return Position(symbol, *money, read_money_json(fees_json)), last_seq


def _span(
    connection: sqlite3.Connection, symbol: str, first_seq: int, last_seq: int
) -> tuple[int, int | None]:
    """How many of some rows are the symbol's, and the earliest time of those."""
    found = connection.execute(SQL["history_span"], (first_seq, last_seq, symbol)).fetchall()
    count, earliest_ms = found[0]
    return count, earliest_ms


def _events_at(
    connection: sqlite3.Connection, symbol: str, ts: int, first_seq: int, last_seq: int
) -> list[Event]:
    """Some rows' events of one millisecond, in fold order."""
    rows = connection.execute(SQL["history_events_at"], (symbol, ts, first_seq, last_seq))
    return sorted(map(Event._make, rows.fetchall()), key=event_key)


def _is_late(connection: sqlite3.Connection, first: Event, first_seq: int) -> bool:
    """Whether an event from before row `first_seq` sorts after `first`."""
    if connection.execute(SQL["history_later"], (first.symbol, first.ts, first_seq)).fetchall():
        return True
    earlier = _events_at(connection, first.symbol, first.ts, 0, first_seq - 1)
    return bool(earlier) and event_key(earlier[-1]) > event_key(first)


def _stored_before(
    connection: sqlite3.Connection, change: _Change
) -> tuple[Position, Iterator[Event]]:
    """The position that a change began with, and the events from there on."""
    position, _ = _stored(connection, change.symbol, change.commit_seq - 1)
    total = read_position(connection, change.symbol).events
    position.events = total - change.since - change.own
    if change.first is None:
        return position, iter(())
    events = _events(connection, change, change.first.ts)
    deque(_earlier(events, change), maxlen=0)  # Of the same millisecond, and in there already.
    return position, events


def _folded_before(
    connection: sqlite3.Connection, change: _Change
) -> tuple[Position, Iterator[Event]]:
    """The same, folded from the last checkpoint that none of these events sorts before."""
    times = [change.first.ts if change.first else None, change.since_ms]
    bound = min((ts for ts in times if ts is not None), default=BEYOND)
    rows = connection.execute(SQL["checkpoint_before"], (change.symbol, bound)).fetchall()
    position = position_of(rows[0]) if rows else Position(change.symbol)
    done = position.last
    events = (
        event for event in _events(connection, change, position.last_ts) if event_key(event) > done
    )
    fold(position, _earlier(events, change))
    return position, events


def _events(connection: sqlite3.Connection, change: _Change, since_ms: int) -> Iterator[Event]:
    """The symbol's events as of the change from a time on, in fold order, streamed."""
    wanted = (change.symbol, since_ms, change.last_seq)
    return in_fold_order(map(Event._make, connection.execute(SQL["history_events"], wanted)))


def _earlier(events: Iterator[Event], change: _Change) -> Iterator[Event]:
    """Those before the change's first one, which is taken out of `events` too."""
    first_id = change.first.event_id if change.first else None
    return takewhile(lambda event: event.event_id != first_id, events)


def _explain(
    connection: sqlite3.Connection, change: _Change, begin: tuple[Position, Iterator[Event]]
) -> Explanation:
    position, events = begin
    folded, before = position.events, PositionView.of(position)
    if change.first is not None:
        events = chain([change.first], events)
    listed = list(islice(events, MOST_STEPS))
    own = _own(connection, listed, change.cycle_id)
    steps = tuple(_step(position, event, event.event_id in own) for event in listed)
    done = position.events
    fold(position, events)
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


def _own(connection: sqlite3.Connection, events: list[Event], cycle_id: int) -> set[str]:
    ids = json.dumps([event.event_id for event in events])
    rows = connection.execute(SQL["appended_by"], (ids, cycle_id)).fetchall()
    return {row[0] for row in rows}


def _step(position: Position, event: Event, new: bool) -> FoldStep:
    """Fold one event; what it did is the difference it made."""
    qty, cost, realized_pnl = position.qty, position.cost, position.realized_pnl
    fold(position, [event])
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
