"""The cycles that are shown, newest first, one row each."""

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from console.kit.formats import count
from console.kit.grid import Grid, Row
from console.kit.line_widget import caption
from console.screens.shared.cycle_row import columns_for, cycle_cells, widths_of
from console.session.per_cycle import PerCycle
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult


@dataclass(frozen=True, slots=True)
class CycleRows:
    """Rows of results, which are newest first; each is made once."""

    results: "Sequence[CycleResult]"
    make: PerCycle[Row]

    def __len__(self) -> int:
        return len(self.results)

    def row(self, number: int) -> Row | None:
        return self.make(self.results[number]) if 0 <= number < len(self.results) else None

    def number_of(self, key: Hashable) -> int | None:
        if not isinstance(key, int):
            return None
        number = bisect_left(self.results, -key, key=lambda result: -result.cycle_id)
        found = number < len(self.results) and self.results[number].cycle_id == key
        return number if found else None


class CycleList(Grid):
    """Its rows' keys are cycle ids."""

    def __init__(self) -> None:
        super().__init__(
            columns_for({}),
            follows=True,
            empty="waiting for the first cycle",
            id="cycles",
            classes="panel",
        )
        self._local = False
        self._rows = PerCycle(self._row)
        self._results: Sequence[CycleResult] = ()
        self._widths: dict[str, int] = {}
        caption(self, "cycles", "enter opens one")

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._say()

    def _say(self) -> None:
        """That there are newer cycles than those that are seen, and how to come to them."""
        above = self.scroll_offset.y
        caption(self, f"cycles · {count(above)} newer · g" if above else "cycles")

    @property
    def selected(self) -> int | None:
        return self.key if isinstance(self.key, int) else None

    def show(self, view: ConsoleState, *, local: bool = False) -> None:
        if local is not self._local:
            self._local, self._rows = local, PerCycle(self._row)
        elif view.shown_results is self._results:
            return
        if self._widen(view.shown_results):
            self.set_columns(columns_for(self._widths))
        self._results = view.shown_results
        self.set_source(CycleRows(self._results, self._rows))

    def _row(self, result: "CycleResult") -> Row:
        return Row(result.cycle_id, cycle_cells(result, local=self._local))

    def _widen(self, results: "Sequence[CycleResult]") -> bool:
        """Columns become wider, never narrower: rows do not dance. Only new results are looked
        at, which come before those there were."""
        before = dict(self._widths)
        newest = self._results[0] if self._results else None
        for result in takewhile(lambda result: result is not newest, results):
            for title, width in widths_of(self._rows(result).cells).items():
                self._widths[title] = max(width, self._widths.get(title, 0))
        return self._widths != before
