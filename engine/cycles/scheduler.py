"""When cycles run: at a fixed interval without drift, on demand, one at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.clock import now_ms
from engine.cycles.cycle import CycleRunner
from engine.cycles.results import CycleResult, CycleStatus, EngineState, Kind, Preview
from engine.cycles.running import RunningCycle
from engine.errors import EngineClosing, StoreFatal
from engine.ledger.decision import Decision
from engine.settings import Settings

T = TypeVar("T")
MIN_BACKOFF_S = 0.1
MAX_BACKOFF_S = 60.0


class Scheduler:
    """`run` paces cycles; `cycle`, `replay` and `preview` run at once. None overlaps another.

    `last_reconcile_ms` is when the ledger last looked back further, or else when it began; null
    where it begins now. `on_change` is called whenever `state`, `running` or `next_cycle_ms` is
    another.
    """

    def __init__(self, runner: CycleRunner, settings: Settings, last_reconcile_ms: int | None):
        self._runner = runner
        self._settings = settings
        self._last_reconcile_ms = last_reconcile_ms or now_ms()
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._current: asyncio.Task[object] | None = None
        self._stopping = self._finishing = False
        self._failures = 0
        self._due: float | None = None
        self.paused = False
        self.on_change: Callable[[], None] = lambda: None
        runner.on_change = self.changed

    @property
    def state(self) -> EngineState:
        if self._stopping:
            return EngineState.STOPPING
        return EngineState.PAUSED if self.paused else EngineState.RUNNING

    @property
    def running(self) -> RunningCycle | None:
        """The cycle that runs, of whatever kind."""
        return self._runner.running

    @property
    def next_cycle_ms(self) -> int | None:
        """When the next cycle begins, in UTC milliseconds; null in a cycle and where none will."""
        if self._due is None or self.running or self.state is not EngineState.RUNNING:
            return None
        return now_ms() + round((self._due - asyncio.get_running_loop().time()) * 1_000)

    async def cycle(self, kind: Kind = Kind.LIVE) -> CycleResult:
        result = await self.exclusively(lambda: self._runner.run(kind))
        failed = result.status in (CycleStatus.FAILED, CycleStatus.SKIPPED)
        self._failures = self._failures + 1 if failed else 0
        if kind is Kind.RECONCILE and result.committed:
            self._last_reconcile_ms = result.started_ms
        return result

    async def once(self, tried_in_vain: bool) -> CycleResult:
        """Run the cycle that is due now, as the next one of `run`.

        A reconcile that an engine before this one `tried_in_vain` waits until a cycle commits.
        """
        return await self.cycle(Kind.LIVE if tried_in_vain else self._kind())

    async def replay(self, cycle_id: int) -> CycleResult:
        """Raises `NoSuchCycle`."""
        return await self.exclusively(lambda: self._runner.replay(cycle_id))

    async def preview(self, cycle_id: int) -> Preview:
        """Raises `NoSuchCycle` or `StoreError`."""
        return await self.exclusively(lambda: self._runner.preview(cycle_id))

    async def decide(self, decision: Decision, actor: str) -> CycleResult:
        """Raises `DecisionRefused` or `StoreError`."""
        return await self.exclusively(lambda: self._runner.decide(decision, actor))

    async def preview_decision(self, decision: Decision, actor: str) -> Preview:
        """Raises `DecisionRefused` or `StoreError`."""
        return await self.exclusively(lambda: self._runner.preview_decision(decision, actor))

    async def exclusively(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            if self._finishing:
                raise EngineClosing("the engine is closing")
            self._current = asyncio.current_task()
            try:
                return await work()
            finally:
                self._current = None
                if self._runner.fatal is not None:
                    self.stop()  # Whoever began the work, it is `run` that ends the engine.

    async def run(
        self,
        cycles: int | None = None,
        on_result: Callable[[CycleResult], None] = lambda result: None,
    ) -> None:
        """Raises the `StoreFatal` that ended it, if one did."""
        try:
            await self._pace(cycles, on_result)
        finally:
            self._due = None
        if self._runner.fatal is not None:
            raise self._runner.fatal

    async def _pace(self, cycles: int | None, on_result: Callable[[CycleResult], None]) -> None:
        loop = asyncio.get_running_loop()
        interval = self._settings.interval / 1_000
        due = loop.time()
        done = 0
        while not self._stopping and (cycles is None or done < cycles):
            await self._sleep_until(due)
            if self._stopping:
                break
            if self.paused:
                await self._wake.wait()
                self._wake.clear()
                due = loop.time()
                continue
            due = min(due, loop.time())  # Where it was resumed before its time, a raster begins.
            on_result(await self.cycle(self._kind()))
            done += 1
            due = next_due(due, loop.time(), interval) + self._backoff(interval)

    def pause(self) -> None:
        self.paused = True
        self.changed()

    def resume(self) -> None:
        """The next cycle begins at once where they were paused."""
        if self.paused:
            self.paused = False
            self._wake.set()
            self.changed()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self.changed()

    def fail(self, error: StoreFatal) -> None:
        """End the engine for `error`, unless an earlier one ends it."""
        self._runner.fatal = self._runner.fatal or error
        self.stop()

    def changed(self) -> None:
        """Something that is shown of the engine is another."""
        self.on_change()

    async def finish(self, timeout_ms: int) -> None:
        """Let the running cycle end, at most for so long; then cancel it. None begins any more."""
        self._finishing = True
        self.stop()
        try:
            async with asyncio.timeout(timeout_ms / 1_000):
                await self._one_at_a_time.acquire()
        except TimeoutError:
            if self._current is not None:
                self._current.cancel()
            await self._one_at_a_time.acquire()
        self._one_at_a_time.release()

    async def _sleep_until(self, due: float) -> None:
        self._due = due
        self.changed()
        self._wake.clear()  # Whatever woke it before the cycle is no reason to leave out a wait.
        # Not asyncio.timeout: with a time that is past, it takes a cancellation for its own.
        timer = asyncio.get_running_loop().call_at(due, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        self._wake.clear()

    def _kind(self) -> Kind:
        """Every so often a cycle looks back further, for fills published very late.

        Never right after one that failed: asking for so much may be what does not work.
        """
        every = self._settings.reconcile_every
        if not every or self._failures or 0 <= now_ms() - self._last_reconcile_ms < every:
            return Kind.LIVE
        return Kind.RECONCILE

    def _backoff(self, interval: float) -> float:
        """Extra wait after failures in a row: doubling, bounded, with jitter."""
        if not self._failures:
            return 0.0
        shortest = max(interval, MIN_BACKOFF_S)
        longest = min(shortest * 2.0 ** min(self._failures, 16), MAX_BACKOFF_S)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def next_due(due: float, now: float, interval: float) -> float:
    """The next point of the raster begun at `due` that is not past: missed ones are left out."""
    if not interval:
        return now
    missed = max(0, int((now - due) // interval))
    return due + interval * (missed + 1)
