"""The ledger file for a console: the same results as were published, read back any time later.

Everything is read in short snapshots on connections that cannot write.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

from engine.cycles.idle import IdleRun
from engine.cycles.results import CycleResult
from engine.errors import StoreReplaced
from engine.history.explain import Explanation, explain
from engine.history.results_reader import CycleFilter, ResultsReader
from engine.history.summary import LedgerSummary, SummaryReader
from engine.history.xray import Xray, xray
from engine.store.connection import complete
from engine.store.readstore import ReadStore
from engine.store.tx import Tx

T = TypeVar("T")


class History:
    """A ledger file that is open for reading. Everything raises `StoreError` or its kinds.

    Of its two connections one is for frequent `short` reads, so that these do not wait for a `long`
    one of a single cycle.
    """

    def __init__(
        self, short: ReadStore, long: ReadStore, account: str, ending: AsyncExitStack
    ) -> None:
        self._short = short
        self._long = long
        self._account = account
        self._ending = ending
        self._books: LedgerSummary | None = None

    @classmethod
    async def open(cls, path: Path, account: str = "", busy_timeout_ms: int = 5_000) -> "History":
        """Raises `StoreError` where there is no ledger, or one no engine has brought up to this
        program's schema; `SchemaTooNew`, `LedgerMismatch`, `StoreCorrupt` or `StoreLocked`."""
        async with AsyncExitStack() as ending:
            opened = []
            for _ in range(2):
                store = await ReadStore.open(path, busy_timeout_ms)
                ending.push_async_callback(store.close)
                # A few MiB of pages in memory will do: most reads are of the newest.
                await store.look(lambda tx: tx.run("history_cache"))
                await store.require_schema()
                opened.append(store)
            return cls(opened[0], opened[1], account, ending.pop_all())
        raise AssertionError("unreachable: nothing above is suppressed")

    async def news(self) -> tuple[int, int]:
        """(`PRAGMA data_version`, last cycle id): equal to the last ones when nothing happened."""
        self._check_file()
        return await self._short.look(
            lambda tx: (tx.value("history_version"), tx.value("history_last_cycle"))
        )

    async def books(self) -> LedgerSummary:
        wal_bytes, earlier = self._short.wal_bytes(), self._books
        self._books = await self._read(
            self._short, lambda tx: SummaryReader(tx).summary(wal_bytes, earlier)
        )
        return self._books

    async def results(
        self,
        limit: int,
        before: int | None = None,
        only: CycleFilter | None = None,
        *,
        with_positions: bool = False,
    ) -> Sequence[CycleResult]:
        """The results of cycles below `before`, newest first."""
        return await self._read(
            self._short,
            lambda tx: ResultsReader(tx, self._account).results(
                limit, before, only, with_positions=with_positions
            ),
        )

    async def result(self, cycle_id: int) -> CycleResult:
        """A cycle's result, with the positions after it. Raises `NoSuchCycle`."""
        return await self._read(
            self._short, lambda tx: ResultsReader(tx, self._account).result(cycle_id)
        )

    async def idle_runs(self, since: int, limit: int) -> Sequence[IdleRun]:
        """The runs of idle cycles that end with a cycle or after it, the oldest first."""
        return await self._read(
            self._short,
            lambda tx: tx.typed(IdleRun, "history_idle_runs", since=since, limit=limit),
        )

    async def cursors(self, cycle_id: int) -> dict[str, int]:
        """All cursors after a cycle, by their keys, in UTC milliseconds."""
        return await self._read(self._short, lambda tx: ResultsReader(tx).cursors_after(cycle_id))

    async def xray(self, cycle_id: int) -> Xray:
        """A cycle's x-ray. Raises `NoSuchCycle`."""
        return await self._read(self._long, lambda tx: xray(tx, cycle_id, self._account))

    async def explain(self, cycle_id: int, symbol: str) -> Explanation:
        """A cycle's change of a position. Raises `NoSuchCycle` where it committed nothing."""
        return await self._read(self._long, lambda tx: explain(tx, cycle_id, symbol))

    async def close(self) -> None:
        await complete(self._ending.aclose())

    async def _read(self, store: ReadStore, work: Callable[[Tx], T]) -> T:
        self._check_file()
        return await store.read(work)

    def _check_file(self) -> None:
        try:
            self._short.check_file()
        except StoreReplaced as error:
            raise StoreReplaced(
                f"{self._short.path} was removed or replaced while it was looked at: "
                "what was read is of the file before"
            ) from error
