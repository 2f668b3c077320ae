"""A cycle while it runs, and the result made of it. Authoritative is only the database."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from engine.clock import now_ms
from engine.cycles.metrics import CycleMetrics
from engine.cycles.results import (
    CursorChange,
    CycleResult,
    CycleStatus,
    Kind,
    Notice,
    Verdict,
    notice,
    views,
)
from engine.errors import StoreFatal
from engine.ingest.quarantine import QuarantinedItem
from engine.ledger.accounting import money_json
from engine.ledger.commit import Commit
from engine.trading.execution import Executed


@dataclass(slots=True)
class RunningCycle:
    """What a cycle knows of itself so far."""

    cycle_id: int
    kind: Kind
    mode: str
    replay_of: int | None = None
    started_ms: int = field(default_factory=now_ms)
    venue_ms: int = 0
    step: str = "begin"
    timings_ms: dict[str, float] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    unfetched: set[str] = field(default_factory=set)
    corrections: list[QuarantinedItem] = field(default_factory=list)
    digest_before: str | None = None
    commit: Commit | None = None
    executed: Executed = field(default_factory=Executed)
    metrics: CycleMetrics | None = None
    status: CycleStatus | None = None  # where nothing was committed
    fatal: StoreFatal | None = None
    errors: list[Notice] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        self.step = step
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.timings_ms[step] = round((time.perf_counter() - begun) * 1_000, 3)

    def failed(self, error: BaseException, symbol: str | None = None) -> None:
        self.errors.append(notice(self.step, error, symbol))

    def warn(self, kind: str, message: str, symbol: str | None = None) -> None:
        self.warnings.append(Notice(step=self.step, type=kind, message=message, symbol=symbol))


def status_of(draft: RunningCycle) -> CycleStatus:
    """Whatever happened after a commit, it was one."""
    if draft.commit is None:
        return draft.status or CycleStatus.FAILED
    return CycleStatus.PARTIAL if draft.errors or draft.held else CycleStatus.OK


def verdict_of(draft: RunningCycle) -> Verdict | None:
    if draft.kind is not Kind.REPLAY or draft.commit is None:
        return None
    if draft.commit.conflicting:
        return Verdict.CONFLICT
    same = draft.commit.positions_digest == draft.digest_before
    return Verdict.CLEAN if same and not draft.commit.inserted else Verdict.RECOVERED


def end_row(draft: RunningCycle, ended_ms: int) -> dict[str, object]:
    commit = draft.commit
    return {
        "cycle_id": draft.cycle_id,
        "kind": draft.kind,
        "status": status_of(draft),
        "replay_of": draft.replay_of,
        "verdict": verdict_of(draft),
        "mode": draft.mode,
        "started_ms": draft.started_ms,
        "venue_ms": draft.venue_ms,
        "ended_ms": ended_ms,
        "marks_json": money_json(draft.marks),
        "timings_json": json.dumps(draft.timings_ms),
        "fills_fetched": commit.fills_fetched if commit else 0,
        "fills_count": commit.fills_count if commit else 0,
        "errors_json": json.dumps([entry.model_dump() for entry in draft.errors]),
        "warnings_json": json.dumps([entry.model_dump() for entry in draft.warnings]),
    }


def result_of(draft: RunningCycle, ended_ms: int, account: str) -> CycleResult:
    commit, done, measured = draft.commit, draft.executed, draft.metrics
    facts: dict[str, object] = {}
    if commit is not None:
        facts = {
            "commit_seq": commit.commit_seq,
            "ledger_events_attempted": commit.attempted,
            "ledger_events_inserted": commit.inserted,
            "ledger_events_ignored": commit.ignored,
            "ledger_events_conflicting": commit.conflicting,
            "fills_fetched": commit.fills_fetched,
            "fills_count": commit.fills_count,
            "cursors": {
                key: CursorChange(before=move.before, after=move.after)
                for key, move in commit.cursors.items()
            },
            "positions": views(commit.positions, draft.marks),
            "positions_digest": commit.positions_digest,
        }
    if measured is not None:
        facts |= {
            "metrics_persisted": True,
            "fills_per_submitted_order": measured.fills_per_submitted_order,
            "avg_time_to_fill": measured.avg_time_to_fill,
            "slippage_bps_avg": measured.slippage_bps_avg,
        }
    return CycleResult.model_validate(
        {
            "cycle_id": draft.cycle_id,
            "kind": draft.kind,
            "status": status_of(draft),
            "account": account,
            "mode": draft.mode,
            "started_ms": draft.started_ms,
            "ended_ms": ended_ms,
            "venue_ms": draft.venue_ms,
            "replay_of": draft.replay_of,
            "verdict": verdict_of(draft),
            "held": tuple(sorted(draft.held)),
            "timings_ms": draft.timings_ms,
            "orders_submitted": done.submitted,
            "orders_canceled": done.canceled,
            "orders_refused": done.refused,
            "rejects_count": done.rejects,
            "errors": tuple(draft.errors),
            "warnings": tuple(draft.warnings),
            **facts,
        }
    )
