"""A cycle while it runs, and the result made of it. Authoritative is only the database."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from engine.clock import now_ms
from engine.cycles.metrics import CycleMetrics
from engine.cycles.results import (
    CycleResult,
    CycleStatus,
    Kind,
    Notice,
    Verdict,
    balance_views,
    notice,
    views,
)
from engine.errors import StoreFatal
from engine.ingest.prepare import Prepared
from engine.ledger.accounting import money_json
from engine.ledger.commit import COUNTS, Commit
from engine.ledger.events import Event
from engine.ledger.markets import RULES
from engine.trading.execution import Executed


@dataclass(slots=True)
class RunningCycle:
    """A cycle so far: its step, what it was answered, what it committed, what went wrong.

    `failure` is its status where nothing was committed. `attention` are markets, and assets, whose
    figures are not to be relied on, `held` those that wait for the operator. `events` are account
    events to be booked with the fills.
    """

    cycle_id: int
    kind: Kind
    mode: str
    replay_of: int | None = None
    started_ms: int = field(default_factory=now_ms)
    venue_ms: int = 0
    step: str = "begin"
    timings_ms: dict[str, float] = field(default_factory=dict)
    marks: Mapping[str, Decimal] = field(default_factory=dict)
    unfetched: set[str] = field(default_factory=set)
    attention: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    prepared: Prepared = field(default_factory=Prepared)
    events: Sequence[Event] = ()
    commit: Commit | None = None
    executed: Executed = field(default_factory=Executed)
    metrics: CycleMetrics | None = None
    failure: CycleStatus = CycleStatus.FAILED
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

    @property
    def status(self) -> CycleStatus:
        """Whatever happened after a commit, it was one; else the worst of its markets'."""
        if self.commit is None:
            return self.failure
        if self.errors:
            return CycleStatus.PARTIAL
        if self.held:
            return CycleStatus.HELD
        return CycleStatus.ATTENTION if self.attention else CycleStatus.OK

    @property
    def verdict(self) -> Verdict | None:
        if self.kind is not Kind.REPLAY or self.commit is None:
            return None
        if self.commit.conflicting:
            return Verdict.CONFLICT
        before = self.commit.digest_before
        same = before is None or before == self.commit.positions_digest
        return Verdict.CLEAN if same and not self.commit.inserted else Verdict.RECOVERED

    def row(self, ended_ms: int) -> dict[str, object]:
        """The values of the cycle's row in `cycles`."""
        commit = self.commit
        return {
            "cycle_id": self.cycle_id,
            "kind": self.kind,
            "status": self.status,
            "replay_of": self.replay_of,
            "verdict": self.verdict,
            "mode": self.mode,
            "started_ms": self.started_ms,
            "venue_ms": self.venue_ms,
            "ended_ms": ended_ms,
            "marks_json": money_json(self.marks),
            "timings_json": json.dumps(self.timings_ms),
            "errors_json": json.dumps([entry.model_dump() for entry in self.errors]),
            "edge": RULES,
            "warnings_json": json.dumps([entry.model_dump() for entry in self.warnings]),
            "committed": self._outcome,
            "cursors_json": commit.cursors_json if commit and commit.is_nothing else None,
            **{name: getattr(commit, name) if commit else 0 for name in COUNTS},
        }

    @property
    def _outcome(self) -> str:
        if self.commit is None:
            return "no"
        return "nothing" if self.commit.is_nothing else "yes"

    def result(self, ended_ms: int, account: str) -> CycleResult:
        return CycleResult(
            cycle_id=self.cycle_id,
            kind=self.kind,
            status=self.status,
            account=account,
            mode=self.mode,
            started_ms=self.started_ms,
            ended_ms=ended_ms,
            venue_ms=self.venue_ms,
            replay_of=self.replay_of,
            verdict=self.verdict,
            held=tuple(sorted(self.held)),
            timings_ms=self.timings_ms,
            orders_submitted=self.executed.submitted,
            orders_canceled=self.executed.canceled,
            orders_refused=self.executed.refused,
            rejects_count=self.executed.rejects,
            errors=tuple(self.errors),
            warnings=tuple(self.warnings),
            **self._committed(),
            **self._measured(),
        )

    def _committed(self) -> dict[str, object]:
        commit = self.commit
        if commit is None:
            return {}
        return {
            "commit_seq": commit.commit_seq,
            "nothing_to_commit": commit.is_nothing,
            "ledger_events_attempted": commit.attempted,
            "ledger_events_inserted": commit.inserted,
            "ledger_events_ignored": commit.ignored,
            "ledger_events_conflicting": commit.conflicting,
            "fills_fetched": commit.fills_fetched,
            "fills_count": commit.fills_count,
            "cursors": dict(commit.cursors),
            "positions": views(commit.positions, self.marks, commit.oversold),
            "balances": balance_views(commit.balances, commit.oversold),
            "positions_digest": commit.positions_digest,
        }

    def _measured(self) -> dict[str, object]:
        metrics = self.metrics
        if metrics is None:
            return {}
        return {
            "metrics_persisted": True,
            "fills_per_submitted_order": metrics.fills_per_submitted_order,
            "avg_time_to_fill": metrics.avg_time_to_fill,
            "slippage_bps_avg": metrics.slippage_bps_avg,
        }
