"""The cycles of a ledger that pass a filter, newest first, read page by page."""

from typing import TYPE_CHECKING

from console.kit.formats import count
from console.kit.rows import Row
from console.screens.cycles.cycle_history import AHEAD, PAGE
from console.screens.shared.cycle_row import CycleRows, RecentCycles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine import CycleFilter, CycleResult, History


class FilteredCycles(RecentCycles):
    """The cycles that pass a filter: as many as were read so far, and then the next.

    With `top`, only cycles up to that number are looked through.
    """

    def __init__(self, rows: CycleRows, only: "CycleFilter", top: int | None = None) -> None:
        super().__init__(rows)
        self._only = only
        self._top = top
        self._complete = False
        self._wants_older = True
        self._wants_newer = False

    def __len__(self) -> int:
        return len(self.results) + (not self._complete)

    @property
    def note(self) -> str:
        upto = f" up to {count(self._top)}" if self._top is not None else ""
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

    def row(self, number: int) -> Row | None:
        if number >= len(self.results) - AHEAD and not self._complete:
            self._wants_older = True
        return super().row(number)

    async def read(self, history: "History") -> None:
        if self._wants_newer:
            await self._read_newest(history)
        else:
            await self._read_older(history)

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
