"""The ledger file for a console: the same results as were published, read back any time later.

Everything is read in short snapshots on connections that cannot write.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.cycles.results import CycleResult
from engine.errors import StoreReplaced
from engine.history.explain import Explanation, explain
from engine.history.results_reader import (
    CycleFilter,
    cursors_after,
    last_cycle_id,
    read_result,
    read_results,
)
from engine.history.summary import CursorView, LedgerSummary, read_books
from engine.history.xray import Xray, xray
from engine.store.connection import complete
from engine.store.readstore import ReadStore
from engine.store.tx import Tx

__all__ = ["CursorView", "CycleFilter", "History", "LedgerSummary"]

T = TypeVar("T")


class History:
    """A ledger file that is open for looking. Everything raises `StoreError` or its kinds.

    Of its two connections one is for what is looked at all the time, so that this does not wait
    for a long look at one cycle.
    """

    def __init__(
        self, glance: ReadStore, look: ReadStore, account: str, ending: AsyncExitStack
    ) -> None:
        self._glance = glance
        self._look = look
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
                await store.look(_keep_little)
                await store.require_schema()
                opened.append(store)
            return cls(opened[0], opened[1], account, ending.pop_all())
        raise AssertionError("unreachable: nothing above is suppressed")

    async def news(self) -> tuple[int, int]:
        """(`PRAGMA data_version`, last cycle id): equal to the last ones when nothing happened."""
        self._check_file()
        return await self._glance.look(_news)

    async def books(self) -> LedgerSummary:
        work = partial(read_books, wal_bytes=self._glance.wal_bytes(), earlier=self._books)
        self._books = await self._read(self._glance, work)
        return self._books

    async def results(
        self,
        limit: int,
        before: int | None = None,
        only: CycleFilter | None = None,
        *,
        with_positions: bool = False,
    ) -> Sequence[CycleResult]:
        """Newest first, of cycles below `before`."""
        wanted = partial(
            read_results,
            limit=limit,
            before=before,
            only=only,
            account=self._account,
            with_positions=with_positions,
        )
        return await self._read(self._glance, wanted)

    async def result(self, cycle_id: int) -> CycleResult:
        """With the positions after it. Raises `NoSuchCycle`."""
        wanted = partial(read_result, cycle_id=cycle_id, account=self._account)
        return await self._read(self._glance, wanted)

    async def cursors(self, cycle_id: int) -> dict[str, int]:
        """All cursors after a cycle, by their keys, in UTC milliseconds."""
        return await self._read(self._glance, partial(cursors_after, cycle_id=cycle_id))

    async def xray(self, cycle_id: int) -> Xray:
        """Raises `NoSuchCycle`."""
        wanted = partial(xray, cycle_id=cycle_id, account=self._account)
        return await self._read(self._look, wanted)

    async def explain(self, cycle_id: int, symbol: str) -> Explanation:
        """Raises `NoSuchCycle` where the cycle committed nothing."""
        return await self._read(self._look, partial(explain, cycle_id=cycle_id, symbol=symbol))

    async def close(self) -> None:
        await complete(self._ending.aclose())

    async def _read(self, store: ReadStore, work: Callable[[Tx], T]) -> T:
        self._check_file()
        return await store.read(work)

    def _check_file(self) -> None:
        try:
            self._glance.check_file()
        except StoreReplaced as error:
            raise StoreReplaced(
                f"{self._glance.path} was removed or replaced while it was looked at: "
                "what was read is of the file before"
            ) from error


def _keep_little(tx: Tx) -> None:
    """A few MiB of pages in memory: what is looked at is mostly the newest."""
    tx.run("history_cache")


def _news(tx: Tx) -> tuple[int, int]:
    return tx.value("history_version"), last_cycle_id(tx)
