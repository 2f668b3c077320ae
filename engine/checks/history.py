"""The books after each commit: the stored ones are those that the chained commits digest."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import merge
from math import inf
from operator import itemgetter
from typing import Any

from engine.checks.check import Ahead, Check, Report, Violation
from engine.checks.positions import fold
from engine.ledger.accounting import BESIDE, MAIN, NET, ZERO, Position, PositionKey
from engine.ledger.balances import (
    BalanceKey,
    Balances,
    account_moves,
    difference,
    moved_by,
    together,
)
from engine.ledger.digests import (
    POSITIONS_ONLY,
    balance_row,
    digest_of,
    market_row,
    position_row,
)
from engine.ledger.events import sort_key
from engine.ledger.markets import Market, changes_of, decided_after
from engine.ledger.positions import Positions
from engine.money import EXACT, canonical
from engine.store.tx import Row, Tx

MONEY = {"qty": "0", "cost": "0", "realized_pnl": "0", "fees_json": "{}"}
# What positions of 0.1.0 do not have.
LATER: Mapping[str, Any] = {"fees_unknown": 0, **BESIDE}
NOTHING: Mapping[str, Any] = {**MONEY, **LATER}
HISTORY = tuple(NOTHING)


@dataclass(slots=True)
class PositionState:
    """A position along the commits: its events so far, the last of them in fold order, and its
    money as `position_history` has it of the commit `commit_seq`."""

    key: PositionKey
    market: Market
    events: int = 0
    last: Row | None = None
    money: dict[str, Any] = field(default_factory=lambda: dict(NOTHING))
    commit_seq: int = 0

    def add(self, event: Row) -> None:
        """An event's number, symbol and what its place in the fold follows from."""
        self.events += 1
        if self.last is None or event[2] > self.last[2] or self._is_later(event, self.last):
            self.last = event

    def _is_later(self, event: Row, last: Row) -> bool:
        """Whether an event of the same millisecond stands behind the last one."""
        places = (sort_key(ts, self.market, *ids) for _, _, ts, *ids, _, _, _ in (event, last))
        return next(places) > next(places)

    def row(self, version: int) -> str:
        """As a version of digests has it."""
        last = (0, "", "") if self.last is None else self.last[2:5]
        symbol, *key = self.key
        figures = [*self.money.values()]
        money, later = figures[: len(MONEY)], figures[len(MONEY) :]
        values = (symbol, *money, self.events, *last)
        if version == POSITIONS_ONLY:
            return json.dumps(values)
        return position_row((*values, *key, *later))


