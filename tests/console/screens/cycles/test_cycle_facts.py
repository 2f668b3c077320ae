"""A cycle's metrics and times in words, wherever they are told."""

from textual.app import App, ComposeResult

from console.kit.lines import plain
from console.screens.cycles.cycle_summary import CycleSummary
from console.screens.shared.cycle_story import CycleStory
from tests.console import published as p


def test_a_slippage_that_rounds_to_nothing_has_the_same_sign_as_in_the_list() -> None:
    assert "slip +0.0 bps" in plain(CycleStory(p.result(7, slippage_bps_avg=-0.04)).measured())
    assert "slip -0.1 bps" in plain(CycleStory(p.result(7, slippage_bps_avg=-0.06)).measured())
    assert "slip – " in plain(CycleStory(p.result(7, slippage_bps_avg=None)).measured())


def test_few_fills_of_many_orders_do_not_read_like_none() -> None:
    assert "fills/order 0.0033" in plain(
        CycleStory(p.result(7, fills_per_submitted_order=1 / 300)).measured()
    )


class Summed(App[None]):
    def compose(self) -> ComposeResult:
        yield CycleSummary()


async def test_long_steps_have_their_thousands_grouped() -> None:
    app = Summed()
    async with app.run_test():
        summary = app.query_one(CycleSummary)
        summary.show(7, p.result(7, timings_ms={"fetch": 5574.0}))
        assert "fetch 5,574.0 ms" in [plain(found) for found in summary.lines(80)]
