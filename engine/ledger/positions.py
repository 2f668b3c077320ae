"""The stored positions, which stay equal to the fold of the ledger.

Runs inside TX 1. New events at the end are folded on; an event that sorts before one already
applied takes the symbol back to its last checkpoint before that event, and on from there.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from hashlib import sha256
from itertools import dropwhile, islice
from operator import attrgetter

from engine.ledger.accounting import Position
from engine.ledger.events import Event, in_fold_order
from engine.store.tx import Tx

CHECKPOINT_EVENTS = 256


class Positions:
    """The positions of a ledger."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def read(self, symbol: str) -> Position:
        row = self._tx.one("position_read", symbol=symbol)
        return Position.of(*row) if row else Position(symbol)

    def all(self) -> dict[str, Position]:
        return {row[0]: Position.of(*row) for row in self._tx.rows("positions_all")}

    def as_of(self, commit_seq: int, statement: str = "positions_as_of") -> dict[str, Position]:
        """The positions as they were after a commit, without their places in the fold."""
        rows = self._tx.rows(statement, commit_seq=commit_seq)
        return {row[0]: Position.of(*row) for row in rows}

    def events(self, symbol: str, since_ms: int = 0) -> Iterator[Event]:
        """A symbol's events from a time on, in fold order, streamed."""
        rows = self._tx.each("events_from", symbol=symbol, since_ms=since_ms)
        return in_fold_order(map(Event._make, rows))

    def checkpoint(self, symbol: str, before_ms: int) -> Position:
        """The last checkpoint before a time; where there is none, the position of no events."""
        row = self._tx.one("checkpoint_before", symbol=symbol, before_ms=before_ms)
        return Position.of(*row) if row else Position(symbol)

    def apply(self, events: Iterable[Event], unsettled: Set[str] = frozenset()) -> list[Position]:
        """Apply newly inserted events; returns the positions that changed.

        `unsettled` symbols are folded anew from the beginning of the ledger.
        """
        new: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            new[event.symbol].append(event)
        return [
            self._refold(symbol, 0) if symbol in unsettled else self._apply(symbol, new[symbol])
            for symbol in sorted(new.keys() | unsettled)
        ]

    def keep(self, changed: Iterable[Position], commit_seq: int, cycle_id: int) -> None:
        """Store positions as a commit of a cycle left them."""
        for position in changed:
            row = position.row
            self._tx.run("position_write", **row, cycle_id=cycle_id)
            self._tx.run("history_write", **row, commit_seq=commit_seq)

    def _apply(self, symbol: str, events: Iterable[Event]) -> Position:
        events = list(in_fold_order(sorted(events, key=attrgetter("ts"))))
        position = self.read(symbol)
        if events[0].place <= position.last:
            return self._refold(symbol, events[0].ts)
        self._fold_on(position, events)
        return position

    def _refold(self, symbol: str, since_ms: int) -> Position:
        position = self.checkpoint(symbol, since_ms)
        self._tx.run("checkpoints_drop", symbol=symbol, since_ms=since_ms)
        last, events = position.last, self.events(symbol, position.last_ts)
        self._fold_on(position, dropwhile(lambda event: event.place <= last, events))
        return position

    def _fold_on(self, position: Position, events: Iterable[Event]) -> None:
        """Fold, leaving a checkpoint every CHECKPOINT_EVENTS events."""
        events = iter(events)
        due = CHECKPOINT_EVENTS - position.events % CHECKPOINT_EVENTS
        while chunk := list(islice(events, due)):
            position.fold(chunk)
            if len(chunk) == due:
                self._tx.run("checkpoint_write", **position.row)
                due = CHECKPOINT_EVENTS


def digest(positions: Mapping[str, Position]) -> str:
    """One digest over all positions: equal digests, equal books."""
    return digest_of(json.dumps([*positions[symbol].row.values()]) for symbol in sorted(positions))


def digest_of(rows: Iterable[str]) -> str:
    """`digest` of positions' rows, each as JSON, in the order of their symbols."""
    return sha256(f"[{', '.join(rows)}]".encode()).hexdigest()[:32]