class HistoryCheck(Check):
    """Each commit left the books that the histories have of it.

    The check walks along the commits: `_digest` is that of the books after the last of them, as
    `_version` has it.
    """

    name = "history"

    def __init__(self, tx: Tx, report: Report) -> None:
        super().__init__(tx, report)
        self._positions = Positions(tx)
        self._void: frozenset[str] = frozenset()
        self._states: dict[PositionKey, PositionState] = {}
        self._rows: dict[PositionKey, str] = {}
        self._changed: set[PositionKey] = set()
        self._balances: dict[BalanceKey, str] = {}
        self._traded: dict[PositionKey, Balances] = {}
        self._moved: dict[BalanceKey, Decimal] = {}
        self._untraded: set[PositionKey] = set()
        self._unproven: set[BalanceKey] = set()
        self._misstated: set[BalanceKey] = set()
        self._markets: dict[str, str] = {}
        self._last_seq = 0
        self._stale = False
        self._version = POSITIONS_ONLY
        self._digest = digest_of(self._version, ())

    def violations(self) -> Iterator[Violation]:
        for decided in decided_after(self._tx, 0):
            self._positions.markets.undo(decided)
        events, history = Ahead(self._tx.each("verify_fold_order")), Ahead(self._history())
        balances = Ahead(self._tx.each("verify_balance_history"))
        legs = Ahead(self._tx.each("verify_legs"))
        pins = Ahead(self._tx.each("verify_markets"))
        astray = False
        for commit_seq, last_seq, recorded, version, decision in self._tx.each("verify_digests"):
            self.count()
            self._last_seq = max(self._last_seq, last_seq)
            self._begin(version)
            for event in events.upto(self._last_seq):
                self._changing(self._key(event)).add(event)
            if decision is not None:
                self._decide(decision)
            for _, wallet, asset, amount in legs.upto(self._last_seq):
                self._move({BalanceKey(wallet, asset): Decimal(amount)})
            for row in balances.upto(commit_seq):
                self._balances[BalanceKey(*row[1:3])], self._stale = row[3], True
                self._unproven.add(BalanceKey(*row[1:3]))
                if row[0] != commit_seq or version == POSITIONS_ONLY:
                    yield _of_no_commit("balance_history", row[1:3], row[0])
            for _, symbol in pins.upto(commit_seq):
                self._pin(symbol)
            yield from self._take_in(history.upto(commit_seq), commit_seq)
            # What leads one digest astray leads those after it too: it is named once.
            if self._digest != recorded and not astray:
                yield from self._refold(commit_seq)
                if self._digest != recorded:
                    key = f"{commit_seq}.positions_digest"
                    yield Violation.of("ledger_commits", key, self._digest, recorded)
            astray = self._digest != recorded
            self._untraded |= self._changed
            if version != POSITIONS_ONLY and not astray:
                yield from self._check_balances(commit_seq)
        for row in history.upto(inf):
            yield _of_no_commit("position_history", [PositionKey(*row[1:5])], row[0])
        for row in balances.upto(inf):
            yield _of_no_commit("balance_history", row[1:3], row[0])

    def _begin(self, version: int) -> None:
        """What a commit is about to change; all rows, where digests have them otherwise now."""
        self._changed = set() if version == self._version else set(self._states)
        self._stale = version != self._version
        self._version = version

    def _pin(self, symbol: str) -> None:
        market = self._positions.markets.stored(symbol)
        if market is not None:
            self._markets[symbol], self._stale = market_row(market), True

    def _decide(self, decision_json: str) -> None:
        """Go on by what a decision made of trades and markets."""
        self._void = self._positions.void_by(self._last_seq)
        changes, markets = changes_of(decision_json), self._positions.markets
        if not changes:
            return
        names = {name for change in changes for name in markets.of(change.symbol).names}
        markets.take(change.after for change in changes)
        for change in changes:
            self._pin(change.symbol)
            names.update(markets.of(change.symbol).names)
        for key in [key for key in self._states if key.symbol in names]:
            del self._states[key]
            self._rows.pop(key, None)
            self._changed.discard(key)
            self._untraded.discard(key)
            self._move(difference({}, self._traded.pop(key, {})))
        self._recount({markets.root(name) for name in names})

    def _recount(self, symbols: set[str]) -> None:
        """Count the events of markets anew, which are in other positions from now on."""
        keys = self._positions.keys_of_events(self._last_seq)
        for key in sorted(key for key in keys if key.symbol in symbols):
            state = self._changing(key)
            for event in self._positions.events(key, last_seq=self._last_seq):
                place = event.symbol, event.ts, event.source_id, event.event_id
                state.add((0, *place, None, None, None))

    def _key(self, event: Row) -> PositionKey:
        symbol, (wallet, side, margin_mode) = event[1], event[5:]
        market = self._positions.markets.of(symbol)
        mode = margin_mode or market.margin_mode
        return PositionKey(market.symbol, wallet or MAIN, side or NET, mode)

    def _take_in(self, rows: Iterator[Row], commit_seq: int) -> Iterator[Violation]:
        """The rows of position_history up to a commit."""
        for row in rows:
            of_commit, money = row[0], row[5:]
            if of_commit == commit_seq:
                state = self._changing(PositionKey(*row[1:5]))
                state.commit_seq, state.money = commit_seq, dict(zip(HISTORY, money, strict=True))
                if self._version == POSITIONS_ONLY:
                    key = f"{state.key} {commit_seq}"
                    yield from Violation.of_columns("position_history", key, LATER, state.money)
            else:
                yield _of_no_commit("position_history", [PositionKey(*row[1:5])], of_commit)
        if self._changed or self._stale:
            self._take_digest()

    def _refold(self, commit_seq: int) -> Iterator[Violation]:
        """Name the last commit's rows that are not the fold; the walk goes on from the fold."""
        for position in sorted(self._changed):
            state, key = self._states[position], f"{position} {commit_seq}"
            folded = self._fold(position)
            if state.commit_seq == commit_seq:
                yield from Violation.of_columns("position_history", key, folded, state.money)
            elif folded != state.money:
                yield Violation.of("position_history", key, (*folded.values(),), "no row")
            state.money = folded
        if self._version != POSITIONS_ONLY:
            yield from self._refold_balances(commit_seq)
        self._take_digest()

    def _move(self, moved: Balances) -> None:
        """Account for what a commit moved, which its balances have to be."""
        for key, amount in moved.items():
            self._moved[key] = EXACT.add(self._moved.get(key, ZERO), amount)
        self._unproven |= moved.keys()

    def _check_balances(self, commit_seq: int) -> Iterator[Violation]:
        """A commit's balances are what its events moved, and not only as it says; named once."""
        for key in self._untraded:
            traded = moved_by([self._position(key)])
            self._move(difference(traded, self._traded.get(key, {})))
            self._traded[key] = traded
        self._untraded.clear()
        for balance in sorted(self._unproven - self._misstated):
            amount = canonical(self._moved.get(balance, ZERO))
            stored = self._balances.get(balance, "0")
            if amount != stored:
                self._misstated.add(balance)
                where = f"{' '.join(balance)} {commit_seq}.amount"
                yield Violation.of("balance_history", where, amount, stored)
        self._unproven.clear()

    def _refold_balances(self, commit_seq: int) -> Iterator[Violation]:
        traded = moved_by(map(self._position, self._states))
        folded = together(traded, account_moves(self._tx, self._last_seq))
        for key in sorted(folded.keys() | self._balances.keys()):
            amount, stored = canonical(folded.get(key, ZERO)), self._balances.get(key, "0")
            if amount != stored:
                where = f"{' '.join(key)} {commit_seq}.amount"
                yield Violation.of("balance_history", where, amount, stored)
                self._balances[key] = amount

    def _position(self, key: PositionKey) -> Position:
        money = self._states[key].money
        figures, later = ([money[name] for name in names] for names in (MONEY, LATER))
        row = (key.symbol, *figures, 0, 0, "", "", *key[1:], *later)
        return Position.of(row, self._positions.markets.of(key.symbol))

    def _changing(self, key: PositionKey) -> PositionState:
        self._changed.add(key)
        if key not in self._states:
            market = self._positions.markets.of(key.symbol)
            self._states[key] = PositionState(key, market)
        return self._states[key]

    def _take_digest(self) -> None:
        self._rows |= {key: self._states[key].row(self._version) for key in self._changed}
        self._digest = digest_of(
            self._version,
            (self._rows[key] for key in sorted(self._rows)),
            (balance_row(*key, self._balances[key]) for key in sorted(self._balances)),
            (self._markets[symbol] for symbol in sorted(self._markets)),
        )
        self._stale = False

    def _fold(self, key: PositionKey) -> dict[str, Any]:
        events = self._positions.events(key, last_seq=self._last_seq)
        position = Position.empty(key, self._positions.markets.of(key.symbol))
        fold(self._positions, position, events, last_seq=self._last_seq, void=self._void)
        if self._version != POSITIONS_ONLY:
            position.fees_unknown = self._positions.fees_unknown(key, self._last_seq)
        row = position.row
        return {name: row[name] for name in HISTORY}

    def _history(self) -> Iterator[Row]:
        """position_history by commit: it is stored by position."""
        keys = self._tx.named("verify_history_keys")
        return merge(
            *(self._tx.each("verify_history", **key) for key in keys),
            key=itemgetter(0),
        )


def _of_no_commit(table: str, key: Iterable[object], commit_seq: int) -> Violation:
    where = " ".join(map(str, (*key, commit_seq)))
    return Violation.of(table, where, "a commit of it", "no commit")
