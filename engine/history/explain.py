"""Explain a number: a position before and after a cycle, and every fold step in between."""

import json
from collections import deque
from collections.abc import Collection, Iterator
from decimal import Decimal
from itertools import chain, islice, takewhile

from engine.cycles.idle import no_longer_kept
from engine.cycles.results import Frozen, PositionView, is_oversold
from engine.errors import NoSuchCycle
from engine.history.results_reader import BEYOND
from engine.ledger.accounting import ZERO, Position
from engine.ledger.balances import StoredBalances
from engine.ledger.books import read_oversold
from engine.ledger.events import Event
from engine.ledger.positions import Positions
from engine.money import EXACT, canonical
from engine.store.tx import Tx

MOST_STEPS = 500


class FoldStep(Frozen):
    """One event of the fold. Money as canonical text, in quote units where not noted otherwise.

    `d` is what the event moves the base by, `v` the quote value it brings. `released` is the cost
    that left the position, `realized` what it added to realized PnL; both null where it only
    opened. `new` tells the cycle's own events from later ones that were folded again after them.
    `reason` is why an adjustment was booked.
    """

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
    reason: str = ""


class Explanation(Frozen):
    """`before` → `steps` → `after`, and whether that is what the database holds (`matches`).

    `folded` events led to `before`. `late` is true where an event of the cycle sorts before one
    that had been applied already. `steps_left_out` counts steps beyond `MOST_STEPS` that are not
    listed (they are folded all the same).
    """

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
    """A cycle's change of a position, event by event. Raises `NoSuchCycle` without a commit.

    Where no event of the cycle is late, `before` is the position stored by then; else, and where
    that does not lead to what is stored after, it is folded from the ledger.
    """
    change = _Change(tx, cycle_id, symbol)
    if not change.late:
        explanation = change.explained(*change.stored_before())
        if explanation.matches:
            return explanation
    return change.explained(*change.folded_before())


