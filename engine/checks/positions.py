"""Positions as they stand: the fold of the ledger."""

from collections.abc import Iterator
from decimal import DecimalException
from itertools import islice
from typing import Any

from engine.checks.check import EVERY, Count, Violation, differing, violation
from engine.ledger import positions
from engine.ledger.accounting import Position, fold
from engine.ledger.events import Event
from engine.store.tx import Tx

MONEY = ("qty", "cost", "realized_pnl", "fees_json")


def check_positions(tx: Tx, count: Count) -> Iterator[Violation]:
    """Stored positions and checkpoints are the fold of the ledger."""
    for symbol in tx.column("verify_symbols"):
        events = positions.read_events(tx, symbol)
        position = Position(symbol)
        for row in tx.each_named("verify_checkpoints", symbol=symbol):
            fold_some(position, islice(events, row["events"] - position.events), count)
            yield from _compare("position_checkpoints", position, row)
        fold_some(position, events, count)
        stored = tx.record("position_read", symbol=symbol)
        yield from _compare("stage4_positions", position, stored)
    for symbol, cycle_id, changed_in in tx.each("verify_position_cycles"):
        yield violation("stage4_positions", f"{symbol}.cycle_id", changed_in, cycle_id)


def fold_some(position: Position, events: Iterator[Event], count: Count | None = None) -> None:
    """Carry a position on over events. Raises `ValueError` where their figures do not add up."""
    while batch := list(islice(events, EVERY)):
        try:
            fold(position, batch)
        except DecimalException as error:
            span = f"{batch[0].event_id} … {batch[-1].event_id}"
            raise ValueError(f"{position.symbol}: no fold of {span}: {error!r}") from error
        if count is not None:
            count.add(len(batch))


def _compare(table: str, position: Position, stored: dict[str, Any] | None) -> Iterator[Violation]:
    expected = positions.row_of(position)
    if stored is None:
        yield violation(table, position.symbol, (*expected.values(),), "no row")
    else:
        yield from differing(table, position.symbol, expected, stored)
