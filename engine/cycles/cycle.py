"""The cycle: fetch → inputs → TX 1 → execute → TX 2 → feed."""

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import structlog

from engine.clock import now_ms
from engine.cycles import metrics
from engine.cycles.feed import Feed
from engine.cycles.metrics import CycleMetrics
from engine.cycles.preview import preview_replay
from engine.cycles.results import CycleResult, CycleStatus, Kind, Notice, Preview
from engine.cycles.running import RunningCycle, end_row, result_of
from engine.errors import (
    CommitUnknown,
    CycledeckError,
    LeaseLost,
    NoSuchCycle,
    StoreError,
    StoreFatal,
    StoreLocked,
    VenueError,
)
from engine.ingest import inputs, quarantine
from engine.ingest.fetching import Fetcher
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import read_answers, undecided_in, windows_of
from engine.ingest.quarantine import QuarantinedItem, Unreadable
from engine.ledger import positions
from engine.ledger.accounting import money_json
from engine.ledger.commit import CURSOR_PREFIX, Commit, PreparedMarket, commit_cycle, read_commit
from engine.settings import Settings
from engine.store.connection import complete
from engine.store.statements import SQL
from engine.store.store import Store
from engine.trading.execution import Execution
from engine.trading.strategies import Snapshot
from engine.venue import MarketRules, TradeIds, Venue
from engine.venues.retrying import Retrying

log = structlog.get_logger("cycledeck.cycle")

# How many ended cycles whose row could not be written are kept in memory until it can.
MAX_UNRECORDED = 1_000


