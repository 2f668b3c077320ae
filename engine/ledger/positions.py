"""Keep the stored positions equal to the fold of the ledger.

Runs inside TX 1. New events at the end are folded on; an event that sorts before one already
applied takes the symbol back to its last checkpoint before that event, and on from there.
"""

import json
import sqlite3
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
from engine.store.statements import SQL

CHECKPOINT_EVENTS = 256


def apply(
    connection: sqlite3.Connection, events: Iterable[Event], unsettled: set[str]
) -> dict[str, Position]:
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
            changed[symbol] = _refold(connection, symbol, 0)
            continue
        position = read_position(connection, symbol)
        if event_key(new[0]) > position.last:
            _fold_on(connection, position, new)
        else:
            position = _refold(connection, symbol, new[0].ts)
        changed[symbol] = position
    return changed


def read_position(connection: sqlite3.Connection, symbol: str) -> Position:
    rows = connection.execute(SQL["position_read"], (symbol,)).fetchall()
    return position_of(rows[0]) if rows else Position(symbol)


def read_positions(connection: sqlite3.Connection) -> dict[str, Position]:
    rows = connection.execute(SQL["positions_all"]).fetchall()
    return {row[0]: position_of(row) for row in rows}


def position_of(row: tuple[Any, ...]) -> Position:
    symbol, qty, cost, realized_pnl, fees_json, events, last_ts, last_trade_id, last_event_id = row
    return Position(
        symbol,
        Decimal(qty),
        Decimal(cost),
        Decimal(realized_pnl),
        read_money_json(fees_json),
        events,
        last_ts,
        last_trade_id,
        last_event_id,
    )


def digest(positions: Mapping[str, Position]) -> str:
    """One digest over all positions: equal digests, equal books."""
    return digest_of(json.dumps(row_of(positions[symbol])) for symbol in sorted(positions))


def digest_of(rows: Iterable[str]) -> str:
    """`digest` of positions' rows, each as JSON, in the order of their symbols."""
    return sha256(f"[{', '.join(rows)}]".encode()).hexdigest()[:32]


def read_events(connection: sqlite3.Connection, symbol: str, since_ms: int = 0) -> Iterator[Event]:
    """A symbol's events from a time on, in fold order, streamed."""
    rows = connection.execute(SQL["events_from"], (symbol, since_ms))
    return in_fold_order(map(Event._make, rows))


def _refold(connection: sqlite3.Connection, symbol: str, since_ms: int) -> Position:
    rows = connection.execute(SQL["checkpoint_before"], (symbol, since_ms)).fetchall()
    position = position_of(rows[0]) if rows else Position(symbol)
    connection.execute(SQL["checkpoints_drop"], (symbol, since_ms)).fetchall()
    done = position.last
    later = (
        event
        for event in read_events(connection, symbol, position.last_ts)
        if event_key(event) > done
    )
    _fold_on(connection, position, later)
    return position


def _fold_on(connection: sqlite3.Connection, position: Position, events: Iterable[Event]) -> None:
    """Fold, leaving a checkpoint every CHECKPOINT_EVENTS events."""
    events = iter(events)
    due = CHECKPOINT_EVENTS - position.events % CHECKPOINT_EVENTS
    while chunk := list(islice(events, due)):
        fold(position, chunk)
        if len(chunk) == due:
            connection.execute(SQL["checkpoint_write"], row_of(position)).fetchall()
            due = CHECKPOINT_EVENTS


def row_of(position: Position) -> tuple[Any, ...]:
    return (
        position.symbol,
        canonical(position.qty),
        canonical(position.cost),
        canonical(position.realized_pnl),
        money_json(position.fees),
        position.events,
        position.last_ts,
        position.last_trade_id,
        position.last_event_id,
    )


def positions_as_of(
    connection: sqlite3.Connection, commit_seq: int, statement: str = "positions_as_of"
) -> list[Position]:
    """The positions as they were after a commit."""
    rows = connection.execute(SQL[statement], (commit_seq,)).fetchall()
    return [
        Position(symbol, Decimal(qty), Decimal(cost), Decimal(realized), read_money_json(fees))
        for symbol, qty, cost, realized, fees in rows
    ]
