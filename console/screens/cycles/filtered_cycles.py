"""The cycles of a ledger that pass a filter, newest first, read page by page."""

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final

from console.kit.formats import count
from console.kit.rows import Row
from console.screens.cycles.cycle_history import AHEAD, PAGE
from console.screens.cycles.idle_runs import IdleRuns
from console.screens.shared.cycle_row import CycleRows, RecentCycles

if TYPE_CHECKING:
    from engine import CycleFilter, CycleResult, History, IdleRun

# No cycle has this number.
BEYOND: Final = 2**63 - 1


class FilteredCycles(RecentCycles):
    """The cycles that pass a filter: as many as were read so far, and then the next. Runs of idle
    cycles lie between, where such a cycle would pass.

    With `top`, only cycles up to that number are looked through.
    """

    def __init__(self, rows: CycleRows, only: "CycleFilter", top: int | None = None) -> None:
        super().__init__(rows)
        self._only = only
        self._top = top
        self._runs = IdleRuns()
        self._keys: Sequence[int] = ()
        self._complete = False
        self._wants_older = True
        self._wants_newer = False

    def __len__(self) -> int:
        return len(self._keys) + (not self._complete)

    @property
    def note(self) -> str:
        upto = f" up to {count(self._top)}" if self._top is not None else ""
        if self._runs and not self._admits_idle:
            upto += ", without idle ones that are no longer kept"
        if not self._complete:
            return f"≥ {count(len(self.results))} found{upto}"
        number = f"all {count(len(self.results))}" if self.results else "none"
        return f"{number} found{upto}"

    @property
    def wanting(self) -> bool:
        return self._wants_older or self._wants_newer

    def take(self, results: "Sequence[CycleResult]") -> None:
        """Cycles ended: the filter is the file's to judge, so the newest are read again."""
        self._wants_newer = self._top is None

    def key_at(self, number: int) -> int | None:
        return self._keys[number] if 0 <= number < len(self._keys) else None

    def row(self, number: int) -> Row | None:
        if number >= len(self._keys) - AHEAD and not self._complete:
            self._wants_older = True
        key = self.key_at(number)
        if key is None:
            return None
        run = self.run(key)
        result = None if run else self.result(key)
        return self.rows.run(run) if run else self.rows.row(result) if result else None

    def number_of(self, key: Hashable) -> int | None:
        if not isinstance(key, int):
            return None
        run = self.run(key)
        wanted = run.first if run else key
        number = bisect_left(self._keys, -wanted, key=lambda cycle_id: -cycle_id)
        return number if self.key_at(number) == wanted else None

    def run(self, cycle_id: int) -> "IdleRun | None":
        return self._runs.of(cycle_id)

    def result(self, cycle_id: int) -> "CycleResult | None":
        number = bisect_left(self.results, -cycle_id, key=lambda result: -result.cycle_id)
        found = self.results[number] if number < len(self.results) else None
        return found if found is not None and found.cycle_id == cycle_id else None

    async def read(self, history: "History") -> None:
        if self._wants_newer:
            await self._read_newest(history)
        else:
            await self._read_older(history)
        await self._runs.read(history)
        self._keys = self._merged()

    def _merged(self) -> "Sequence[int]":
        """The cycles, and the runs as far down as cycles were looked through, newest first."""
        kept = (result.cycle_id for result in self.results)
        keys = [cycle_id for cycle_id in kept if self.run(cycle_id) is None]
        if not self._admits_idle:
            return keys
        first = 1 if self._complete else self.results[-1].cycle_id
        runs = self._runs.between(first, BEYOND if self._top is None else self._top)
        return sorted([*keys, *(run.first for run in runs)], reverse=True)

    @property
    def _admits_idle(self) -> bool:
        """Whether an idle cycle passes: live or to reconcile, and no more is known of it."""
        only = self._only
        kind = not only.kinds or not {"live", "reconcile"}.isdisjoint(only.kinds)
        status = not only.statuses or "ok" in only.statuses
        return kind and status and not only.trouble and not only.text

    async def _read_older(self, history: "History") -> None:
        above_top = None if self._top is None else self._top + 1
        before = self.results[-1].cycle_id if self.results else above_top
        results = await history.results(PAGE, before, self._only)
        self.results = [*self.results, *results]
        self._complete = len(results) < PAGE
        self._wants_older = False

    async def _read_newest(self, history: "History") -> None:
        self._wants_newer = False  # Of cycles that end during the read, some may not be in it.
        try:
            results = list(await history.results(PAGE, None, self._only))
        except BaseException:
            self._wants_newer = True
            raise
        oldest = results[-1].cycle_id if results else 0
        older = [result for result in self.results if result.cycle_id < oldest]
        joins = len(results) < PAGE or any(r.cycle_id >= oldest for r in self.results)
        self.results = results + (older if joins else [])
        self._complete = len(results) < PAGE or (joins and self._complete)
        self._wants_older = False