class _Change:
    """A cycle's change of a symbol's position, up to the event `_last_seq`.

    `_own` events are the cycle's, `_first` is the first of these in fold order; `_since` events
    were inserted after it, the earliest of them at `_since_ms`.
    """

    def __init__(self, tx: Tx, cycle_id: int, symbol: str) -> None:
        self._tx = tx
        self._cycle_id = cycle_id
        self._name = symbol
        self._commit_before, self._commit_seq, first_seq, last_seq = self._commit()
        self._positions = Positions.of_commit(tx, self._commit_seq, self._last_by_then())
        self._key = self._positions.key(symbol)
        self._belonging = self._positions.belonging(self._key)
        self._stored, stored_seq = self._stored_at(self._commit_seq)
        self._own, own_ms = self._span(first_seq, last_seq)
        self._last_seq = last_seq if self._own else stored_seq
        self._since, self._since_ms = self._span(self._last_seq + 1, BEYOND)
        self._first: Event | None = None
        self.late = False
        if own_ms is not None:
            self._first = self._events_at(own_ms, first_seq, last_seq)[0]
            self.late = self._is_late(self._first, first_seq)

    def stored_before(self) -> tuple[Position, Iterator[Event]]:
        """The position that the change began with, and the events from there on."""
        position, _ = self._stored_at(self._commit_before)
        total = self._positions.read(self._key).events
        position.events = total - self._since - self._own
        if self._first is None:
            return position, iter(())
        events = self._events(self._first.ts)
        deque(self._earlier(events), maxlen=0)  # Of the same millisecond, and in there already.
        return position, events

    def folded_before(self) -> tuple[Position, Iterator[Event]]:
        """The same, folded from the last checkpoint before the change's and all later events."""
        times = [self._first.ts if self._first else None, self._since_ms]
        bound = min((ts for ts in times if ts is not None), default=BEYOND)
        position = self._positions.checkpoint(self._key, bound)
        done = position.last
        market = position.market
        events = (event for event in self._events(position.last_ts) if event.place(market) > done)
        position.fold(self._earlier(events), void=self._positions.void)
        return position, events

    def explained(self, position: Position, events: Iterator[Event]) -> Explanation:
        """Fold the change's events on a position before it."""
        folded, before = position.events, self._view(position, self._commit_before)
        if self._first is not None:
            events = chain([self._first], events)
        listed = list(islice(events, MOST_STEPS))
        event_ids = json.dumps([event.event_id for event in listed])
        new = set(self._tx.column("appended_by", event_ids=event_ids, cycle_id=self._cycle_id))
        steps = tuple(
            _step(position, event, event.event_id in new, self._positions.void) for event in listed
        )
        done = position.events
        position.fold(events, void=self._positions.void)
        position.fees_unknown = self._stored.fees_unknown
        after, stored = (self._view(p, self._commit_seq) for p in (position, self._stored))
        return Explanation(
            cycle_id=self._cycle_id,
            commit_seq=self._commit_seq,
            symbol=self._name,
            folded=folded,
            late=self.late,
            before=before,
            steps=steps,
            steps_left_out=position.events - done,
            after=after,
            stored=stored,
            matches=after == stored,
        )

    def _view(self, position: Position, commit_seq: int) -> PositionView:
        """The position for reading, oversold or not by the balances as of a commit."""
        balances = StoredBalances(self._tx).as_of(commit_seq)
        oversold = read_oversold(self._tx, self._positions.stored(), balances)
        return PositionView.of(position, oversold=is_oversold(position, oversold))

    def _commit(self) -> tuple[int, int, int, int]:
        """The commits before the cycle and after it, and its first and last event: without events,
        no span at all."""
        cycle_id = self._cycle_id
        row = self._tx.one("history_commit", cycle_id=cycle_id) if 0 < cycle_id < BEYOND else None
        if row is not None:
            commit_seq, first_seq, last_seq = row
            span = (1, 0) if first_seq is None else (first_seq, last_seq)
            return commit_seq - 1, commit_seq, *span
        nothing = 0 < cycle_id < BEYOND and self._tx.record("nothing_committed", cycle_id=cycle_id)
        if not nothing:
            idle = no_longer_kept(self._tx, cycle_id)
            raise idle or NoSuchCycle(f"cycle {cycle_id} does not exist, or it committed nothing")
        last: int = nothing["last_commit_seq"]
        return last, last, 1, 0

    def _last_by_then(self) -> int:
        """The number of the ledger's last event as of the commit."""
        return int(self._tx.value("last_seq_of", commit_seq=self._commit_seq))

    def _stored_at(self, commit_seq: int) -> tuple[Position, int]:
        """The position stored as of a commit, and the number of the last event by then."""
        of_key = self._key._asdict()
        row = self._tx.one("history_position", commit_seq=commit_seq, **of_key)
        market = self._positions.markets.of(self._key.symbol)
        if row is None:
            return Position.empty(self._key, market), 0
        return Position.of(row[:-1], market), row[-1]

    def _span(self, first_seq: int, last_seq: int) -> tuple[int, int | None]:
        """The number of the symbol's events among some rows, and the earliest time of those."""
        [(count, earliest_ms)] = self._tx.rows(
            "history_span", first_seq=first_seq, last_seq=last_seq, **self._belonging
        )
        return count, earliest_ms

    def _events_at(self, ts: int, first_seq: int, last_seq: int) -> list[Event]:
        """Events of one millisecond among some rows, in fold order."""
        values = {"ts": ts, "first_seq": first_seq, "last_seq": last_seq, **self._belonging}
        events = self._tx.typed(Event, "history_events_at", **values)
        return sorted(events, key=lambda event: event.place(self._stored.market))

    def _is_late(self, first: Event, first_seq: int) -> bool:
        """Whether an event from before row `first_seq` sorts after `first`."""
        if self._tx.rows("history_later", ts=first.ts, first_seq=first_seq, **self._belonging):
            return True
        earlier = self._events_at(first.ts, 0, first_seq - 1)
        market = self._stored.market
        return bool(earlier) and earlier[-1].place(market) > first.place(market)

    def _events(self, since_ms: int) -> Iterator[Event]:
        """The events as of the change from a time on, in fold order, streamed."""
        return self._positions.events(self._key, since_ms, self._last_seq)

    def _earlier(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events before the change's first one, which is taken out of `events` too."""
        first_id = self._first.event_id if self._first else None
        return takewhile(lambda event: event.event_id != first_id, events)


def _step(position: Position, event: Event, new: bool, void: Collection[str]) -> FoldStep:
    """Fold one event; the step is the difference it makes."""
    qty, cost, realized_pnl = position.qty, position.cost, position.realized_pnl
    position.fold([event], void=void)
    d = EXACT.subtract(position.qty, qty)
    paid = EXACT.subtract(position.cost, cost)
    realized = EXACT.subtract(position.realized_pnl, realized_pnl)
    gained = -realized if position.market.is_inverse else realized
    reduces = _opposed(qty, d)
    stays = ZERO if _opposed(qty, position.qty) else position.cost
    return FoldStep(
        event_id=event.event_id,
        ts_ms=event.ts,
        type=event.type,
        side=event.side,
        new=new,
        d=canonical(d),
        v=canonical(EXACT.subtract(paid, gained).copy_abs()),
        released=canonical(EXACT.subtract(cost, stays)) if reduces else None,
        realized=canonical(realized) if reduces else None,
        fee=event.fee,
        fee_currency=event.fee_currency,
        qty=canonical(position.qty),
        cost=canonical(position.cost),
        realized_pnl=canonical(position.realized_pnl),
        reason=event.reason,
    )


def _opposed(one: Decimal, other: Decimal) -> bool:
    return bool(one and other) and (one > 0) != (other > 0)
