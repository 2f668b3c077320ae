"""The second chart: one of several over cycles, where a screen has room for it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.kit.chart import Chart
from console.kit.line_widget import caption
from console.screens.shared.cycle_charts import Charted, CycleCharts
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult


class SecondChart(Chart):
    """Another chart beside the fill rate's, on screens that have room for it."""

    def __init__(self) -> None:
        super().__init__(empty="nothing to draw yet", id="second-chart", classes="panel")
        self._charts = CycleCharts()
        self._results: Sequence[CycleResult] = ()
        self._charted = Charted.SLIPPAGE

    def show(self, view: ConsoleState, charted: Charted) -> None:
        if view.shown_results is not self._results or charted is not self._charted:
            self._results, self._charted = view.shown_results, charted
            self.on_chart_resized()

    def on_chart_resized(self) -> None:
        if self.display:
            self.draw(self._charts.figure(self._charted, self._results[: self.capacity]))
            caption(self, self._charted.label(self._results))
