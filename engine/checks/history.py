"""Positions after each commit: what is kept is what the chained commits have a digest of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from math import inf
from operator import itemgetter
from typing import Any

from engine.checks.check import Ahead, Count, Violation, differing, violation
from engine.checks.positions import MONEY, fold_some
from engine.ledger import positions
from engine.ledger.accounting import Position
from engine.ledger.events import Event, SortKey, in_fold_order, sort_key
from engine.store.tx import Tx


def check_history(tx: Tx, count: Count) -> Iterator[Violation]:
    """Each commit left the positions that are kept of it."""
    walk = Walk(tx)
    astray = False
    for commit_seq, last_seq, recorded in tx.each("verify_digests"):
        count.add()
        yield from walk.step(commit_seq, last_seq)
        # What leads one digest astray leads those after it too: it is named once.
        if walk.digest != recorded and not astray:
            yield from walk.refold(commit_seq)
            if walk.digest != recorded:
                key = f"{commit_seq}.positions_digest"
                yield violation("ledger_commits", key, walk.digest, recorded)
        astray = walk.digest != recorded
    yield from walk.rest()


@dataclass(slots=True)
class SymbolState:
    """Where a symbol stands: its events so far, the last of them in fold order, and what was kept
    of it by the commit `commit_seq`."""

    symbol: str
    events: int = 0
    last: tuple[Any, ...] | None = None
    kept: dict[str, str] = field(
        default_factory=lambda: dict(zip(MONEY, ("0", "0", "0", "{}"), strict=True))
    )
    commit_seq: int = 0

    def add(self, event: tuple[Any, ...]) -> None:
        """An event's number, symbol and what its place in the fold follows from."""
        self.events += 1
        if self.last is None or event[2] > self.last[2] or _place(event) > _place(self.last):
            self.last = event

    @property
    def row(self) -> str:
        """As `positions.digest` has it."""
        last = (0, "", "") if self.last is None else self.last[2:]
        return json.dumps((self.symbol, *self.kept.values(), self.events, *last))


def _place(event: tuple[Any, ...]) -> SortKey:
    _, symbol, ts, trade_id, event_id = event
    return sort_key(ts, symbol, trade_id, event_id)


class Walk:
    """Along the commits: `digest` is that of all positions after the last one stepped to."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._events = Ahead(tx.each("verify_fold_order"))
        self._kept = Ahead(_history(tx))
        self._standings: dict[str, SymbolState] = {}
        self._rows: dict[str, str] = {}
        self._changed: set[str] = set()
        self._last_seq = 0
        self.digest = positions.digest_of(())

    def step(self, commit_seq: int, last_seq: int) -> Iterator[Violation]:
        """Take in what the next commit booked and kept."""
        self._changed.clear()
        self._last_seq = max(self._last_seq, last_seq)
        for event in self._events.upto(self._last_seq):
            self._changing(event[1]).add(event)
        for kept_of, symbol, *money in self._kept.upto(commit_seq):
            if kept_of == commit_seq:
                standing = self._changing(symbol)
                standing.commit_seq = commit_seq
                standing.kept = dict(zip(MONEY, money, strict=True))
            else:
                yield _of_no_commit(symbol, kept_of)
        self._take_digest()

    def refold(self, commit_seq: int) -> Iterator[Violation]:
        """Name what the last commit kept that is not the fold; the walk goes on from the fold."""
        for symbol in sorted(self._changed):
            standing, key = self._standings[symbol], f"{symbol} {commit_seq}"
            folded = self._fold(symbol)
            if standing.commit_seq == commit_seq:
                yield from differing("position_history", key, folded, standing.kept)
            else:
                yield violation("position_history", key, (*folded.values(),), "no row")
            standing.kept = folded
        self._take_digest()

    def rest(self) -> Iterator[Violation]:
        """What was kept of commits after the last one."""
        for kept_of, symbol, *_ in self._kept.upto(inf):
            yield _of_no_commit(symbol, kept_of)

    def _changing(self, symbol: str) -> SymbolState:
        self._changed.add(symbol)
        if symbol not in self._standings:
            self._standings[symbol] = SymbolState(symbol)
        return self._standings[symbol]

    def _take_digest(self) -> None:
        if self._changed:
            self._rows |= {symbol: self._standings[symbol].row for symbol in self._changed}
            self.digest = positions.digest_of(self._rows[symbol] for symbol in sorted(self._rows))

    def _fold(self, symbol: str) -> dict[str, str]:
        rows = self._tx.each("history_events", symbol=symbol, since_ms=0, last_seq=self._last_seq)
        position = Position(symbol)
        fold_some(position, in_fold_order(map(Event._make, rows)))
        row = positions.row_of(position)
        return {name: row[name] for name in MONEY}


def _history(tx: Tx) -> Iterator[tuple[Any, ...]]:
    """position_history by commit: it is stored by symbol."""
    symbols = tx.column("verify_history_symbols")
    return merge(*(tx.each("verify_history", symbol=s) for s in symbols), key=itemgetter(0))


def _of_no_commit(symbol: str, commit_seq: int) -> Violation:
    return violation("position_history", f"{symbol} {commit_seq}", "a commit of it", "no commit")
