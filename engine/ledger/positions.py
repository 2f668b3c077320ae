"""The stored positions, which stay equal to the fold of the ledger.

Runs inside TX 1. New events at the end are folded on; an event that sorts before one already
applied takes its position back to its last checkpoint before that event, and on from there.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import dropwhile, groupby, islice, takewhile
from operator import attrgetter, itemgetter

from engine.ledger.accounting import NET, NOTHING_BOOKED, Booked, Position, PositionKey
from engine.ledger.events import Event, SortKey, in_fold_order, trade_of
from engine.ledger.markets import Markets, decided_after
from engine.store.tx import Row, Tx

CHECKPOINT_EVENTS = 256
LAST = 2**63 - 1

_PLACE = attrgetter("symbol", "wallet", "position_side", "margin_mode")


class Positions:
    """The positions of a ledger, each by its market's rules."""

    def __init__(self, tx: Tx, markets: Markets | None = None) -> None:
        self._tx = tx
        self._any_booked: bool | None = None
        self.markets = markets or Markets(tx)
        self._void: frozenset[str] | None = None
        self._checkpoints = True

    @classmethod
    def of_commit(cls, tx: Tx, commit_seq: int, last_seq: int) -> "Positions":
        """The positions by the rules and decisions as of a commit, whose last event is given."""
        positions = cls(tx)
        later = decided_after(tx, commit_seq)
        if later:
            for decided in later:
                positions.markets.undo(decided)
            positions._void = positions.void_by(last_seq)
            positions._checkpoints = False
        return positions

    def read(self, key: PositionKey) -> Position:
        row = self._tx.one("position_read", **key._asdict())
        return self._of(row) if row else Position.empty(key, self.markets.of(key.symbol))

    def stored(self) -> list[Position]:
        return [self._of(row) for row in self._tx.rows("positions_all")]

    def all(self) -> dict[str, Position]:
        """By name."""
        return named(self.stored())

    def as_of(self, commit_seq: int, statement: str = "positions_as_of") -> dict[str, Position]:
        """The positions as they were after a commit, without their places in the fold."""
        markets = self.markets
        if later := decided_after(self._tx, commit_seq):
            markets = Markets(self._tx)
            for decided in later:
                markets.undo(decided)
        rows = self._tx.rows(statement, commit_seq=commit_seq)
        return named(
            sorted(
                (Position.of(r, markets.of(r[0])) for r in rows if markets.root(r[0]) == r[0]),
                key=attrgetter("key"),
            )
        )

    def key(self, name: str) -> PositionKey:
        """The key of a position's name; of a symbol without one, what its first will have."""
        position = self.all().get(name)
        return position.key if position else Position(name, market=self.markets.of(name)).key

    def events(self, key: PositionKey, since_ms: int = 0, last_seq: int = LAST) -> Iterator[Event]:
        """A position's events from a time on, among the ledger's first, in fold order, streamed."""
        return map(Event._make, self.event_rows(key, since_ms, last_seq))

    def event_rows(
        self, key: PositionKey, since_ms: int = 0, last_seq: int = LAST
    ) -> Iterator[Row]:
        """The rows of `events`, for who reads many."""
        span = self.belonging(key) | {"since_ms": since_ms, "last_seq": last_seq}
        market = self.markets.of(key.symbol)
        each = [self._tx.each("events_from", **span | {"symbol": name}) for name in market.names]
        by_time = merge(*each, key=itemgetter(1)) if len(each) > 1 else each[0]
        return in_fold_order(by_time, market)

    def belonging(self, key: PositionKey) -> dict[str, str]:
        """What a statement needs to select the events of a position."""
        market = self.markets.of(key.symbol)
        more = {"usual_mode": market.margin_mode, "symbols": json.dumps(market.names)}
        return key._asdict() | more

    @property
    def void(self) -> frozenset[str]:
        """The ids of the trades that are void."""
        if self._void is None:
            self._void = self.void_by()
        return self._void

    def void_by(self, last_seq: int = LAST) -> frozenset[str]:
        """The ids of the trades that are void by the ledger's first events."""
        return frozenset(self._tx.column("void_trades", last_seq=last_seq))

    def knows_fills_alone(self) -> None:
        """The ledger has fills and fees alone: none is void, nor is stated what one moved."""
        self._void, self._any_booked = frozenset(), False

    def decided(self) -> None:
        """Trades may have become void, or valid again."""
        self._void = None

    def checkpoint(self, key: PositionKey, before_ms: int) -> Position:
        """The last checkpoint before a time; where there is none, the position of no events."""
        at_most = before_ms if self._checkpoints else -1
        row = self._tx.one("checkpoint_before", **key._asdict(), before_ms=at_most)
        return self._of(row) if row else Position.empty(key, self.markets.of(key.symbol))

    def keys_of_events(self, last_seq: int = LAST) -> set[PositionKey]:
        """The positions that the ledger's first events name."""
        rows = self._tx.rows("position_keys", last_seq=last_seq)
        return {
            PositionKey(market.symbol, wallet, side, mode or market.margin_mode)
            for symbol, wallet, side, mode in rows
            for market in [self.markets.of(symbol)]
        }

    def grouped(self, events: Iterable[Event]) -> Mapping[PositionKey, list[Event]]:
        """Events by the positions that they belong to; of any other position, none. An event that
        names no market belongs to none."""
        groups: dict[PositionKey, list[Event]] = defaultdict(list)
        keys: dict[tuple[str | None, ...], PositionKey] = {}
        for place, run in groupby(events, _PLACE):
            together = list(run)
            symbol = together[0].symbol
            if symbol is None:
                continue
            key = keys.get(place)
            if key is None:
                key = keys[place] = PositionKey.of(together[0], self.markets.of(symbol))
            groups[key] += together
        return groups

    def apply(
        self, position: Position, events: Iterable[Event], *, since_ms: int | None = None
    ) -> Position:
        """Apply newly inserted events to a stored position; `since_ms` is from when on it is folded
        anew, whatever the events are."""
        market = position.market
        events = list(in_fold_order(sorted(events, key=attrgetter("ts")), market))
        if since_ms is not None:
            return self._refold(position, min([since_ms, *(event.ts for event in events[:1])]))
        if events[0].place(market) <= position.last:
            return self._refold(position, events[0].ts)
        self._fold_on(position, events)
        return position

    def drop(self, key: PositionKey) -> None:
        """Remove a position whose events belong to another from now on."""
        self._tx.run("checkpoints_drop", since_ms=0, **key._asdict())
        self._tx.run("position_drop", **key._asdict())

    def before(self, key: PositionKey, place: SortKey) -> Position:
        """The position as the fold of its events that sort before a place."""
        position = self.checkpoint(key, place[0])
        market = position.market
        last, events = position.last, self.events(key, position.last_ts)
        later = dropwhile(lambda event: event.place(market) <= last, events)
        earlier = list(takewhile(lambda event: event.place(market) < place, later))
        position.fold(earlier, self.booked(earlier), self.void)
        return position

    def booked(self, events: Iterable[Row], last_seq: int = LAST) -> Booked:
        """Of the trades of events, or of their rows, those of which the exchange stated what they
        moved, among the ledger's first events."""
        if self._any_booked is None:
            self._any_booked = bool(self._tx.rows("booked_any"))
        if not self._any_booked:
            return NOTHING_BOOKED
        assets: dict[str, set[str]] = defaultdict(set)
        trade_ids = json.dumps(sorted(set(map(trade_of, events))))
        for trade_id, asset in self._tx.rows(
            "booked_assets", trade_ids=trade_ids, last_seq=last_seq
        ):
            assets[trade_id].add(asset)
        return assets

    def keep(self, changed: Iterable[Position], commit_seq: int, cycle_id: int) -> None:
        """Store positions as a commit of a cycle left them."""
        for position in changed:
            row = position.row
            self._tx.run("position_write", **row, cycle_id=cycle_id)
            self._tx.run("history_write", **row, commit_seq=commit_seq)

    def fees_unknown(self, key: PositionKey, last_seq: int = LAST) -> int:
        """How many of a position's fills have fees that are not all named, counted anew among the
        ledger's first events."""
        return int(self._tx.value("fees_unknown", last_seq=last_seq, **self.belonging(key)))

    def _of(self, row: Row) -> Position:
        return Position.of(row, self.markets.of(row[0]))

    def _refold(self, stored: Position, since_ms: int) -> Position:
        key = stored.key
        position = self.checkpoint(key, since_ms)
        position.fees_unknown = stored.fees_unknown
        self._tx.run("checkpoints_drop", since_ms=since_ms, **key._asdict())
        market, last = position.market, position.last
        events = self.events(key, position.last_ts)
        self._fold_on(position, dropwhile(lambda event: event.place(market) <= last, events))
        return position

    def _fold_on(self, position: Position, events: Iterable[Event]) -> None:
        """Fold, leaving a checkpoint every CHECKPOINT_EVENTS events."""
        events = iter(events)
        due = CHECKPOINT_EVENTS - position.events % CHECKPOINT_EVENTS
        while chunk := list(islice(events, due)):
            position.fold(chunk, self.booked(chunk), self.void)
            if len(chunk) == due:
                self._tx.run("checkpoint_write", **position.row)
                due = CHECKPOINT_EVENTS


def named(positions: Iterable[Position]) -> dict[str, Position]:
    """Positions by their names: the symbol, and as much of side, margin mode and wallet as tells
    them apart."""
    of_markets: dict[str, list[Position]] = defaultdict(list)
    for position in positions:
        of_markets[position.symbol].append(position)
    return {
        _name(position.key, [other.key for other in of_market]): position
        for of_market in of_markets.values()
        for position in of_market
    }


def _name(key: PositionKey, keys: Sequence[PositionKey]) -> str:
    parts = [key.symbol]
    if key.side != NET:
        parts.append(key.side)
    if key.margin_mode == "isolated" and len({other.margin_mode for other in keys}) > 1:
        parts.append(key.margin_mode)
    if len({other.wallet for other in keys}) > 1:
        parts.append(f"@{key.wallet}")
    return " ".join(parts)
