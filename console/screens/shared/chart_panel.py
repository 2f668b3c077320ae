"""A panel with a chart over cycles, and above it the figures of as many as the chart shows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from console.kit.chart import Chart
from console.kit.drawing import Figure
from console.kit.line_widget import TextLine, caption
from console.kit.lines import Wordings

if TYPE_CHECKING:
    from engine import CycleResult

# How many cycles are added up where no chart says how many are seen.
RECENT = 36


class ChartPanel(Vertical):
    """Subclasses give what is drawn and written of results, which are newest first."""

    def __init__(self, title: str, *, id: str, empty: str = "") -> None:  # noqa: A002
        super().__init__(id=id, classes="panel")
        self._results: Sequence[CycleResult] = ()
        self._empty = empty
        caption(self, title)

    def compose(self) -> ComposeResult:
        yield TextLine("waiting for the first cycle")
        yield Chart(empty=self._empty)

    def figure(self, results: "Sequence[CycleResult]") -> Figure:
        raise NotImplementedError

    def subtitle(self, many: int) -> str:
        raise NotImplementedError

    def rows(self, results: "Sequence[CycleResult]") -> Sequence[Wordings]:
        raise NotImplementedError

    def on_chart_resized(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """How many cycles are added up is how many the chart shows."""
        chart, results = self.query_one(Chart), self._results
        chart.draw(self.figure(results[: chart.capacity]))
        many = min(chart.shown or RECENT, len(results))
        caption(self, subtitle=self.subtitle(many))
        self.query_one(TextLine).show_rows(*(self.rows(results[:many]) if results else ()))
