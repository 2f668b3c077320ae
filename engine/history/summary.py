"""The books as they stand: what Health shows and what a console starts from."""

import json
from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from engine.cycles.results import CycleStatus, PositionView, views
from engine.history.results_reader import last_cycle_id
from engine.ingest.quarantine import held
from engine.ledger.accounting import read_money_json
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.identity import Identity
from engine.ledger.positions import Positions
from engine.store.lease import read_lease
from engine.store.library import VERSION
from engine.store.migrate import current
from engine.store.tx import Tx

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


def read_books(tx: Tx, wal_bytes: int, earlier: LedgerSummary | None = None) -> LedgerSummary:
    """Read them on one snapshot. `earlier` ones of the same file save counting its fills again."""
    lease = read_lease(tx)
    recent = tx.rows("history_recent", limit=RECENT_CYCLES)
    marks = next((row[1] for row in recent if row[1] != "{}"), "{}")
    [(database_bytes, free_bytes)] = tx.rows("history_bytes")
    last_commit_seq = tx.value("commit_last") or 0
    return LedgerSummary(
        ledger=Identity.stored(tx),
        schema_version=current(tx),
        sqlite_version=VERSION,
        journal_mode=tx.value("history_journal_mode"),
        database_bytes=database_bytes,
        wal_bytes=wal_bytes,
        free_bytes=free_bytes,
        lease_holder=lease.holder,
        lease_epoch=lease.epoch,
        lease_acquired_ms=lease.acquired_ms,
        lease_heartbeat_ms=lease.heartbeat_ms,
        last_commit_seq=last_commit_seq,
        last_cycle_id=last_cycle_id(tx),
        events=tx.value("last_seq"),
        fills=_fills(tx, last_commit_seq, earlier),
        positions=views(Positions(tx).all(), read_money_json(marks)),
        cursors=_cursors(tx),
        counts=_counts(tx, [row[0] for row in recent]),
        errors=_errors(text for row in recent for text in row[2:]),
    )


def _fills(tx: Tx, last_commit_seq: int, earlier: LedgerSummary | None) -> int:
    """Only counting gives the exact number, which takes longer the more there are; what came
    since an earlier count does not."""
    if earlier is None or last_commit_seq < earlier.last_commit_seq:
        return int(tx.value("history_fills"))
    since: int = tx.value("history_fills_since", commit_seq=earlier.last_commit_seq)
    return earlier.fills + since


def _cursors(tx: Tx) -> tuple[CursorView, ...]:
    holding = held(tx)
    rows = tx.named("history_cursors")
    symbols = [row["key"].removeprefix(CURSOR_PREFIX) for row in rows]
    return tuple(
        CursorView(**row, symbol=symbol, held=symbol in holding)
        for row, symbol in zip(rows, symbols, strict=True)
    )


def _counts(tx: Tx, statuses: Iterable[str]) -> dict[str, int]:
    [counts] = tx.named("history_counts")
    by_status = dict.fromkeys(map(str, CycleStatus), 0) | Counter(statuses)
    return counts | {f"cycles_{status}": number for status, number in by_status.items()}


def _errors(notices_json: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Each type of notice and how often it occurred, the most frequent first."""
    found = Counter(
        notice["type"] for text in notices_json if text != "[]" for notice in json.loads(text)
    )
    return tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
