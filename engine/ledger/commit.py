"""TX 1: ledger, accounting and cursors, all or nothing. The single commit boundary.

`commit_cycle` is the function that runs inside the transaction; nothing else writes these tables.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from engine.ledger import append, positions
from engine.ledger.accounting import Position
from engine.ledger.append import Appended
from engine.ledger.events import FILL, Event
from engine.ledger.fills import Fill
from engine.store.statements import SQL

CURSOR_PREFIX = "fills_cursor:"


@dataclass(frozen=True, slots=True)
class PreparedMarket:
    """What was asked of the venue for one symbol, and what came of it that can be read.

    `since_ms` is where the window begins, `start_ms` where the symbol's history begins by
    configuration. `held` keeps the cursor where it is: the fills go in, but something in the
    window could not be read.
    """

    symbol: str
    since_ms: int
    start_ms: int
    fills: tuple[Fill, ...]
    held: bool = False

    @property
    def cursor_key(self) -> str:
        return CURSOR_PREFIX + self.symbol


@dataclass(frozen=True, slots=True)
class CursorMove:
    """A cursor in UTC milliseconds before and after a commit; `before` is null at its start."""

    before: int | None
    after: int


@dataclass(frozen=True, slots=True)
class Commit:
    """What one TX 1 did."""

    commit_seq: int
    cycle_id: int
    attempted: int
    inserted: int
    ignored: int
    conflicting: int
    fills_fetched: int
    fills_count: int
    cursors: Mapping[str, CursorMove]
    positions: Mapping[str, Position]
    positions_digest: str


def commit_cycle(
    connection: sqlite3.Connection,
    windows: Iterable[PreparedMarket],
    *,
    cycle_id: int,
    lease_epoch: int,
    now_ms: int,
) -> Commit:
    windows = tuple(windows)
    fills = [fill for window in windows for fill in window.fills]
    appended = append.append(connection, fills, cycle_id)
    changed = positions.apply(connection, appended.inserted, appended.unsettled)
    cursors = _move_cursors(connection, windows, appended.conflicting, cycle_id)
    seq, before = _last_commit(connection)
    keep_positions(connection, changed, seq + 1, cycle_id)
    first_seq, last_seq = _rows_of(connection, len(appended.inserted))
    after = positions.read_positions(connection)
    digest = positions.digest(after)
    record: dict[str, Any] = {
        "commit_seq": seq + 1,
        "cycle_id": cycle_id,
        "committed_ms": now_ms,
        "lease_epoch": lease_epoch,
        **_counts(appended),
        "fills_fetched": len(fills),
        "fills_count": appended.fills_count,
        "first_seq": first_seq,
        "last_seq": last_seq,
        "cursors_json": json.dumps({k: [m.before, m.after] for k, m in cursors.items()}),
        "positions_digest": digest,
    }
    record["hash"] = chain_hash(before, record, (event.hash for event in appended.inserted))
    connection.execute(SQL["commit_append"], record).fetchall()
    return Commit(
        commit_seq=seq + 1,
        cycle_id=cycle_id,
        **_counts(appended),
        fills_fetched=len(fills),
        fills_count=appended.fills_count,
        cursors=cursors,
        positions=after,
        positions_digest=digest,
    )


def read_commit(connection: sqlite3.Connection, cycle_id: int) -> Commit | None:
    """What a cycle's TX 1 did, from the database; null where it did not take effect."""
    cursor = connection.execute(SQL["commit_of_cycle"], (cycle_id,))
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    if not rows:
        return None
    record = dict(zip(names, rows[0], strict=True))
    moves = json.loads(record["cursors_json"])
    return Commit(
        **{name: record[name] for name in names if name in Commit.__dataclass_fields__},
        cursors={key: CursorMove(before, after) for key, (before, after) in moves.items()},
        positions=positions.read_positions(connection),
    )


# What a commit's hash covers besides the events: everything it says.
CHAINED = (
    "commit_seq", "cycle_id", "committed_ms", "lease_epoch", "attempted", "inserted", "ignored",
    "conflicting", "fills_fetched", "fills_count", "first_seq", "last_seq", "cursors_json",
    "positions_digest",
)  # fmt: skip


def chain_hash(before: bytes, record: Mapping[str, Any], event_hashes: Iterable[bytes]) -> bytes:
    """The link of one commit: the hash before, the commit's own fields, its events' hashes."""
    link = blake2b(before, digest_size=32)
    link.update(json.dumps([record[name] for name in CHAINED]).encode())
    for event_hash in event_hashes:
        link.update(event_hash)
    return link.digest()


def _counts(appended: Appended) -> dict[str, int]:
    return {
        "attempted": appended.attempted,
        "inserted": len(appended.inserted),
        "ignored": appended.ignored,
        "conflicting": len(appended.conflicting),
    }


def _move_cursors(
    connection: sqlite3.Connection,
    windows: Iterable[PreparedMarket],
    conflicting: Iterable[Event],
    cycle_id: int,
) -> dict[str, CursorMove]:
    """Each cursor to the latest fill seen, never back, and only over a window that joins it.

    A window that begins after the cursor (a later cycle replayed on an old backup) leaves a gap
    that nobody has looked at: its fills count, but the cursor stays.
    """
    contradicted = {event.trade_id for event in conflicting if event.type == FILL}
    moves = {}
    for window in windows:
        key = window.cursor_key
        row = connection.execute(SQL["cursor_read"], (key,)).fetchall()
        before: int | None = row[0][0] if row else None
        if before is None:
            start = {"key": key, "start_ms": window.start_ms, "cycle_id": cycle_id}
            connection.execute(SQL["cursor_start"], start).fetchall()
        now = window.start_ms if before is None else before
        seen = [fill.ts_ms for fill in window.fills if fill.trade_id not in contradicted]
        after = max([now, *seen])
        if window.held or window.since_ms > now:
            after = now
        if after > now:
            move = {"key": key, "value_ms": after, "cycle_id": cycle_id}
            connection.execute(SQL["cursor_advance"], move).fetchall()
        moves[key] = CursorMove(before, after)
    return moves


def keep_positions(
    connection: sqlite3.Connection, changed: Mapping[str, Position], seq: int, cycle_id: int
) -> None:
    for position in changed.values():
        row = positions.row_of(position)
        connection.execute(SQL["position_write"], (*row, cycle_id)).fetchall()
        symbol, *money_and_fees = row[:5]
        connection.execute(SQL["history_write"], (symbol, seq, *money_and_fees)).fetchall()


def _last_commit(connection: sqlite3.Connection) -> tuple[int, bytes]:
    rows = connection.execute(SQL["commit_last"]).fetchall()
    return rows[0] if rows else (0, b"")


def _rows_of(connection: sqlite3.Connection, inserted: int) -> tuple[int | None, int | None]:
    """The numbers of the rows just inserted: the last ones, for nothing is ever deleted."""
    if not inserted:
        return None, None
    last: int = connection.execute(SQL["last_seq"]).fetchall()[0][0]
    return last - inserted + 1, last
