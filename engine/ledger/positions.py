"""Keep the stored positions equal to the fold of the ledger.

Runs inside TX 1. New events at the end are folded on; an event that sorts before one already
applied takes the symbol back to its last checkpoint before that event, and on from there.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from operator import attrgetter
from typing import Any

from engine.ledger.accounting import Position, fold, money_json, read_money_json
from engine.ledger.events import Event, event_key, in_fold_order
from engine.money import canonical
from engine.store.tx import Tx

CHECKPOINT_EVENTS = 256
# Where a position stands in its symbol's fold.
PLACE = ("events", "last_ts", "last_trade_id", "last_event_id")


def apply(tx: Tx, events: Iterable[Event], unsettled: set[str]) -> dict[str, Position]:
    """Apply newly inserted events; returns the positions that changed, by symbol.

    `unsettled` symbols are folded anew from the beginning of the ledger.
    """
    by_symbol: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_symbol[event.symbol].append(event)
    changed = {}
    for symbol in sorted(by_symbol.keys() | unsettled):
        new = list(in_fold_order(sorted(by_symbol[symbol], key=attrgetter("ts"))))
        if symbol in unsettled:
            changed[symbol] = _refold(tx, symbol, 0)
            continue
        position = read_position(tx, symbol)
        if event_key(new[0]) > position.last:
            _fold_on(tx, position, new)
        else:
            position = _refold(tx, symbol, new[0].ts)
        changed[symbol] = position
    return changed


def read_position(tx: Tx, symbol: str) -> Position:
    row = tx.record("position_read", symbol=symbol)
    return position_of(row) if row else Position(symbol)


def read_positions(tx: Tx) -> dict[str, Position]:
    return {row["symbol"]: position_of(row) for row in tx.named("positions_all")}


def position_of(row: Mapping[str, Any]) -> Position:
    """The position of a row. Of a row of `position_history`, which has no place in the fold, the
    money alone."""
    return Position(
        row["symbol"],
        Decimal(row["qty"]),
        Decimal(row["cost"]),
        Decimal(row["realized_pnl"]),
        read_money_json(row["fees_json"]),
        **{name: row[name] for name in PLACE if name in row},
    )


def digest(positions: Mapping[str, Position]) -> str:
    """One digest over all positions: equal digests, equal books."""
    return digest_of(
        json.dumps([*row_of(positions[symbol]).values()]) for symbol in sorted(positions)
    )


def digest_of(rows: Iterable[str]) -> str:
    """`digest` of positions' rows, each as JSON, in the order of their symbols."""
    return sha256(f"[{', '.join(rows)}]".encode()).hexdigest()[:32]


def read_events(tx: Tx, symbol: str, since_ms: int = 0) -> Iterator[Event]:
    """A symbol's events from a time on, in fold order, streamed."""
    rows = tx.each("events_from", symbol=symbol, since_ms=since_ms)
    return in_fold_order(map(Event._make, rows))


def _refold(tx: Tx, symbol: str, since_ms: int) -> Position:
    row = tx.record("checkpoint_before", symbol=symbol, before_ms=since_ms)
    position = position_of(row) if row else Position(symbol)
    tx.run("checkpoints_drop", symbol=symbol, since_ms=since_ms)
    done = position.last
    later = (
        event for event in read_events(tx, symbol, position.last_ts) if event_key(event) > done
    )
    _fold_on(tx, position, later)
    return position


def _fold_on(tx: Tx, position: Position, events: Iterable[Event]) -> None:
    """Fold, leaving a checkpoint every CHECKPOINT_EVENTS events."""
    events = iter(events)
    due = CHECKPOINT_EVENTS - position.events % CHECKPOINT_EVENTS
    while chunk := list(islice(events, due)):
        fold(position, chunk)
        if len(chunk) == due:
            tx.run("checkpoint_write", **row_of(position))
            due = CHECKPOINT_EVENTS


def row_of(position: Position) -> dict[str, Any]:
    """A position's row, its columns in the order that digests have them in."""
    return {
        "symbol": position.symbol,
        "qty": canonical(position.qty),
        "cost": canonical(position.cost),
        "realized_pnl": canonical(position.realized_pnl),
        "fees_json": money_json(position.fees),
    } | {name: getattr(position, name) for name in PLACE}


def positions_as_of(tx: Tx, commit_seq: int, statement: str = "positions_as_of") -> list[Position]:
    """The positions as they were after a commit."""
    return [position_of(row) for row in tx.named(statement, commit_seq=commit_seq)]
