from collections.abc import Hashable, Iterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from console.app.styles import stylesheets
from console.app.themes import DARK
from console.kit.grid import Column, Grid
from console.kit.lines import line
from console.kit.rows import Row, RowList
from tests.console import seen

COLUMNS = (Column("key", 5), Column("much", 6, right=True, drop=1), Column("rest", 0))


def row(number: int, said: str = "") -> Row:
    return Row(
        number, (line(f"k{number}"), line(str(number * 1000)), line(said or f"row {number}"))
    )


def rows(*numbers: int) -> list[Row]:
    return [row(number) for number in numbers]


class Gridded(App[None]):
    CSS_PATH: ClassVar[Any] = stylesheets()
    CSS = "Grid { width: 40; height: 8; }"

    def __init__(self, follows: bool = False) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.follows = follows
        self.chosen: list[Hashable] = []

    def compose(self) -> ComposeResult:
        yield Grid(COLUMNS, follows=self.follows, empty="none yet", classes="panel")

    def on_row_cursor_chosen(self, message: Grid.Chosen) -> None:
        self.chosen.append(message.key)


@asynccontextmanager
async def gridded(*numbers: int, follows: bool = False) -> Any:
    app = Gridded(follows)
    async with app.run_test(size=(60, 12)) as pilot:
        app.query_one(Grid).set_rows(rows(*numbers))
        await pilot.pause()
        yield app.query_one(Grid), pilot


def counted(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> list[Region]:
    drawn: list[Region] = []
    monkeypatch.setattr(grid, "refresh", lambda *regions, **_: drawn.extend(regions or [Region()]))
    return drawn


def lines_of(pilot: Pilot[None]) -> Iterator[str]:
    return (text.strip("│ ") for text in seen.rows(pilot.app))


async def test_rows_stand_under_a_heading_with_numbers_on_the_right() -> None:
    async with gridded(1, 2) as (_, pilot):
        shown = [" ".join(text.split()) for text in lines_of(pilot)]
        assert shown[1:4] == ["key much rest", "k1 1000 row 1", "k2 2000 row 2"]
        assert (
            seen.rows(pilot.app)[2].index("1000") + 4 == seen.rows(pilot.app)[1].index("much") + 4
        )


async def test_without_rows_it_says_so() -> None:
    async with gridded() as (_, pilot):
        assert "none yet" in seen.text(pilot.app)


async def test_columns_go_where_the_room_is_short_those_that_drop_first() -> None:
    async with gridded(1) as (grid, pilot):
        grid.styles.width = 28
        await pilot.pause()
        shown = seen.text(pilot.app)
        assert "much" not in shown
        assert "row 1" in shown


async def test_the_cursor_stays_on_its_row_when_rows_move() -> None:
    async with gridded(5, 4, 3, 2, 1) as (grid, pilot):
        await pilot.press("j", "j")
        assert grid.key == 3
        grid.set_rows(rows(9, 8, 7, 6, 5, 4, 3, 2, 1))
        await pilot.pause()
        assert grid.key == 3
        assert grid.cursor == 6


async def test_on_the_first_row_it_follows_the_newest() -> None:
    async with gridded(3, 2, 1, follows=True) as (grid, pilot):
        grid.set_rows(rows(4, 3, 2, 1))
        await pilot.pause()
        assert grid.key == 4
    async with gridded(3, 2, 1, follows=False) as (grid, pilot):
        await pilot.press("j", "k")
        grid.set_rows(rows(4, 3, 2, 1))
        assert grid.key == 3


async def test_a_row_that_is_gone_leaves_the_cursor_within_the_rows() -> None:
    async with gridded(5, 4, 3, 2, 1) as (grid, pilot):
        await pilot.press("G")
        grid.set_rows(rows(5, 4))
        await pilot.pause()
        assert grid.key == 4
        grid.set_rows([])
        assert grid.key is None


async def test_the_first_click_takes_the_cursor_to_a_row_and_the_second_opens_it() -> None:
    async with gridded(5, 4, 3, 2, 1) as (grid, pilot):
        await pilot.click(Grid, offset=(5, 4))
        assert grid.key == 3
        assert pilot.app.chosen == []
        await pilot.click(Grid, offset=(5, 4))
        assert pilot.app.chosen == [3]


async def test_a_click_on_the_heading_or_the_border_is_for_no_row() -> None:
    async with gridded(5, 4, 3) as (grid, pilot):
        await pilot.press("j")
        for y in (0, 1, 6, 7):
            await pilot.click(Grid, offset=(5, y))
        assert grid.key == 4
        assert pilot.app.chosen == []


async def test_enter_opens_the_row_under_the_cursor() -> None:
    async with gridded(5, 4, 3) as (_, pilot):
        await pilot.press("down", "enter")
        assert pilot.app.chosen == [4]


async def test_all_rows_can_be_reached() -> None:
    numbers = range(500, 0, -1)
    async with gridded(*numbers) as (grid, pilot):
        await pilot.press("G")
        await pilot.pause()
        assert grid.key == 1
        assert "row 1" in seen.text(pilot.app)
        await pilot.press("pageup", "g")
        assert grid.key == 500


async def test_nothing_is_drawn_when_the_rows_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with gridded(3, 2, 1) as (grid, _):
        drawn = counted(grid, monkeypatch)
        grid.set_rows(rows(3, 2, 1))
        grid.set_columns(COLUMNS)
        assert drawn == []


async def test_only_rows_that_changed_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with gridded(3, 2, 1) as (grid, pilot):
        drawn = counted(grid, monkeypatch)
        grid.set_rows([row(3), row(2, "changed"), row(1)])
        assert drawn == [Region(0, 2, grid.size.width, 1)]
        monkeypatch.undo()
        grid.refresh()
        await pilot.pause()
        assert "changed" in seen.text(pilot.app)


async def test_a_source_that_changes_in_itself_is_looked_at_when_it_is_given_again() -> None:
    async with gridded(2, 1) as (grid, pilot):
        held = rows(2, 1)
        source = RowList(held)
        grid.set_source(source)
        await pilot.pause()
        held[1] = row(1, "now there")
        grid.set_source(source)
        await pilot.pause()
        assert "now there" in seen.text(pilot.app)


async def test_more_rows_are_scrolled_to_without_laying_out_the_screen() -> None:
    async with gridded(*range(60, 0, -1), follows=True) as (grid, pilot):
        grid.set_rows(rows(*range(90, 0, -1)))
        await pilot.pause()
        assert grid.virtual_size.height == 91
        assert grid.max_scroll_y == 91 - grid.size.height
        await pilot.press("G")
        await pilot.pause()
        assert "row 1 " in seen.text(pilot.app) + " "


async def test_an_unknown_row_is_shown_as_still_to_come() -> None:
    class Coming:
        def __len__(self) -> int:
            return 3

        def row(self, number: int) -> Row | None:
            return row(1) if number == 0 else None

        def number_of(self, key: Hashable) -> int | None:
            return 0 if key == 1 else None

    async with gridded() as (grid, pilot):
        grid.set_source(Coming())
        await pilot.pause()
        assert list(lines_of(pilot))[2:6] == [
            "k1       1000  row 1",
            "…",
            "…",
            "",
        ]
