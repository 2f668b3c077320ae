from decimal import Decimal
from typing import Any, ClassVar

import pytest
from textual.app import App, ComposeResult

from console.app.styles import stylesheets
from console.app.themes import DARK, LIGHT
from console.kit.bars import Stacked
from console.kit.chart import Chart
from console.kit.curve import Curve
from console.kit.lines import Tone, line
from tests.console import seen


class Charted(App[None]):
    CSS_PATH: ClassVar[Any] = stylesheets()
    CSS = "Chart { width: 12; height: 4; }"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield Chart(empty="nothing yet")


def bars(*values: float) -> Stacked:
    return Stacked(tuple(((value, Tone.OK),) for value in values))


async def test_bars_stand_on_the_right_beside_their_scale() -> None:
    async with Charted().run_test() as pilot:
        pilot.app.query_one(Chart).draw(bars(8, 16))
        await pilot.pause()
        assert seen.rows(pilot.app)[:4] == [
            " 16        █",
            "           █",
            "          ██",
            "  0       ██",
        ]


async def test_a_long_label_makes_the_chart_narrower_and_is_not_cut() -> None:
    async with Charted().run_test() as pilot:
        chart = pilot.app.query_one(Chart)
        chart.draw(bars(*[1_000_000] * 20))
        await pilot.pause()
        assert seen.rows(pilot.app)[0] == "1,000,000 ██"
        assert chart.shown == 2


async def test_what_is_not_there_yet_is_said() -> None:
    async with Charted().run_test() as pilot:
        await pilot.pause()
        assert "nothing yet" in seen.text(pilot.app)


async def test_a_legend_stands_above_where_there_is_room_for_it() -> None:
    async with Charted().run_test() as pilot:
        chart = pilot.app.query_one(Chart)
        chart.styles.height = 6
        figure = Stacked(bars(1).bars, legends=(line(("▇", Tone.OK), "fetch"),))
        chart.draw(figure)
        await pilot.pause()
        assert seen.rows(pilot.app)[0] == "▇fetch"
        chart.styles.height = 3
        await pilot.pause()
        assert "fetch" not in seen.text(pilot.app)


async def test_the_longest_legend_there_is_room_for_is_shown() -> None:
    async with Charted().run_test() as pilot:
        chart = pilot.app.query_one(Chart)
        chart.styles.height = 6
        chart.draw(Stacked(bars(1).bars, legends=(line("much too long " * 20), line("short"))))
        await pilot.pause()
        assert seen.rows(pilot.app)[0] == "short"


async def test_two_colours_share_a_cell() -> None:
    async with Charted().run_test() as pilot:
        chart = pilot.app.query_one(Chart)
        chart.draw(Stacked((((4, Tone.OK), (28, Tone.DANGER)),)))
        await pilot.pause()
        *_, last = chart.render_line(3)
        assert last.text == "▄"
        assert last.style is not None
        assert last.style.color == chart.tone(Tone.OK).color
        assert last.style.bgcolor == chart.tone(Tone.DANGER).color


async def test_the_same_figure_is_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    async with Charted().run_test() as pilot:
        chart = pilot.app.query_one(Chart)
        chart.draw(bars(1, 2))
        await pilot.pause()
        monkeypatch.setattr(chart, "refresh", lambda *regions, **_: drawn.append(regions))
        chart.draw(bars(1, 2))
        assert not drawn
        chart.draw(bars(1, 3))
        assert len(drawn) == 1


async def test_a_hidden_chart_has_room_for_nothing() -> None:
    async with Charted().run_test() as pilot:
        chart = pilot.app.query_one(Chart)
        chart.draw(Curve((Decimal(1), Decimal(2))))
        await pilot.pause()
        assert (chart.capacity, chart.shown) == (24, 2)
        chart.display = False
        await pilot.pause()
        assert (chart.capacity, chart.shown) == (0, 0)


async def test_another_theme_is_another_colour() -> None:
    async with Charted().run_test() as pilot:
        chart = pilot.app.query_one(Chart)
        chart.draw(bars(1))
        await pilot.pause()
        before = [segment.style for segment in chart.render_line(3)]
        pilot.app.theme = LIGHT.name
        await pilot.pause()
        assert [segment.style for segment in chart.render_line(3)] != before
