"""The operations behind the commands, on the ledger that the settings name."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import typer

from engine import logs
from engine.cycles.metrics import missing, persist
from engine.cycles.results import CycleResult
from engine.engine import Engine, replay_cycle
from engine.settings import Settings
from engine.store.damage import sound_rows
from engine.store.migrate import current
from engine.store.readstore import ReadStore
from engine.store.store import Store

T = TypeVar("T")


class Operations:
    """One command's operations; `run` runs one of them to its end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signals: _Signals | None = None

    @property
    def stopped(self) -> bool:
        """Whether a signal ended them."""
        return self._signals is not None and self._signals.heard

    def run(self, operation: Coroutine[Any, Any, T]) -> T:
        logs.configure(self._settings.log)
        try:
            return asyncio.run(operation)
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise typer.Exit(1) from None

    async def cycle(self) -> CycleResult:
        signals = _Signals()
        async with Engine(self._settings) as engine:
            signals.stop_first(engine)
            return await engine.once()

    async def cycles(
        self, count: int | None, on_result: Callable[[CycleResult], None]
    ) -> CycleResult | None:
        """Run cycles with consoles attached, until a signal or for `count` of them.

        Returns the last result.
        """
        last: CycleResult | None = None

        def report(result: CycleResult) -> None:
            nonlocal last
            last = result
            on_result(result)

        signals = self._signals = _Signals()
        async with Engine(self._settings, channel=True) as engine:
            signals.stop_first(engine)
            await engine.run(count, report)
        return last

    async def replay(self, cycle: int) -> CycleResult:
        await self._require_ledger()
        return await replay_cycle(self._settings, cycle)

    async def read(self, work: Any, *, any_schema: bool = False) -> Any:
        store = await ReadStore.open(self._settings.db, self._settings.busy_timeout)
        try:
            schema: int = await store.read(current)
            if schema and not any_schema:
                await store.require_schema()
            return await store.read(work)
        finally:
            await store.close()

    async def backfill(self, report: Any) -> list[int]:
        """Rebuild the metrics that are missing; returns their cycles."""
        async with self._store() as store:
            with sound_rows(store.path):
                waiting: list[int] = await store.read(missing)
            for done, cycle_id in enumerate(waiting, 1):
                with sound_rows(store.path):
                    await store.write_metrics(partial(persist, cycle_id=cycle_id))
                report("cycles", done, len(waiting))
            return waiting

    async def _require_ledger(self) -> None:
        """Keeps a file that is no ledger yet from becoming one. Raises `StoreError`."""
        settings = self._settings
        await (await ReadStore.open(settings.db, settings.busy_timeout)).close()

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        """The ledger for small writes beside a running engine: without its lease or checkpoints."""
        await self._require_ledger()
        settings = self._settings
        store = await Store.open(
            settings.db, busy_timeout_ms=settings.busy_timeout, checkpoints=False
        )
        try:
            yield store
        finally:
            await store.close()


class _Signals:
    """SIGINT and SIGTERM while an engine starts and while it runs: neither leaves anything behind.

    At first they cancel this task, which closes again whatever it has opened.
    """

    def __init__(self) -> None:
        self.heard = False
        task = asyncio.current_task()
        self._cancel: Callable[[], object] = task.cancel if task is not None else lambda: None
        self._call(self._cancel)

    def stop_first(self, engine: Engine) -> None:
        """From now on the first signal ends cleanly after the running cycle; a second one, or
        `stop_timeout`, at once."""

        def stop() -> None:
            engine.stop()
            self._call(self._cancel)
            timeout_s = engine.settings.stop_timeout / 1_000
            asyncio.get_running_loop().call_later(timeout_s, self._cancel)

        self._call(stop)

    def _call(self, act: Callable[[], object]) -> None:
        def hear() -> None:
            self.heard = True
            act()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, hear)
