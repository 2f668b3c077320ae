"""Positions after each commit: the stored ones are those that the chained commits digest."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from math import inf
from operator import itemgetter

from engine.checks.check import Ahead, Check, Report, Violation
from engine.checks.positions import MONEY, fold
from engine.ledger import positions
from engine.ledger.accounting import Position
from engine.ledger.events import Event, SortKey, in_fold_order, sort_key
from engine.store.tx import Row, Tx

NOTHING = {"qty": "0", "cost": "0", "realized_pnl": "0", "fees_json": "{}"}


@dataclass(slots=True)
class SymbolState:
    """A symbol along the commits: its events so far, the last of them in fold order, and its money
    as `position_history` has it of the commit `commit_seq`."""

    symbol: str
    events: int = 0
    last: Row | None = None
    money: dict[str, str] = field(default_factory=NOTHING.copy)
    commit_seq: int = 0

    def add(self, event: Row) -> None:
        """An event's number, symbol and what its place in the fold follows from."""
        self.events += 1
        if self.last is None or event[2] > self.last[2] or _place(event) > _place(self.last):
            self.last = event

    @property
    def row(self) -> str:
        """As `positions.digest` has it."""
        last = (0, "", "") if self.last is None else self.last[2:]
        return json.dumps((self.symbol, *self.money.values(), self.events, *last))


def _place(event: Row) -> SortKey:
    _, symbol, ts, trade_id, event_id = event
    return sort_key(ts, symbol, trade_id, event_id)


class HistoryCheck(Check):
    """Each commit left the positions that position_history has of it.

    The check walks along the commits: `_digest` is that of all positions after the last of them.
    """

    name = "history"

    def __init__(self, tx: Tx, report: Report) -> None:
        super().__init__(tx, report)
        self._states: dict[str, SymbolState] = {}
        self._rows: dict[str, str] = {}
        self._changed: set[str] = set()
        self._last_seq = 0
        self._digest = positions.digest_of(())

    def violations(self) -> Iterator[Violation]:
        events, history = Ahead(self._tx.each("verify_fold_order")), Ahead(self._history())
        astray = False
        for commit_seq, last_seq, recorded in self._tx.each("verify_digests"):
            self.count()
            self._last_seq = max(self._last_seq, last_seq)
            self._changed.clear()
            for event in events.upto(self._last_seq):
                self._changing(event[1]).add(event)
            yield from self._take_in(history.upto(commit_seq), commit_seq)
            # What leads one digest astray leads those after it too: it is named once.
            if self._digest != recorded and not astray:
                yield from self._refold(commit_seq)
                if self._digest != recorded:
                    key = f"{commit_seq}.positions_digest"
                    yield Violation.of("ledger_commits", key, self._digest, recorded)
            astray = self._digest != recorded
        for row in history.upto(inf):
            yield self._of_no_commit(row)

    def _take_in(self, rows: Iterator[Row], commit_seq: int) -> Iterator[Violation]:
        """The rows of position_history up to a commit."""
        for row in rows:
            of_commit, symbol, *money = row
            if of_commit == commit_seq:
                state = self._changing(symbol)
                state.commit_seq, state.money = commit_seq, dict(zip(MONEY, money, strict=True))
            else:
                yield self._of_no_commit(row)
        self._take_digest()

    def _refold(self, commit_seq: int) -> Iterator[Violation]:
        """Name the last commit's rows that are not the fold; the walk goes on from the fold."""
        for symbol in sorted(self._changed):
            state, key = self._states[symbol], f"{symbol} {commit_seq}"
            folded = self._fold(symbol)
            if state.commit_seq == commit_seq:
                yield from Violation.of_columns("position_history", key, folded, state.money)
            else:
                yield Violation.of("position_history", key, (*folded.values(),), "no row")
            state.money = folded
        self._take_digest()

    def _changing(self, symbol: str) -> SymbolState:
        self._changed.add(symbol)
        if symbol not in self._states:
            self._states[symbol] = SymbolState(symbol)
        return self._states[symbol]

    def _take_digest(self) -> None:
        if self._changed:
            self._rows |= {symbol: self._states[symbol].row for symbol in self._changed}
            self._digest = positions.digest_of(self._rows[symbol] for symbol in sorted(self._rows))

    def _fold(self, symbol: str) -> dict[str, str]:
        span = {"since_ms": 0, "last_seq": self._last_seq}
        rows = self._tx.each("history_events", symbol=symbol, **span)
        position = Position(symbol)
        fold(position, in_fold_order(map(Event._make, rows)))
        row = position.row
        return {name: row[name] for name in MONEY}

    def _history(self) -> Iterator[Row]:
        """position_history by commit: it is stored by symbol."""
        symbols = self._tx.column("verify_history_symbols")
        return merge(
            *(self._tx.each("verify_history", symbol=symbol) for symbol in symbols),
            key=itemgetter(0),
        )

    @staticmethod
    def _of_no_commit(row: Row) -> Violation:
        commit_seq, symbol = row[:2]
        key = f"{symbol} {commit_seq}"
        return Violation.of("position_history", key, "a commit of it", "no commit")
