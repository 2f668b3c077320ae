"""The cycles that are shown, newest first, one row each."""

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from console.kit.formats import count
from console.kit.grid import Grid
from console.kit.line_widget import caption
from console.screens.shared.cycle_row import COLUMNS, CycleRows, RecentCycles
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult


class CycleList(Grid):
    """Its rows' keys are cycle ids."""

    def __init__(self) -> None:
        super().__init__(
            COLUMNS,
            follows=True,
            empty="waiting for the first cycle",
            id="cycles",
            classes="panel",
        )
        self._local = False
        self._rows = CycleRows()
        self._results: Sequence[CycleResult] = ()
        caption(self, "cycles", "enter opens one")

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Above are newer cycles: how many, and how to come to them."""
        super().watch_scroll_y(old_value, new_value)
        above = self.scroll_offset.y
        caption(self, f"cycles · {count(above)} newer · g" if above else "cycles")

    def show(self, view: ConsoleState, *, local: bool = False) -> None:
        results = view.shown_results
        if local is not self._local:
            self._local, self._rows = local, CycleRows(self._rows.columns, local=local)
        elif results is self._results:
            return
        newest = self._results[0] if self._results else None
        for result in takewhile(lambda result: result is not newest, results):
            self._rows.row(result)
        self._results = results
        self.set_columns(self._rows.columns)
        self.set_source(RecentCycles(self._rows, results))
