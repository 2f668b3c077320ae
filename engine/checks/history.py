"""The books after each commit: the stored ones are those that the chained commits digest."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import merge
from math import inf
from operator import itemgetter
from typing import Any

from engine.checks.check import Ahead, Record, Report, Violation
from engine.checks.positions import fold
from engine.checks.walk import Group, Part, Place, WalkingCheck, key_of
from engine.ledger.accounting import BESIDE, ZERO, Position, PositionKey
from engine.ledger.balances import (
    BalanceKey,
    Balances,
    account_moves,
    difference,
    legs_of,
    moved_by,
    ruled_moves,
    together,
)
from engine.ledger.digests import (
    POSITIONS_ONLY,
    balance_row,
    digest_of,
    market_row,
    position_row,
)
from engine.ledger.events import EVENT_ID, TS, event_of, place_of, source_of
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

    def add(self, group: Group) -> None:
        """Events of the position, of which the last may be the last of all."""
        self.events += len(group.rows)
        for row in group.rows[-1:] if group.ascending else group.rows:
            if self.last is None or row[TS] > self.last[TS] or self._is_later(row, self.last):
                self.last = row

    def _is_later(self, row: Row, last: Row) -> bool:
        """Whether an event of the same millisecond stands behind the last one."""
        return place_of(row, self.market) > place_of(last, self.market)

    def row(self, version: int) -> str:
        """As a version of digests has it."""
        row, symbol, *key = self.last, *self.key
        last = (row[TS], source_of(row), row[EVENT_ID]) if row is not None else (0, "", "")
        figures = [*self.money.values()]
        money, later = figures[: len(MONEY)], figures[len(MONEY) :]
        values = (symbol, *money, self.events, *last)
        if version == POSITIONS_ONLY:
            return json.dumps(values)
        return position_row((*values, *key, *later))


class HistoryCheck(WalkingCheck):
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
        self._astray = False
        self._keys: dict[Place, PositionKey] = {}
        self._version = POSITIONS_ONLY
        self._digest = digest_of(self._version, ())

    def begin(self) -> Iterable[Violation]:
        for decided in decided_after(self._tx, 0):
            self._positions.markets.undo(decided)
        self._history = Ahead(self._by_commit())
        self._balance_history = Ahead(self._tx.each("verify_balance_history"))
        self._pins = Ahead(self._tx.each("verify_markets"))
        return ()

    def enter(self, commit: Record) -> Iterable[Violation]:
        self.count()
        self._last_seq = max(self._last_seq, commit["last_seq"] or 0)
        self._begin(commit["version"])
        return ()

    def take(self, part: Part) -> Iterable[Violation]:
        if part.commit is None:
            return ()
        for place, group in part.groups.items():
            self._changing(self._key(place)).add(group)
        self._move(legs_of(map(event_of, part.others), self._void))
        return ()

    def leave(self, commit: Record) -> Iterator[Violation]:
        commit_seq, recorded = commit["commit_seq"], commit["positions_digest"]
        if commit["decision_json"] is not None:
            self._decide(commit["decision_json"])
        for row in self._balance_history.upto(commit_seq):
            self._balances[BalanceKey(*row[1:3])], self._stale = row[3], True
            self._unproven.add(BalanceKey(*row[1:3]))
            if row[0] != commit_seq or self._version == POSITIONS_ONLY:
                yield _of_no_commit("balance_history", row[1:3], row[0])
        for _, symbol in self._pins.upto(commit_seq):
            self._pin(symbol)
        yield from self._take_in(self._history.upto(commit_seq), commit_seq)
        # What leads one digest astray leads those after it too: it is named once.
        if self._digest != recorded and not self._astray:
            yield from self._refold(commit_seq)
            if self._digest != recorded:
                key = f"{commit_seq}.positions_digest"
                yield Violation.of("ledger_commits", key, self._digest, recorded)
        self._astray = self._digest != recorded
        self._untraded |= self._changed
        if self._version != POSITIONS_ONLY and not self._astray:
            yield from self._check_balances(commit_seq)

    def end(self) -> Iterator[Violation]:
        for row in self._history.upto(inf):
            yield _of_no_commit("position_history", [PositionKey(*row[1:5])], row[0])
        for row in self._balance_history.upto(inf):
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
        before, self._void = self._void, self._positions.void_by(self._last_seq)
        ruled = self._void - before, before - self._void
        self._move(ruled_moves(self._tx, *ruled, self._last_seq))
        changes, markets = changes_of(decision_json), self._positions.markets
        if not changes:
            return
        self._keys.clear()
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
            for row in self._positions.event_rows(key, last_seq=self._last_seq):
                state.add(Group([row], ascending=True))

    def _key(self, place: Place) -> PositionKey:
        key = self._keys.get(place)
        if key is None:
            key = self._keys[place] = key_of(place, self._positions.markets)
        return key

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
        events = self._positions.event_rows(key, last_seq=self._last_seq)
        position = Position.empty(key, self._positions.markets.of(key.symbol))
        fold(self._positions, position, events, last_seq=self._last_seq, void=self._void)
        if self._version != POSITIONS_ONLY:
            position.fees_unknown = self._positions.fees_unknown(key, self._last_seq)
        row = position.row
        return {name: row[name] for name in HISTORY}

    def _by_commit(self) -> Iterator[Row]:
        """position_history by commit: it is stored by position."""
        keys = self._tx.named("verify_history_keys")
        return merge(
            *(self._tx.each("verify_history", **key) for key in keys),
            key=itemgetter(0),
        )


def _of_no_commit(table: str, key: Iterable[object], commit_seq: int) -> Violation:
    where = " ".join(map(str, (*key, commit_seq)))
    return Violation.of(table, where, "a commit of it", "no commit")