class CycleRunner:
    """Runs one cycle at a time. `cycle_id` is the last one used.

    `running` is the cycle that runs; `on_change` is called when one begins and when it has ended.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        venue: Venue,
        retrying: Retrying,
        execution: Execution,
        feed: Feed,
        trade_ids: TradeIds,
        cycle_id: int,
    ) -> None:
        self._settings = settings
        self._store = store
        self._venue = venue
        self._retrying = retrying
        self._fetcher = Fetcher(settings, store, venue, retrying)
        self._execution = execution
        self._feed = feed
        self._trade_ids = trade_ids
        self._cycle_id = cycle_id
        self._rules: dict[str, MarketRules] | None = None
        self._unrecorded: deque[dict[str, object]] = deque(maxlen=MAX_UNRECORDED)
        self.fatal: StoreFatal | None = None
        self.running: RunningCycle | None = None
        self.on_change: Callable[[], None] = lambda: None

    async def run(self, kind: Kind = Kind.LIVE) -> CycleResult:
        """Run one cycle against the venue. Every failure is in the result; only a cancellation
        is raised, after the result was published."""
        return await self._contained(self._draft(kind), self._live)

    async def replay(self, cycle_id: int) -> CycleResult:
        """Run phase 1 again on what the venue said in `cycle_id`. Never sends orders.

        Raises `NoSuchCycle` where there are no such inputs.
        """
        original, replies = await self._evidence(cycle_id)
        draft = self._draft(Kind.REPLAY, replay_of=original)
        return await self._contained(draft, partial(self._replay, replies=replies))

    async def preview(self, cycle_id: int) -> Preview:
        """What `replay` would do now; changes nothing. Raises `NoSuchCycle` or `StoreError`."""
        original, replies = await self._evidence(cycle_id)
        work = partial(
            preview_replay,
            cycle_id=cycle_id,
            original=original,
            replies=replies,
            trade_ids=self._trade_ids,
            replay_id=self._cycle_id + 1,
            lease_epoch=self._store.epoch or 0,
        )
        return await self._store.preview(work)

    async def _evidence(self, cycle_id: int) -> tuple[int, list[VenueResponse]]:
        """The cycle that a replay would run again, and what the venue said in it."""
        original = await self._store.read(partial(inputs.original_of, cycle_id=cycle_id))
        replies = await self._store.read(partial(inputs.load, cycle_id=original))
        if not replies:
            raise NoSuchCycle(f"cycle {cycle_id} does not exist, or its inputs are not kept")
        return original, replies

    def _draft(self, kind: Kind, replay_of: int | None = None) -> RunningCycle:
        self._cycle_id += 1
        return RunningCycle(self._cycle_id, kind, self._venue.mode.value, replay_of)

    async def _live(self, draft: RunningCycle) -> None:
        with draft.timed("fetch"):
            replies = await self._fetcher.fetch(draft)
        with draft.timed("inputs"):
            await self._keep_inputs(draft, replies)
            windows = await self._windows(draft, replies)
        with draft.timed("tx1"):
            if replies and not windows:
                raise VenueError("nothing was fetched: no market's fills are known for sure")
            await self._commit(draft, windows)
        with draft.timed("execute"):
            await self._execute(draft, [window.symbol for window in windows])

    async def _replay(self, draft: RunningCycle, replies: Sequence[VenueResponse]) -> None:
        with draft.timed("inputs"):
            await self._keep_inputs(draft, ())
            windows = await self._windows(draft, replies)
        with draft.timed("tx1"):
            await self._commit(draft, windows)

    async def _contained(
        self, draft: RunningCycle, phases: Callable[[RunningCycle], Awaitable[None]]
    ) -> CycleResult:
        self._now_runs(draft)
        try:
            self._store.check_file()
            await phases(draft)
        except asyncio.CancelledError as error:
            draft.failed(error)
            draft.status = CycleStatus.INTERRUPTED
            raise
        except StoreLocked as error:
            draft.failed(error)
            draft.status = CycleStatus.SKIPPED
        except LeaseLost as error:
            draft.failed(error)
            draft.status, draft.fatal = CycleStatus.FENCED, error
        except StoreFatal as error:
            draft.failed(error)
            draft.fatal = error
        except CycledeckError as error:
            draft.failed(error)
        except Exception as error:
            log.exception("cycle_failed_unexpectedly", cycle_id=draft.cycle_id, step=draft.step)
            draft.failed(error)
        finally:
            result = await complete(self._finish(draft))
            self._now_runs(None)
        return result

    def _now_runs(self, draft: RunningCycle | None) -> None:
        self.running = draft
        self.on_change()

    # --- inputs

    async def _keep_inputs(self, draft: RunningCycle, replies: Sequence[VenueResponse]) -> None:
        """Evidence for replays: best effort."""
        keep_ms = self._settings.keep_inputs

        def work(connection: sqlite3.Connection) -> None:
            begin = {
                "cycle_id": draft.cycle_id,
                "kind": draft.kind,
                "replay_of": draft.replay_of,
                "mode": draft.mode,
                "started_ms": draft.started_ms,
                "venue_ms": draft.venue_ms,
                "marks_json": money_json(draft.marks),
            }
            connection.execute(SQL["cycle_begin"], begin).fetchall()
            inputs.keep(connection, draft.cycle_id, draft.started_ms, replies)
            if keep_ms:
                inputs.expire(connection, draft.started_ms - keep_ms)

        try:
            await self._store.write(work)
        except StoreFatal:
            raise
        except StoreError as error:
            log.warning("cycle_inputs_persist_failed", cycle_id=draft.cycle_id, error=str(error))
            draft.warn("cycle_inputs_persist_failed", f"{type(error).__name__}: {error}")

    async def _windows(
        self, draft: RunningCycle, replies: Sequence[VenueResponse]
    ) -> list[PreparedMarket]:
        """Read the replies; quarantine what cannot be read, and hold those cursors."""
        complete_replies = []
        for reply in replies:
            if reply.error is None:
                complete_replies.append(reply)
                continue
            symbol = reply.request.symbol
            draft.unfetched.add(symbol)
            draft.errors.append(
                Notice(step="fetch", type="FetchFailed", message=reply.error, symbol=symbol)
            )
        cycle = draft.replay_of
        draft.corrections = await self._store.read(partial(quarantine.replacements, cycle_id=cycle))
        answers = read_answers(complete_replies, self._trade_ids, draft.corrections)
        undecided = await self._store.read(partial(undecided_in, answers=answers))
        await self._quarantine(draft, undecided)
        known = [answer for answer in answers if answer.symbol not in draft.unfetched]
        return windows_of(known, draft.held)

    async def _quarantine(self, draft: RunningCycle, unreadable: Sequence[Unreadable]) -> None:
        try:
            if unreadable:
                keep = partial(quarantine.keep, items=unreadable, cycle_id=draft.cycle_id)
                await self._store.write(keep)
        except (StoreFatal, StoreLocked):
            raise
        except StoreError as error:
            # What is not kept must not be passed over: these symbols are as good as not fetched.
            for symbol in sorted({item.symbol for item in unreadable}):
                draft.unfetched.add(symbol)
                draft.failed(error, symbol)
        draft.held = await self._store.read(partial(quarantine.held, items=unreadable))
        for symbol in sorted(draft.held):
            draft.warn("cursor_held", "an item in quarantine waits to be resolved", symbol)

    # --- TX 1

    async def _commit(self, draft: RunningCycle, windows: Sequence[PreparedMarket]) -> None:
        """The authoritative transaction. After a COMMIT that failed, read back what is true."""

        def work(connection: sqlite3.Connection) -> tuple[str, Commit]:
            replaying = draft.kind is Kind.REPLAY
            before = positions.read_positions(connection) if replaying else {}
            commit = commit_cycle(
                connection,
                windows,
                cycle_id=draft.cycle_id,
                lease_epoch=self._store.epoch or 0,
                now_ms=now_ms(),
            )
            return positions.digest(before), commit

        try:
            draft.digest_before, commit = await self._store.write(work)
        except CommitUnknown as error:
            await self._read_back(draft, error)
            raise
        draft.commit = commit
        self._report_commit(draft, commit)

    async def _read_back(self, draft: RunningCycle, unknown: CommitUnknown) -> None:
        try:
            draft.commit = await self._store.read(partial(read_commit, cycle_id=draft.cycle_id))
        except StoreError as error:
            draft.failed(error)  # TX 2 looks again.
        if draft.commit is not None:
            draft.warn("commit_confirmed", f"{unknown}; it took effect all the same")
            self._report_commit(draft, draft.commit)

    def _report_commit(self, draft: RunningCycle, commit: Commit) -> None:
        if commit.conflicting:
            draft.warn("ledger_conflict", f"events against the ledger: {commit.conflicting}")
        for symbol, position in commit.positions.items():
            if position.oversold:
                draft.warn("oversold", "more was sold than the ledger holds", symbol)
        limit = self._settings.wal_alarm_mib * 1024 * 1024
        if (size := self._store.wal_bytes()) > limit:
            draft.warn("wal_large", f"the write-ahead log has {size} bytes: a reader keeps it open")

    # --- execute

    async def _execute(self, draft: RunningCycle, fetched: Sequence[str]) -> None:
        if not self._venue.takes_orders or draft.commit is None:
            return
        await self.rebuild_metrics(await self._execution.resolve())
        if self._rules is None:
            self._rules = await self._retrying(self._venue.fetch_rules)
        uncertain = draft.held | draft.unfetched
        snapshot = Snapshot(
            now_ms=draft.venue_ms,
            symbols=tuple(symbol for symbol in fetched if symbol not in uncertain),
            positions=draft.commit.positions,
            marks=draft.marks,
            rules=self._rules or {},
            open_orders=(),
        )
        try:
            await self._execution.run(draft.cycle_id, snapshot, uncertain, draft.executed)
        finally:
            for symbol, message in draft.executed.errors:
                draft.errors.append(
                    Notice(step="execute", type="OrderTrouble", message=message, symbol=symbol)
                )
        await self.rebuild_metrics(draft.executed.revised)

    async def rebuild_metrics(self, cycle_ids: Iterable[int]) -> int:
        """Metrics of earlier cycles, which were lost or no longer hold. Best effort.

        Returns how many were rebuilt.
        """
        rebuilt = 0
        for cycle_id in sorted(cycle_ids):
            try:
                await self._store.write_metrics(partial(metrics.persist, cycle_id=cycle_id))
            except NoSuchCycle:
                continue
            except StoreError as error:
                _log_metrics_failure(cycle_id, error)
                break
            except Exception as error:
                log.exception("metrics_not_rebuilt", cycle_id=cycle_id)
                _log_metrics_failure(cycle_id, error)
            else:
                rebuilt += 1
        return rebuilt

    # --- TX 2 and feed

    async def _finish(self, draft: RunningCycle) -> CycleResult:
        ended_ms = now_ms()
        with draft.timed("tx2"):
            await self._persist(draft, ended_ms)
        self.fatal = self.fatal or draft.fatal
        result = result_of(draft, ended_ms, self._settings.account)
        self._log(result)
        self._feed.publish(result)
        return result

    async def _persist(self, draft: RunningCycle, ended_ms: int) -> None:
        """Best effort: a failure is logged and shown, and made up for in a later cycle."""
        late = list(self._unrecorded)

        def work(connection: sqlite3.Connection) -> CycleMetrics | None:
            if draft.commit is None:
                draft.commit = read_commit(connection, draft.cycle_id)
            for row in (*late, end_row(draft, ended_ms)):
                connection.execute(SQL["cycle_end"], row).fetchall()
                # A backfill meanwhile did not know how the cycle ended.
                connection.execute(SQL["metrics_drop"], (row["cycle_id"],)).fetchall()
            if draft.commit is None:
                return None
            quarantine.mark_applied(connection, self._applied(draft), draft.cycle_id)
            return metrics.persist(connection, draft.cycle_id, ended_ms)

        try:
            draft.metrics = await self._store.write_metrics(work)
        except Exception as error:
            if not isinstance(error, StoreError):
                log.exception("metrics_not_built", cycle_id=draft.cycle_id)
            _log_metrics_failure(draft.cycle_id, error)
            draft.warn("cycle_metrics_persist_failed", f"{type(error).__name__}: {error}")
            self._unrecorded.append(end_row(draft, ended_ms))
            return
        self._unrecorded.clear()
        await self.rebuild_metrics(int(str(row["cycle_id"])) for row in late)

    def _applied(self, draft: RunningCycle) -> list[QuarantinedItem]:
        if draft.kind is Kind.REPLAY or draft.commit is None:
            return []
        done = {key.removeprefix(CURSOR_PREFIX) for key in draft.commit.cursors}
        return [
            item
            for item in draft.corrections
            if json.loads(item.replacement or "")["symbol"] in done
        ]

    def _log(self, result: CycleResult) -> None:
        report = log.debug if result.status is CycleStatus.OK else log.warning
        report(
            "cycle",
            cycle_id=result.cycle_id,
            kind=result.kind.value,
            status=result.status.value,
            fetched=result.fills_fetched,
            inserted=result.ledger_events_inserted,
            ignored=result.ledger_events_ignored,
            conflicting=result.ledger_events_conflicting,
            orders=result.orders_submitted,
            errors=[error.message for error in result.errors],
        )


def _log_metrics_failure(cycle_id: int, error: Exception) -> None:
    log.warning(
        "cycle_metrics_persist_failed",
        cycle_id=cycle_id,
        error_type=type(error).__name__,
        error=str(error),
    )
