"""The cycle: fetch → inputs → prepare → TX 1 → execute → TX 2 → feed."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

import structlog

from engine.clock import now_ms
from engine.cycles import metrics
from engine.cycles.anchoring import Anchoring
from engine.cycles.attention import OVERSOLD, QUARANTINE, MarketStatus, market_states
from engine.cycles.feed import Feed
from engine.cycles.idle import no_longer_kept, sweep
from engine.cycles.metrics import CycleMetrics
from engine.cycles.opening import openings
from engine.cycles.preview import preview_decision, preview_replay
from engine.cycles.results import CycleResult, CycleStatus, Kind, Notice, Preview
from engine.cycles.running import RunningCycle
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
from engine.ingest.fill_cache import FillCache
from engine.ingest.left_out import LEFT_OUT, Overlooked
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import Prepared, prepare
from engine.ingest.releases import release
from engine.ledger.accounting import MAIN, money_json
from engine.ledger.commit import Commit, commit_cycle, read_commit
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.decision import Decision
from engine.ledger.events import Event
from engine.ledger.markets import RULES
from engine.ledger.quarantine_decisions import QuarantinedItem
from engine.settings import Settings
from engine.store.connection import complete
from engine.store.damage import sound_rows
from engine.store.store import Store
from engine.store.tx import Tx
from engine.trading.execution import Execution
from engine.trading.strategies import Snapshot
from engine.venue import MarketRules, Venue
from engine.venues.retrying import Retrying

log = structlog.get_logger("cycledeck.cycle")

STRANGE_FEES = "new fills booked with a fee that looks wrong: {count}, as {fee}"
RELEASED = "released from quarantine, for their fills are in the ledger: {count}"
PRIOR_PERIOD = "booked with a time in a period that is closed, events: {count}; `status` shows them"
# How many cycles there are between two steps of what is left of idle ones, when all is done.
SWEEP_EVERY = 64
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
        cycle_id: int,
    ) -> None:
        self._settings = settings
        self._store = store
        self._venue = venue
        self._retrying = retrying
        self._fetcher = Fetcher(settings, store, venue, retrying)
        self._overlooked = Overlooked(settings, store, venue)
        self._execution = execution
        self._feed = feed
        self._cycle_id = cycle_id
        self._has_commit = False
        self._rules: dict[str, MarketRules] | None = None
        self._next_sweep = 0
        self._unrecorded: deque[dict[str, object]] = deque(maxlen=MAX_UNRECORDED)
        self._told_fees: set[str] = set()
        self._fill_cache = FillCache()
        self.fatal: StoreFatal | None = None
        self.running: RunningCycle | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.anchoring: Anchoring | None = None

    async def run(self, kind: Kind = Kind.LIVE) -> CycleResult:
        """Run one cycle against the venue. Every failure is in the result; only a cancellation
        is raised, after the result was published."""
        return await self._contained(self._begun(kind), self._live)

    async def replay(self, cycle_id: int) -> CycleResult:
        """Run phase 1 again on what the venue said in `cycle_id`. Never sends orders.

        Raises `NoSuchCycle` where there are no such inputs.
        """
        original, responses = await self._evidence(cycle_id)
        clock_ms = await self._store.read(partial(inputs.clock_of, cycle_id=original))
        cycle = self._begun(Kind.REPLAY, replay_of=original)
        work = partial(self._replay, responses=responses, clock_ms=clock_ms)
        return await self._contained(cycle, work)

    async def preview(self, cycle_id: int) -> Preview:
        """What `replay` would do now; changes nothing. Raises `NoSuchCycle` or `StoreError`."""
        original, responses = await self._evidence(cycle_id)
        work = partial(
            preview_replay,
            cycle_id=cycle_id,
            original=original,
            responses=responses,
            replay_id=self._cycle_id + 1,
            lease_epoch=self._store.epoch or 0,
        )
        return await self._store.preview(work)

    async def decide(self, decision: Decision, actor: str) -> CycleResult:
        """Commit a decision of the operator: nothing is fetched, no order is sent.

        Raises `DecisionRefused` where it cannot be made, or `StoreError`; nothing is changed then.
        """
        await self.preview_decision(decision, actor)
        work = partial(self._decide, decision=decision, actor=actor)
        return await self._contained(self._begun(Kind.DECISION), work)

    async def preview_decision(self, decision: Decision, actor: str) -> Preview:
        """The preview of a decision; changes nothing. Raises `DecisionRefused` or `StoreError`."""
        work = partial(
            preview_decision,
            decision=decision,
            actor=actor,
            cycle_id=self._cycle_id + 1,
            lease_epoch=self._store.epoch or 0,
        )
        return await self._store.preview(work)

    async def _evidence(self, cycle_id: int) -> tuple[int, list[VenueResponse]]:
        """The cycle that a replay would run again, and what the venue said in it."""
        with sound_rows(self._store.path):
            original = await self._store.read(partial(inputs.original_of, cycle_id=cycle_id))
            responses = await self._store.read(partial(inputs.load, cycle_id=original))
        if not responses:
            idle = await self._store.read(partial(no_longer_kept, cycle_id=original))
            raise idle or NoSuchCycle(
                f"cycle {cycle_id} does not exist, or its inputs are not kept"
            )
        return original, responses

    def _begun(self, kind: Kind, replay_of: int | None = None) -> RunningCycle:
        self._cycle_id += 1
        return RunningCycle(self._cycle_id, kind, self._venue.mode.value, replay_of)

    async def _live(self, cycle: RunningCycle) -> None:
        with cycle.timed("fetch"):
            responses = await self._fetch(cycle)
        with cycle.timed("inputs"):
            await self._keep_inputs(cycle, responses)
            complete_ones = [response for response in responses if response.error is None]
            await self._prepare(cycle, complete_ones, cycle.venue_ms)
        with cycle.timed("tx1"):
            if responses and not cycle.prepared.markets:
                raise VenueError("nothing was fetched: no market's fills are known for sure")
            if not self._has_commit:
                cycle.events = await self._openings(responses)
            await self._commit(cycle)
        await self._tell_overlooked(cycle, complete_ones)
        with cycle.timed("execute"):
            await self._execute(cycle)

    async def _replay(
        self, cycle: RunningCycle, responses: Sequence[VenueResponse], clock_ms: int | None
    ) -> None:
        with cycle.timed("inputs"):
            await self._keep_inputs(cycle, ())
            await self._prepare(cycle, responses, clock_ms)
        with cycle.timed("tx1"):
            await self._commit(cycle)

    async def _decide(self, cycle: RunningCycle, decision: Decision, actor: str) -> None:
        with cycle.timed("inputs"):
            await self._keep_inputs(cycle, ())
        with cycle.timed("tx1"):
            await self._commit(cycle, decision, actor)
        why = f": {decision.reason}" if decision.reason else ""
        cycle.warn("decided", f"{decision.words}, by {actor}{why}")

    async def _fetch(self, cycle: RunningCycle) -> Sequence[VenueResponse]:
        """The venue's responses; its clock, its marks and each market's failure go to the cycle."""
        cycle.venue_ms = await self._fetcher.venue_ms()
        reconciling = cycle.kind is Kind.RECONCILE
        fetched = await self._fetcher.fetch(cycle.venue_ms, reconciling=reconciling)
        cycle.marks = fetched.marks
        if fetched.marks_error is not None:
            cycle.failed(fetched.marks_error)
        for response in fetched.responses:
            if response.error is not None:
                symbol, message = response.request.symbol, response.error
                cycle.unfetched.add(symbol)
                cycle.errors.append(
                    Notice(step="fetch", type="FetchFailed", message=message, symbol=symbol)
                )
        return fetched.responses

    async def _contained(
        self, cycle: RunningCycle, phases: Callable[[RunningCycle], Awaitable[None]]
    ) -> CycleResult:
        self._now_runs(cycle)
        try:
            self._store.check_file()
            await phases(cycle)
        except asyncio.CancelledError as error:
            cycle.failed(error)
            cycle.failure = CycleStatus.INTERRUPTED
            raise
        except StoreLocked as error:
            cycle.failed(error)
            cycle.failure = CycleStatus.SKIPPED
        except LeaseLost as error:
            cycle.failed(error)
            cycle.failure, cycle.fatal = CycleStatus.FENCED, error
        except StoreFatal as error:
            cycle.failed(error)
            cycle.fatal = error
        except CycledeckError as error:
            cycle.failed(error)
        except Exception as error:
            log.exception("cycle_failed_unexpectedly", cycle_id=cycle.cycle_id, step=cycle.step)
            cycle.failed(error)
        finally:
            result = await complete(self._finish(cycle))
            self._now_runs(None)
        return result

    def _now_runs(self, cycle: RunningCycle | None) -> None:
        self.running = cycle
        self.on_change()

    # --- inputs

    async def _keep_inputs(self, cycle: RunningCycle, responses: Sequence[VenueResponse]) -> None:
        """Evidence for replays: best effort."""
        keep_ms = self._settings.keep_inputs

        def work(tx: Tx) -> None:
            tx.run(
                "cycle_begin",
                cycle_id=cycle.cycle_id,
                kind=cycle.kind,
                replay_of=cycle.replay_of,
                mode=cycle.mode,
                started_ms=cycle.started_ms,
                venue_ms=cycle.venue_ms,
                marks_json=money_json(cycle.marks),
                edge=RULES,
            )
            inputs.keep(tx, cycle.cycle_id, cycle.started_ms, responses)
            if keep_ms:
                inputs.expire(tx, cycle.started_ms - keep_ms)

        try:
            await self._store.write(work)
        except StoreFatal:
            raise
        except StoreError as error:
            log.warning("cycle_inputs_persist_failed", cycle_id=cycle.cycle_id, error=str(error))
            cycle.warn("cycle_inputs_persist_failed", f"{type(error).__name__}: {error}")

    async def _prepare(
        self, cycle: RunningCycle, responses: Sequence[VenueResponse], clock_ms: int | None
    ) -> None:
        """Read the complete responses; quarantine what cannot be booked, and hold those cursors."""
        work = partial(
            prepare,
            responses=responses,
            clock_ms=clock_ms,
            cycle_id=cycle.cycle_id,
            replay_of=cycle.replay_of,
            cache=None if cycle.kind is Kind.REPLAY else self._fill_cache,
        )
        try:
            cycle.prepared = await self._store.write(work)
        except (StoreFatal, StoreLocked):
            raise
        except StoreError as error:
            prepared = await self._store.read(partial(work, quarantining=False))
            cycle.prepared = self._without_undecided(cycle, prepared, error)
        self._hold(cycle, cycle.prepared.held)

    @staticmethod
    def _hold(cycle: RunningCycle, symbols: Collection[str]) -> None:
        cycle.held |= set(symbols)
        for symbol in sorted(symbols):
            cycle.warn("cursor_held", QUARANTINE, symbol)

    def _without_undecided(
        self, cycle: RunningCycle, prepared: Prepared, error: StoreError
    ) -> Prepared:
        """An item that could not be quarantined must not be passed over: its market is as good as
        not fetched."""
        symbols = {item.symbol for item in prepared.undecided}
        for symbol in sorted(symbols):
            cycle.unfetched.add(symbol)
            cycle.failed(error, symbol)
        markets = tuple(market for market in prepared.markets if market.symbol not in symbols)
        releases = tuple(entry for entry in prepared.releases if entry.symbol not in symbols)
        return replace(prepared, markets=markets, releases=releases)

    # --- TX 1

    async def _openings(self, responses: Sequence[VenueResponse]) -> list[Event]:
        """The account's opening balances, for the first commit of its ledger."""
        if await self._store.read(lambda tx: tx.value("cycle_committed")):
            return []
        return openings(self._venue, responses)

    async def _commit(
        self, cycle: RunningCycle, decision: Decision | None = None, actor: str = ""
    ) -> None:
        """The authoritative transaction. After a COMMIT that failed, read back what is true."""

        outcome: list[Commit] = []
        held: set[str] = set()

        def work(tx: Tx) -> Commit:
            outcome.append(
                commit_cycle(
                    tx,
                    cycle.prepared.markets,
                    cycle_id=cycle.cycle_id,
                    lease_epoch=self._store.epoch or 0,
                    now_ms=now_ms(),
                    decision=decision,
                    actor=actor,
                    events=cycle.events,
                    event_cache=None if cycle.kind is Kind.REPLAY else self._fill_cache.events,
                )
            )
            if decision is not None:
                held.update(quarantine.held(tx))
            return outcome[-1]

        try:
            commit = await self._store.write(work)
        except CommitUnknown as error:
            self._hold(cycle, held)
            await self._read_back(cycle, error, outcome[-1])
            raise
        self._hold(cycle, held)
        cycle.commit = commit
        self._has_commit = True
        self._report_commit(cycle, commit)

    async def _read_back(
        self, cycle: RunningCycle, unknown: CommitUnknown, attempted: Commit
    ) -> None:
        if attempted.is_nothing:
            cycle.commit = attempted
            cycle.warn("commit_confirmed", f"{unknown}; there was nothing to commit")
            self._report_commit(cycle, attempted)
            return
        try:
            cycle.commit = await self._store.read(partial(read_commit, cycle_id=cycle.cycle_id))
        except StoreError as error:
            cycle.failed(error)  # TX 2 looks again.
        if cycle.commit is not None:
            cycle.warn("commit_confirmed", f"{unknown}; it took effect all the same")
            self._report_commit(cycle, cycle.commit)

    def _report_commit(self, cycle: RunningCycle, commit: Commit) -> None:
        if self.anchoring is not None:
            self.anchoring.tell()
            if self.anchoring.trouble is not None:
                cycle.warn("anchor_not_written", self.anchoring.trouble)
        if commit.conflicting:
            cycle.warn("ledger_conflict", f"events against the ledger: {commit.conflicting}")
        if commit.prior_period:
            cycle.warn("prior_period", PRIOR_PERIOD.format(count=commit.prior_period))
        released = Counter(entry.symbol for entry in cycle.prepared.releases)
        for symbol, count in sorted(released.items()):
            cycle.warn("quarantine_released", RELEASED.format(count=count), symbol)
        for symbol, (count, fee) in cycle.prepared.strange_fees.items():
            if symbol not in self._told_fees:
                self._told_fees.add(symbol)
                cycle.warn("strange_fee", STRANGE_FEES.format(count=count, fee=fee), symbol)
        for balance in sorted(commit.newly_oversold):
            cycle.warn("oversold", OVERSOLD, balance.named(balance.wallet != MAIN))
        for state in market_states(commit.positions.values(), commit.disputes, commit.questions):
            of_status = cycle.held if state.status is MarketStatus.HELD else cycle.attention
            of_status.add(state.symbol)
            cycle.warn(state.kind, state.message, state.symbol)
        for position in commit.positions.values():  # What is open about a name is about its market.
            if not (cycle.held | cycle.attention).isdisjoint(position.market.names):
                cycle.attention.add(position.symbol)
        limit = self._settings.wal_alarm_mib * 1024 * 1024
        if (size := self._store.wal_bytes()) > limit:
            cycle.warn("wal_large", f"the write-ahead log has {size} bytes: a reader keeps it open")

    async def _tell_overlooked(
        self, cycle: RunningCycle, responses: Iterable[VenueResponse]
    ) -> None:
        """Warn of lines that lie before the windows, and that nothing will read."""
        cursors = cycle.commit.cursors if cycle.commit else {}
        notices = []
        for response in responses:
            cursor = cursors.get(CURSOR_PREFIX + response.request.symbol)
            if cursor is None:
                continue
            warnings = await self._overlooked.of(response, cursor.after, cycle.venue_ms)
            for symbol, kind, message in warnings:
                notices.append(Notice(step="fetch", type=kind, message=message, symbol=symbol))
                if kind == LEFT_OUT:
                    cycle.attention.add(symbol)
        cycle.warnings[:0] = notices  # What was left out may be why more was sold than is held.

    # --- execute

    async def _execute(self, cycle: RunningCycle) -> None:
        if not self._venue.takes_orders or cycle.commit is None:
            return
        await self.rebuild_metrics(await self._execution.resolve())
        if self._rules is None:
            self._rules = await self._retrying(self._venue.fetch_rules)
        uncertain = cycle.held | cycle.unfetched | cycle.attention
        fetched = [market.symbol for market in cycle.prepared.markets]
        snapshot = Snapshot(
            now_ms=cycle.venue_ms,
            symbols=tuple(symbol for symbol in fetched if symbol not in uncertain),
            positions=cycle.commit.positions,
            marks=cycle.marks,
            rules=self._rules or {},
            open_orders=(),
        )
        try:
            await self._execution.run(cycle.cycle_id, snapshot, uncertain, cycle.executed)
        finally:
            for symbol, message in cycle.executed.errors:
                cycle.errors.append(
                    Notice(step="execute", type="OrderTrouble", message=message, symbol=symbol)
                )
        await self.rebuild_metrics(cycle.executed.revised)

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

    async def _finish(self, cycle: RunningCycle) -> CycleResult:
        ended_ms = now_ms()
        with cycle.timed("tx2"):
            await self._persist(cycle, ended_ms)
        self.fatal = self.fatal or cycle.fatal
        result = cycle.result(ended_ms, self._settings.account)
        self._log(result)
        self._feed.publish(result)
        if cycle.cycle_id >= self._next_sweep:
            await self._sweep()
        return result

    async def _sweep(self) -> None:
        """Fold one step of idle cycles into runs. Best effort: another step comes."""
        kept_ms, now, more = self._settings.idle_cycles_kept, now_ms(), False
        if not kept_ms or self.fatal is not None:
            return
        try:
            work = partial(sweep, kept_since_ms=now - kept_ms, now_ms=now)
            more = await self._store.write_metrics(work)
        except CycledeckError as error:
            log.warning("idle_cycles_not_swept", error_type=type(error).__name__, error=str(error))
        self._next_sweep = self._cycle_id + (1 if more else SWEEP_EVERY)

    async def _persist(self, cycle: RunningCycle, ended_ms: int) -> None:
        """Best effort: a failure is logged and shown, and made up for in a later cycle."""
        late = list(self._unrecorded)

        def work(tx: Tx) -> CycleMetrics | None:
            if cycle.commit is None:
                cycle.commit = read_commit(tx, cycle.cycle_id)
            for row in (*late, cycle.row(ended_ms)):
                tx.run("cycle_end", **row)
                # A backfill meanwhile did not know how the cycle ended.
                tx.run("metrics_drop", cycle_id=row["cycle_id"])
            if cycle.commit is None:
                return None
            quarantine.mark_applied(tx, self._applied(cycle), cycle.cycle_id, ended_ms)
            release(tx, cycle.prepared.releases, cycle.cycle_id, ended_ms)
            return metrics.persist(tx, cycle.cycle_id, ended_ms)

        try:
            cycle.metrics = await self._store.write_metrics(work)
        except Exception as error:
            if not isinstance(error, StoreError):
                log.exception("metrics_not_built", cycle_id=cycle.cycle_id)
            _log_metrics_failure(cycle.cycle_id, error)
            cycle.warn("cycle_metrics_persist_failed", f"{type(error).__name__}: {error}")
            self._unrecorded.append(cycle.row(ended_ms))
            return
        self._unrecorded.clear()
        await self.rebuild_metrics(int(str(row["cycle_id"])) for row in late)

    def _applied(self, cycle: RunningCycle) -> list[QuarantinedItem]:
        if cycle.kind is Kind.REPLAY or cycle.commit is None:
            return []
        done = {key.removeprefix(CURSOR_PREFIX) for key in cycle.commit.cursors}
        return [
            item
            for item in cycle.prepared.corrections
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
