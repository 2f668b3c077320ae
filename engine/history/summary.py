"""The books as they stand: what Health shows and what a console starts from."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.cycles.results import CycleStatus, PositionView, views
from engine.history.results_reader import last_cycle_id
from engine.ingest.quarantine import held
from engine.ledger.accounting import read_money_json
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.positions import read_positions
from engine.store.lease import read_lease
from engine.store.migrate import current
from engine.store.statements import SQL

# How many of the newest cycles are counted by status, and their errors by type.
RECENT_CYCLES = 1_000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class CursorView(_Frozen):
    """A cursor in UTC milliseconds; `moved_ms` is when the cycle that moved it last started."""

    key: str
    symbol: str
    value_ms: int
    start_ms: int
    moved_cycle_id: int
    moved_ms: int | None
    held: bool


class LedgerSummary(_Frozen):
    """The file as it stands now: what Health shows and what a console starts from.

    Sizes in bytes, times in UTC milliseconds. `counts` has the conflicts, quarantined items still
    open, cycles by status, orders whose fate is unknown. `lease_holder` is null when nobody runs.
    Marks are those of the newest cycle that had any. `errors` has how often each type of error
    and warning occurred; it and the cycles' counts are of the newest `RECENT_CYCLES`.
    """

    ledger: dict[str, str]
    schema_version: int
    sqlite_version: str
    journal_mode: str
    database_bytes: int
    wal_bytes: int
    free_bytes: int
    lease_holder: str | None
    lease_epoch: int
    lease_acquired_ms: int | None
    lease_heartbeat_ms: int | None
    last_commit_seq: int
    last_cycle_id: int
    events: int
    fills: int
    positions: dict[str, PositionView]
    cursors: tuple[CursorView, ...]
    counts: dict[str, int]
    errors: tuple[tuple[str, int], ...]


def read_books(
    connection: sqlite3.Connection, wal_bytes: int, earlier: LedgerSummary | None = None
) -> LedgerSummary:
    """Read them on one snapshot. `earlier` ones of the same file save counting its fills again."""
    lease = read_lease(connection)
    recent = connection.execute(SQL["history_recent"], (RECENT_CYCLES,)).fetchall()
    marks = next((row[1] for row in recent if row[1] != "{}"), "{}")
    database_bytes, free_bytes = _row(connection, "history_bytes")
    last_commits = connection.execute(SQL["commit_last"]).fetchall()
    last_commit_seq = last_commits[0][0] if last_commits else 0
    return LedgerSummary(
        ledger=dict(connection.execute(SQL["identity_read"]).fetchall()),
        schema_version=current(connection),
        sqlite_version=sqlite3.sqlite_version,
        journal_mode=_row(connection, "history_journal_mode")[0],
        database_bytes=database_bytes,
        wal_bytes=wal_bytes,
        free_bytes=free_bytes,
        lease_holder=lease.holder,
        lease_epoch=lease.epoch,
        lease_acquired_ms=lease.acquired_ms,
        lease_heartbeat_ms=lease.heartbeat_ms,
        last_commit_seq=last_commit_seq,
        last_cycle_id=last_cycle_id(connection),
        events=_row(connection, "last_seq")[0],
        fills=_fills(connection, last_commit_seq, earlier),
        positions=views(read_positions(connection), read_money_json(marks)),
        cursors=_cursors(connection),
        counts=_counts(connection, [row[0] for row in recent]),
        errors=_errors(text for row in recent for text in row[2:]),
    )


def _fills(
    connection: sqlite3.Connection, last_commit_seq: int, earlier: LedgerSummary | None
) -> int:
    """Only counting gives the exact number, which takes longer the more there are; what came
    since an earlier count does not."""
    if earlier is None or last_commit_seq < earlier.last_commit_seq:
        return int(_row(connection, "history_fills")[0])
    since = connection.execute(SQL["history_fills_since"], (earlier.last_commit_seq,)).fetchall()
    return earlier.fills + int(since[0][0])


def _cursors(connection: sqlite3.Connection) -> tuple[CursorView, ...]:
    holding = held(connection)
    found = []
    for row in connection.execute(SQL["history_cursors"]).fetchall():
        key, value_ms, start_ms, cycle_id, moved_ms = row
        symbol = key.removeprefix(CURSOR_PREFIX)
        view = CursorView(
            key=key,
            symbol=symbol,
            value_ms=value_ms,
            start_ms=start_ms,
            moved_cycle_id=cycle_id,
            moved_ms=moved_ms,
            held=symbol in holding,
        )
        found.append(view)
    return tuple(found)


def _counts(connection: sqlite3.Connection, statuses: Iterable[str]) -> dict[str, int]:
    cursor = connection.execute(SQL["history_counts"])
    names = [column[0] for column in cursor.description]
    counts = dict(zip(names, cursor.fetchall()[0], strict=True))
    by_status = dict.fromkeys(map(str, CycleStatus), 0) | Counter(statuses)
    return counts | {f"cycles_{status}": number for status, number in by_status.items()}


def _errors(notices_json: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Each type of notice and how often it occurred, the most frequent first."""
    found = Counter(
        notice["type"] for text in notices_json if text != "[]" for notice in json.loads(text)
    )
    return tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _row(connection: sqlite3.Connection, name: str) -> Sequence[Any]:
    """The one row of a statement without values."""
    row: Sequence[Any] = connection.execute(SQL[name]).fetchall()[0]
    return row
