"""The cycles of a ledger that a filter lets through, newest first, found page by page."""

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from console.kit.formats import count
from console.kit.grid import Row
from console.screens.cycles.cycle_history import AHEAD, PAGE, CycleRows

if TYPE_CHECKING:
    from engine import CycleFilter, CycleResult, History


class FoundCycles:
    """The cycles that a filter lets through: as many as were found so far, and then the next.

    With `top`, only cycles up to that number are looked through.
    """

    def __init__(self, rows: CycleRows, only: "CycleFilter", top: int | None = None) -> None:
        self._rows = rows
        self._only = only
        self._top = top
        self._found: list[CycleResult] = []
        self._complete = False
        self._wants_older = True
        self._wants_newer = False

    def __len__(self) -> int:
        return len(self._found) + (not self._complete)

    @property
    def note(self) -> str:
        upto = f" up to {count(self._top)}" if self._top is not None else ""
        if self._complete and not self._found:
            return f"none found{upto}"
        if self._complete:
            return f"all {count(len(self._found))} found{upto}"
        return f"≥ {count(len(self._found))} found{upto}"

    @property
    def wanting(self) -> bool:
        return self._wants_older or self._wants_newer

    def take(self, results: "Sequence[CycleResult]") -> None:
        """Cycles ended: the filter is the file's to judge, so the newest found are read again."""
        self._wants_newer = self._top is None

    def key_at(self, number: int) -> int | None:
        return self._found[number].cycle_id if 0 <= number < len(self._found) else None

    def row(self, number: int) -> Row | None:
        if number >= len(self._found) - AHEAD and not self._complete:
            self._wants_older = True
        if not 0 <= number < len(self._found):
            return None
        return self._rows.row(self._found[number])

    def number_of(self, key: Hashable) -> int | None:
        if not isinstance(key, int):
            return None
        number = bisect_left(self._found, -key, key=lambda result: -result.cycle_id)
        there = number < len(self._found) and self._found[number].cycle_id == key
        return number if there else None

    def result(self, cycle_id: int) -> "CycleResult | None":
        number = self.number_of(cycle_id)
        return None if number is None else self._found[number]

    async def read(self, history: "History") -> None:
        if self._wants_newer:
            await self._read_newest(history)
        else:
            await self._read_older(history)

    async def _read_older(self, history: "History") -> None:
        before = self._found[-1].cycle_id if self._found else self._above_top
        results = await history.results(PAGE, before, self._only)
        self._found += results
        self._complete = len(results) < PAGE
        self._wants_older = False

    async def _read_newest(self, history: "History") -> None:
        results = list(await history.results(PAGE, None, self._only))
        oldest = results[-1].cycle_id if results else 0
        kept = [result for result in self._found if result.cycle_id < oldest]
        joins = len(results) < PAGE or any(r.cycle_id >= oldest for r in self._found)
        self._found = results + (kept if joins else [])
        self._complete = len(results) < PAGE or (joins and self._complete)
        self._wants_newer = self._wants_older = False

    @property
    def _above_top(self) -> int | None:
        return None if self._top is None else self._top + 1
