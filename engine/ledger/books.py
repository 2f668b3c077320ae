"""The books: positions, balances and markets, as TX 1 changes them together.

Runs inside TX 1.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from engine.ledger.accounting import Position, PositionKey
from engine.ledger.append import Appended
from engine.ledger.balances import (
    BalanceKey,
    Balances,
    StoredBalances,
    account_moves,
    difference,
    legs_of,
    moved_by,
    ruled_moves,
    together,
)
from engine.ledger.digests import VERSION
from engine.ledger.event_types import BOOKED, UNVOID, VOID
from engine.ledger.events import Event
from engine.ledger.facts import LedgerFacts
from engine.ledger.fills import Fill
from engine.ledger.holdings import Holdings
from engine.ledger.markets import Market, MarketChange, MarketKind, Markets
from engine.ledger.names import suspect_booked_twins
from engine.ledger.positions import Positions
from engine.ledger.questions import Assertions, keep_all_late_events, keep_late_events
from engine.store.tx import Tx


class Books:
    """The books of a ledger, which the commit `commit_seq` of a cycle changes; `moved` is what it
    changed of balances."""

    def __init__(self, tx: Tx, commit_seq: int, cycle_id: int) -> None:
        self._tx = tx
        self.moved: Balances = {}
        self.facts = LedgerFacts.read(tx)
        self.markets = Markets(tx)
        self.positions = Positions(tx, self.markets)
        self.balances = StoredBalances(tx)
        self._commit_seq = commit_seq
        self._cycle_id = cycle_id
        self._stored: dict[PositionKey, Position] | None = None

    def stored(self) -> list[Position]:
        """All positions, as the changes until now leave them."""
        positions = self._positions
        return [positions[key] for key in sorted(positions)]

    @property
    def _positions(self) -> dict[PositionKey, Position]:
        if self._stored is None:
            self._stored = {position.key: position for position in self.positions.stored()}
        return self._stored

    def _position(self, key: PositionKey) -> Position:
        return self._positions.get(key) or Position.empty(key, self.markets.of(key.symbol))

    def take_over(self) -> None:
        """Work out what 0.1.0 did not: each market's rules, which for a contract remain its own,
        balances, how many fills' fees are unknown, and which markets may be one."""
        for symbol in sorted({position.symbol for position in self.positions.stored()}):
            self.markets.keep(self.markets.of(symbol), self._commit_seq)
        self.work_out()
        suspect_booked_twins(self._tx, self.markets, self._cycle_id)
        self.facts = LedgerFacts.read(self._tx)

    def work_out(self) -> None:
        """Work out from stored positions what their folds do not say: balances and unknown fees."""
        positions = self.positions.stored()
        self._stored = None
        for position in positions:
            unknown = self.positions.fees_unknown(position.key)
            if unknown != position.fees_unknown:
                position.fees_unknown = unknown
                self.positions.keep([position], self._commit_seq, self._cycle_id)
        moves = together(moved_by(positions), account_moves(self._tx))
        moved = difference(moves, self.balances.all())
        self.balances.move(moved, self._commit_seq, self._cycle_id)

    def apply(
        self, appended: Appended, fills: Iterable[Fill], decided: Sequence[MarketChange] = ()
    ) -> None:
        """Apply what was appended, and what was decided about markets; store what that changes."""
        if not (self.facts.others or appended.others):
            self.positions.knows_fills_alone()
        ruled = self._rule(decided) if decided else {}
        self.markets.pin(self._reported(appended, fills), self._commit_seq)
        new = self.positions.grouped(appended.inserted)
        unsettled = self._of_markets(appended.unsettled) if appended.unsettled else set()
        anew = self._restated(appended) | dict.fromkeys(unsettled, 0)
        changed = {key: self._position(key) for key in sorted(new.keys() | anew.keys())}
        before = moved_by(changed.values())
        for key in changed:
            changed[key] = self.positions.apply(changed[key], new[key], since_ms=anew.get(key))
        for key, more in self._unknown(appended).items():
            changed.setdefault(key, self._position(key)).fees_unknown += more
        others = appended.inserted if appended.others else ()
        rulings = [event for event in others if event.type in (VOID, UNVOID)]
        recounted = unsettled | self.positions.grouped(rulings).keys()
        for key in changed.keys() if decided else recounted:
            changed[key].fees_unknown = self.positions.fees_unknown(key)
        self.positions.keep(changed.values(), self._commit_seq, self._cycle_id)
        self._positions.update(changed)
        traded = difference(moved_by(changed.values()), before)
        legs = legs_of(appended.account, self.positions.void) if appended.account else {}
        self.moved = together(traded, legs, self._ruled(rulings)) if legs or rulings else traded
        self.moved = together(self.moved, ruled) if ruled else self.moved
        self.balances.move(self.moved, self._commit_seq, self._cycle_id)
        self._raise_questions(appended, anew.values(), decided=bool(decided))

    def _reported(self, appended: Appended, fills: Iterable[Fill]) -> dict[str, Market | None]:
        """The markets of what was appended, as their reports have them."""
        booked = {event.symbol for event in appended.inserted}
        new = {symbol for symbol in booked if symbol and self.markets.stored(symbol) is None}
        reported = {fill.symbol: fill.market for fill in fills if fill.symbol in new} if new else {}
        named = {event.symbol for event in appended.account if event.symbol is not None}
        for symbol in named - self.markets.known.keys() if named else ():
            reported.setdefault(symbol, _market(symbol))
        return reported

    def _restated(self, appended: Appended) -> dict[PositionKey, int]:
        """The positions of booked trades of which the exchange states only now what they moved,
        and from when on they have to be folded anew."""
        trade_ids = {event.trade_id for event in appended.account if event.type == BOOKED}
        if not trade_ids:
            return {}
        ids = json.dumps(sorted(trade_ids))
        fills = self._tx.typed(Event, "fills_of_trades", trade_ids=ids)
        groups = self.positions.grouped(fills)
        return {key: min(fill.ts for fill in groups[key]) for key in groups}

    def _raise_questions(self, appended: Appended, anew: Iterable[int], *, decided: bool) -> None:
        """Compare anew what was said about the past that changed, and tell what came too late."""
        if not (self.facts.others or appended.others):
            return
        times = [*anew, *([0] if decided else []), *(event.ts for event in appended.inserted)]
        if not times:
            return
        Assertions(self._tx, self.positions, self.balances).review(min(times))
        if decided:
            keep_all_late_events(self._tx, self.markets)
        elif appended.inserted:
            keep_late_events(self._tx, appended.inserted, self.markets, self._cycle_id)

    def _rule(self, decided: Iterable[MarketChange]) -> Balances:
        """Fold the positions of markets anew whose rules or names are others from now on; returns
        what that moves."""
        decided = list(decided)
        self._stored = None
        stored = {position.key: position for position in self.positions.stored()}
        names = {name for change in decided for name in self.markets.of(change.symbol).names}
        for change in decided:
            self.markets.keep(change.after, self._commit_seq)
            names.update(self.markets.of(change.symbol).names)
        of_old = [position for key, position in stored.items() if key.symbol in names]
        keys = self._of_markets({self.markets.root(name) for name in names})
        for position in of_old:
            if position.key not in keys:
                self.positions.drop(position.key)
        folded = [self._folded(key) for key in sorted(keys)]
        self.positions.keep(folded, self._commit_seq, self._cycle_id)
        return difference(moved_by(folded), moved_by(of_old))

    def _ruled(self, rulings: Iterable[Event]) -> Balances:
        """What rulings move of what the exchange booked for their trades."""
        by_type: dict[str, list[str]] = {VOID: [], UNVOID: []}
        for event in rulings:
            by_type[event.type].append(event.trade_id)
        return ruled_moves(self._tx, by_type[VOID], by_type[UNVOID])

    def _folded(self, key: PositionKey) -> Position:
        """A position, folded from its beginning."""
        empty = Position.empty(key, self.markets.of(key.symbol))
        position = self.positions.apply(empty, (), since_ms=0)
        position.fees_unknown = self.positions.fees_unknown(key)
        return position

    def _of_markets(self, symbols: set[str]) -> set[PositionKey]:
        return {key for key in self.positions.keys_of_events() if key.symbol in symbols}

    def _unknown(self, appended: Appended) -> Counter[PositionKey]:
        """By how many fills with unknown fees positions have more, or fewer."""
        more: Counter[PositionKey] = Counter()
        for events, count in ((appended.inserted, 1), (appended.named_fees, -1)):
            void = self.positions.void
            unknown = [e for e in events if e.fees_unknown and e.trade_id not in void]
            for key, fills in self.positions.grouped(unknown).items():
                more[key] += count * len(fills)
        return more


def _market(symbol: str) -> Market:
    """The market of an account event. Raises `ValueError` where none of its kind is booked."""
    market = Market.of(symbol)
    if market.kind is MarketKind.OTHER:
        raise ValueError(f"{symbol}: quantos and options are not booked yet")
    return market


def read_oversold(
    tx: Tx, positions: Iterable[Position], balances: Balances
) -> frozenset[BalanceKey]:
    """The balances of which more is gone than there was."""
    others = LedgerFacts.read(tx).others
    return Holdings.read(tx, positions, others).oversold(balances)


def read_books(tx: Tx) -> tuple[list[Position], Balances]:
    """All positions and balances; those of 0.1.0 as the next commit will take them over."""
    positions = Positions(tx)
    stored, last = positions.stored(), tx.record("commit_last")
    if last is None or last["version"] == VERSION:
        return stored, StoredBalances(tx).all()
    for position in stored:
        position.fees_unknown = positions.fees_unknown(position.key)
    return stored, moved_by(stored)
