"""Watch: the glance. The last cycle, its work on the ledger, and the account's positions."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import var
from textual.widget import Widget

from console.kit.chart import Chart
from console.kit.grid import Grid
from console.screens.shared.cycle_charts import Charted
from console.screens.shared.cycle_path import CyclePath
from console.screens.shared.dedupe import Dedupe
from console.screens.shared.second_chart import SecondChart
from console.screens.shared.session_screen import SessionScreen
from console.screens.watch.balances import Balances
from console.screens.watch.cursors import Cursors
from console.screens.watch.cycle_list import CycleList
from console.screens.watch.fill_rate import FillRate
from console.screens.watch.position_rows import market_of
from console.screens.watch.positions import Positions
from console.session.view import ConsoleState


class WatchScreen(SessionScreen):
    AUTO_FOCUS = "CycleList"
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (16, "-short"),
        (24, "-low"),
        (34, "-tall"),
        (50, "-high"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "next_chart", "Chart", tooltip="Another chart over the cycles"),
        Binding("b", "balances", "Balances", show=False, tooltip="Of every asset, every digit"),
    ]

    charted: var[Charted] = var(Charted.FILLS)

    def panels(self) -> Iterable[Widget]:
        yield CyclePath()
        with Horizontal(id="charts"):
            yield Dedupe()
            yield FillRate()
            yield SecondChart()
            yield Cursors()
        yield Positions()
        yield Balances()
        yield CycleList()

    def show(self) -> None:
        super().show()
        view, local = self.host.view, self.host.local_time
        self.query_one(CyclePath).show(view, local=local)
        self.query_one(Dedupe).show(view)
        self._show_charts(view)
        self.query_one(Cursors).show(view, local=local)
        self.query_one(Positions).show(view)
        self.query_one(Balances).show(view, local=local)
        self.query_one(CycleList).show(view, local=local)

    def _show_charts(self, view: ConsoleState) -> None:
        self.query_one(FillRate).show(view, self.charted)
        self.query_one(SecondChart).show(view, self.charted.next)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no other chart where none is seen."""
        if action == "next_chart":
            return any(chart.size for chart in self.query("#fill-rate Chart, #second-chart"))
        return super().check_action(action, parameters)

    @on(Chart.Resized)
    def _offer_charts(self) -> None:
        self.refresh_bindings()

    def action_next_chart(self) -> None:
        self.charted = self.charted.next
        self._show_charts(self.host.view)

    def action_balances(self) -> None:
        self.host.open_table("balances")

    @property
    def selected_cycle(self) -> int | None:
        """The cycle under the cursor."""
        return self.query_one(CycleList).selected

    @on(Grid.Chosen, "#cycles")
    def open_chosen_cycle(self) -> None:
        if (chosen := self.selected_cycle) is not None:
            self.host.open_cycle(chosen)

    @on(Grid.Chosen, "#positions")
    def open_chosen_position(self, message: Grid.Chosen) -> None:
        self.host.open_table("stage4_positions", "symbol", market_of(str(message.key)))

    def copied(self) -> str | None:
        """The position or the cycle under the cursor, as JSON: every digit."""
        view = self.host.view
        positions = self.query_one(Positions)
        if positions.has_focus:
            position = view.shown_positions.get(str(positions.key))
            return position.model_dump_json() if position else None
        chosen = self.selected_cycle
        results = (result for result in view.shown_results if result.cycle_id == chosen)
        return next((result.model_dump_json() for result in results), None)

    def exported(self) -> tuple[str, str] | None:
        """The cycles that are shown, one JSON object a line, newest first."""
        results = self.host.view.shown_results
        text = "".join(result.model_dump_json() + "\n" for result in results)
        return ("cycles.jsonl", text) if results else None
