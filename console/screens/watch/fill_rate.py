"""Fill rate: what came of the orders of a cycle, and one of several charts over cycles."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.kit.chart import Chart
from console.kit.drawing import Figure
from console.kit.formats import bps, count, figure, plural, rate
from console.kit.lines import Line, Tone, Wordings, joined, line
from console.screens.shared.chart_panel import ChartPanel
from console.screens.shared.cycle_charts import Charted, CycleCharts
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult


class FillRate(ChartPanel):
    def __init__(self) -> None:
        super().__init__("fill rate", id="fill-rate", empty="nothing to draw yet")
        self._charts = CycleCharts()
        self._charted = Charted.FILLS

    def show(self, view: ConsoleState, charted: Charted = Charted.FILLS) -> None:
        if view.shown_results is not self._results or charted is not self._charted:
            self._results, self._charted = view.shown_results, charted
            self.redraw()

    def figure(self, results: "Sequence[CycleResult]") -> Figure:
        return self._charts.figure(self._charted, results)

    def subtitle(self, many: int) -> str:
        seen = self.query_one(Chart).display
        return f"{self._charted.label(self._results)} · c next" if seen else ""

    def rows(self, results: "Sequence[CycleResult]") -> Sequence[Wordings]:
        return self._rate(results[0]), self._orders(results[0]), self._recent(results)

    def _rate(self, result: "CycleResult") -> Wordings:
        filled = result.fills_per_submitted_order if result.orders_submitted else None
        tone = Tone.STRONG if filled is not None else Tone.DIM
        fills = line((rate(filled), tone), (" fills/order", Tone.DIM))
        return [joined([fills, self._slip(result)], "  "), fills]

    @staticmethod
    def _slip(result: "CycleResult") -> Line:
        """A cost is positive."""
        slip = result.slippage_bps_avg
        if slip is None:
            return line((f"{figure(slip)} bps slip", Tone.DIM))
        tone = Tone.ATTENTION if slip > 0 else Tone.OK if slip < 0 else Tone.PLAIN
        return line((bps(slip), tone), (" bps slip", Tone.DIM))

    def _orders(self, result: "CycleResult") -> Wordings:
        wait = result.avg_time_to_fill
        to_fill = f" · {figure(wait, 1)} s to fill" if wait is not None else " · – to fill"
        orders = line((f"{plural(result.orders_submitted, 'order')} · ", Tone.DIM))
        refused = f" · {count(result.orders_refused)} refused" if result.orders_refused else ""
        short = line(orders, self._rejects(result.rejects_count), (refused, Tone.ATTENTION))
        return [line(short, (to_fill, Tone.DIM)), short]

    @staticmethod
    def _rejects(rejects: int) -> Line:
        return line((plural(rejects, "reject"), Tone.ATTENTION if rejects else Tone.DIM))

    def _recent(self, results: "Sequence[CycleResult]") -> Wordings:
        orders = sum(result.orders_submitted for result in results)
        filled = sum(result.fills_count for result in results) / orders if orders else None
        rejects = sum(result.rejects_count for result in results)
        start = line((f"last {count(len(results))}: {rate(filled)} fills/order", Tone.DIM))
        return [line(start, (" · ", Tone.DIM), self._rejects(rejects)), start]
