"""Positions as they stand: the fold of the ledger."""

from collections.abc import Callable, Iterator
from decimal import DecimalException
from itertools import islice
from typing import Any

from engine.checks.check import EVERY, Check, Violation
from engine.ledger.accounting import Position
from engine.ledger.events import Event
from engine.ledger.positions import Positions

MONEY = ("qty", "cost", "realized_pnl", "fees_json")


class PositionsCheck(Check):
    """Stored positions and checkpoints are the fold of the ledger."""

    name = "positions"

    def violations(self) -> Iterator[Violation]:
        for symbol in self._tx.column("verify_symbols"):
            events = Positions(self._tx).events(symbol)
            position = Position(symbol)
            for row in self._tx.each_named("verify_checkpoints", symbol=symbol):
                fold(position, islice(events, row["events"] - position.events), self.count)
                yield from self._compare("position_checkpoints", position, row)
            fold(position, events, self.count)
            stored = self._tx.record("position_read", symbol=symbol)
            yield from self._compare("stage4_positions", position, stored)
        for symbol, cycle_id, changed_in in self._tx.each("verify_position_cycles"):
            yield Violation.of("stage4_positions", f"{symbol}.cycle_id", changed_in, cycle_id)

    @staticmethod
    def _compare(table: str, position: Position, row: dict[str, Any] | None) -> Iterator[Violation]:
        expected = position.row
        if row is None:
            yield Violation.of(table, position.symbol, (*expected.values(),), "no row")
        else:
            yield from Violation.of_columns(table, position.symbol, expected, row)


def fold(
    position: Position, events: Iterator[Event], count: Callable[[int], object] = lambda more: None
) -> None:
    """Carry a position on over events, counting them. Raises `ValueError` where their figures do
    not add up."""
    while batch := list(islice(events, EVERY)):
        try:
            position.fold(batch)
        except DecimalException as error:
            span = f"{batch[0].event_id} … {batch[-1].event_id}"
            raise ValueError(f"{position.symbol}: no fold of {span}: {error!r}") from error
        count(len(batch))
