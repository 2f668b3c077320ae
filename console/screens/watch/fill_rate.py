"""Fill rate: what came of the orders of a cycle, and one of several charts over cycles."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from console.kit.chart import Chart
from console.kit.chart_captions import Figures, Wordings, spaced
from console.kit.formats import count, figure, plural, rate
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, line
from console.screens.shared.cycle_row import signed_bps
from console.screens.watch.cycle_charts import Charted, CycleCharts, title_of
from console.screens.watch.dedupe import RECENT
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult


class FillRate(Vertical):
    def __init__(self) -> None:
        super().__init__(id="fill-rate", classes="panel")
        self._charts = CycleCharts()
        self._results: Sequence[CycleResult] = ()
        self._charted = Charted.FILLS
        caption(self, "fill rate")

    def compose(self) -> ComposeResult:
        yield Figures("waiting for the first cycle")
        yield Chart(empty="nothing to draw yet")

    def show(self, view: ConsoleState, charted: Charted = Charted.FILLS) -> None:
        if view.shown_results is not self._results or charted is not self._charted:
            self._results, self._charted = view.shown_results, charted
            self._redraw()

    def on_chart_resized(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        chart = self.query_one(Chart)
        chart.draw(self._charts.figure(self._charted, self._results[: chart.capacity]))
        name = f"{title_of(self._charted, self._results)} · c next" if chart.display else ""
        caption(self, subtitle=name)
        self._say()

    def _say(self) -> None:
        figures = self.query_one(Figures)
        if not self._results:
            figures.say()
            return
        many = min(self.query_one(Chart).shown or RECENT, len(self._results))
        latest = self._results[0]
        figures.say(_rate(latest), _orders(latest), _recent(self._results[:many]))


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
            self._redraw()

    def on_chart_resized(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        if self.display:
            self.draw(self._charts.figure(self._charted, self._results[: self.capacity]))
            caption(self, title_of(self._charted, self._results))


def _rate(result: "CycleResult") -> Wordings:
    return [spaced([_fills(result), _slip(result, "bps slip")]), _fills(result)]


def _fills(result: "CycleResult") -> Line:
    filled = result.fills_per_submitted_order if result.orders_submitted else None
    tone = Tone.STRONG if filled is not None else Tone.DIM
    return line((rate(filled), tone), (" fills/order", Tone.DIM))


def _slip(result: "CycleResult", unit: str) -> Line:
    """A cost is positive."""
    slip = result.slippage_bps_avg
    if slip is None:
        return line((f"{figure(slip)} {unit}", Tone.DIM))
    tone = Tone.ATTENTION if slip > 0 else Tone.OK if slip < 0 else Tone.PLAIN
    return line((signed_bps(slip), tone), (f" {unit}", Tone.DIM))


def _orders(result: "CycleResult") -> Wordings:
    orders = line((plural(result.orders_submitted, "order"), Tone.DIM))
    wait = result.avg_time_to_fill
    to_fill = (f" · {figure(wait, 1)} s to fill" if wait is not None else " · – to fill", Tone.DIM)
    refused = (
        [line((f" · {count(result.orders_refused)} refused", Tone.ATTENTION))]
        if result.orders_refused
        else []
    )
    short = line(orders, (" · ", Tone.DIM), _rejects(result.rejects_count), *refused)
    return [line(short, to_fill), short]


def _rejects(rejects: int) -> Line:
    return line((plural(rejects, "reject"), Tone.ATTENTION if rejects else Tone.DIM))


def _recent(results: "Sequence[CycleResult]") -> Wordings:
    orders = sum(result.orders_submitted for result in results)
    filled = sum(result.fills_count for result in results) / orders if orders else None
    rejects = sum(result.rejects_count for result in results)
    start = line((f"last {count(len(results))}: {rate(filled)} fills/order", Tone.DIM))
    return [line(start, (" · ", Tone.DIM), _rejects(rejects)), start]
