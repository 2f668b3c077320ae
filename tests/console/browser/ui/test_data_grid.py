"""The grid: any number of rows, a cursor on a cell, only what is seen asked for and drawn."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.scrollbar import ScrollTo

from console.app.styles import stylesheets
from console.app.themes import DARK
from console.browser.model import Cell, ColumnInfo, Key, Row
from console.browser.ui.cells import Times
from console.browser.ui.columns import Columns
from console.browser.ui.data_grid import DataGrid
from tests.cases import mostly_long
from tests.console.seen import inside, text

INFOS = (
    ColumnInfo("seq", "INTEGER"),
    ColumnInfo("symbol", "TEXT"),
    ColumnInfo("price", "TEXT", decimal=True),
    ColumnInfo("note", "TEXT"),
)


class Numbered:
    """Rows that follow from their numbers, and a note of which were wanted."""

    def __init__(self, count: int, note: str = "x", missing: Sequence[int] = ()) -> None:
        self.count = count
        self.note = note
        self.missing = missing
        self.wanted: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return self.count

    def row(self, number: int) -> Row | None:
        if number in self.missing:
            return None
        cells = (
            Cell("integer", str(number + 1)),
            Cell("text", f"S{number % 7}"),
            Cell("text", f"{number}.25"),
            Cell("text", self.note),
        )
        return Row(Key("rowid", (number + 1,)), cells)

    def exact(self, number: int) -> bool:
        return True

    def want(self, first: int, last: int) -> None:
        self.wanted.append((first, last))


class GridApp(App[None]):
    CSS_PATH: ClassVar[Any] = stylesheets()

    def __init__(self, source: Numbered, infos: Sequence[ColumnInfo] = INFOS) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.source, self.infos = source, infos
        self.seen: list[str] = []

    def compose(self) -> ComposeResult:
        yield DataGrid(id="rows")

    def on_mount(self) -> None:
        self.query_one(DataGrid).show_rows(self.source, Columns.of(self.infos, Times.RAW))
        self.query_one(DataGrid).focus()

    def on_row_cursor_chosen(self, event: DataGrid.Chosen) -> None:
        self.seen.append(f"chosen {event.grid.cursor}")

    def on_data_grid_last_wanted(self, event: DataGrid.LastWanted) -> None:
        event.grid.go_to(self.source.count - 1)

    def on_data_grid_heading_clicked(self, event: DataGrid.HeadingClicked) -> None:
        column = event.grid.column
        self.seen.append(f"heading {column.title if column else ''}")


def grid_of(pilot: Pilot[None]) -> DataGrid:
    return pilot.app.query_one(DataGrid)


def first_words(pilot: Pilot[None]) -> list[str]:
    return [row.split()[0] for row in inside(pilot.app, "#rows")[1:] if row.split()]


async def test_any_of_ten_million_rows_is_one_key_away() -> None:
    app = GridApp(Numbered(10_000_000))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("G")
        await pilot.pause()
        assert "10,000,000" in inside(app, "#rows")[-1]
        assert "9999999.25" in inside(app, "#rows")[-1]
        await pilot.press("g")
        await pilot.pause()
        assert first_words(pilot)[0] == "1"
        grid_of(pilot).go_to(4_999_999)
        await pilot.pause()
        assert "5,000,000" in text(app)


async def test_only_rows_that_are_seen_are_wanted() -> None:
    source = Numbered(10_000_000)
    app = GridApp(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("G", "pageup", "g", "pagedown")
        await pilot.pause()
    assert all(last - first < 24 for first, last in source.wanted)
    assert source.wanted[-1][0] < 50


@pytest.mark.parametrize(
    ("keys", "row", "column"),
    [
        ("down down right", 2, 1),
        ("j j k l l h", 1, 1),
        ("up left", 0, 0),
        ("dollar_sign", 0, 3),
        ("l ctrl+right 0", 0, 0),
        ("pagedown", 22, 0),
        ("pagedown pageup", 0, 0),
        ("ctrl+f ctrl+f ctrl+b", 22, 0),
        ("end", 999, 0),
        ("end home", 0, 0),
    ],
)
async def test_the_cursor_moves(keys: str, row: int, column: int) -> None:
    app = GridApp(Numbered(1_000))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys.split())
        await pilot.pause()
        grid = grid_of(pilot)
        assert (grid.cursor, grid.cursor_column) == (row, column)


async def test_a_row_that_is_not_here_yet_is_a_faint_ellipsis() -> None:
    app = GridApp(Numbered(10, missing=[1]))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert inside(app, "#rows")[2].split() == ["2", "…", "…", "…", "…"]


async def test_numbers_and_money_stand_right() -> None:
    app = GridApp(Numbered(2_000))
    async with app.run_test(size=(80, 24)) as pilot:
        grid_of(pilot).go_to(1_000)
        await pilot.pause()
        ends = {row.index(".25") for row in inside(app, "#rows")[1:]}
        assert len(ends) == 1


async def test_a_figure_at_the_edge_says_that_it_is_cut() -> None:
    infos = (*INFOS, *(ColumnInfo(f"more{n}", "TEXT") for n in range(3)))
    for width in range(24, 60, 5):
        app = GridApp(Numbered(200), infos)
        async with app.run_test(size=(width, 10)) as pilot:
            await pilot.pause()
            for number, row in enumerate(inside(app, "#rows")[1:]):
                shown = row.rstrip("▁▂▃▄▅▆▇█ ")
                if f" {number}" in shown and not shown.endswith("x"):
                    last = shown.split()[-1]
                    assert last in (f"{number + 1}", f"S{number % 7}", f"{number}.25") or (
                        last.endswith("…")
                    ), row


async def test_the_column_under_the_cursor_is_in_view_and_whole_at_its_left() -> None:
    infos = tuple(ColumnInfo(f"column_{n}", "TEXT") for n in range(40))

    class Wide(Numbered):
        def row(self, number: int) -> Row | None:
            cells = tuple(Cell("text", f"value_{n}") for n in range(40))
            return Row(Key("rowid", (number,)), cells)

    app = GridApp(Wide(50), infos)
    async with app.run_test(size=(80, 12)) as pilot:
        for place in [*range(40), *reversed(range(40))]:
            grid_of(pilot).go_to(0, place)
            await pilot.pause()
            assert f"value_{place} " in inside(app, "#rows")[1] + " "
            assert "alue" not in inside(app, "#rows")[1].replace("value", "")
        assert "›" in inside(app, "#rows")[0]


async def test_the_sign_that_there_is_more_leaves_every_heading_whole() -> None:
    infos = tuple(ColumnInfo(f"side{n}", "TEXT") for n in range(40))
    app = GridApp(Numbered(50), infos)
    async with app.run_test(size=(20, 6)) as pilot:
        for width in range(20, 60):
            await pilot.resize_terminal(width, 6)
            heading = inside(app, "#rows")[0]
            assert heading.endswith(" ›")
            assert "…" not in heading


async def test_pinned_columns_stay_in_view() -> None:
    infos = tuple(ColumnInfo(f"c{n}", "TEXT") for n in range(4))
    app = GridApp(Numbered(50, note="wide " * 30), (*infos[:3], ColumnInfo("note", "TEXT")))
    async with app.run_test(size=(60, 12)) as pilot:
        grid = grid_of(pilot)
        grid.columns.all[1].pinned = True
        grid.columns_changed()
        grid.go_to(0, 3)
        await pilot.pause()
        assert inside(app, "#rows")[1].split()[0] == "S0"


async def test_a_click_puts_the_cursor_and_a_second_one_opens() -> None:
    app = GridApp(Numbered(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click("#rows", offset=(20, 5))
        assert grid_of(pilot).cursor == 4
        assert app.seen == []
        await pilot.click("#rows", offset=(20, 5))
        assert app.seen == ["chosen 4"]


async def test_a_click_on_a_heading_says_which() -> None:
    app = GridApp(Numbered(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        x = inside(app, "#rows")[0].index("price")
        await pilot.click("#rows", offset=(x, 0))
        assert app.seen == ["heading price"]


async def test_enter_opens_the_row() -> None:
    app = GridApp(Numbered(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "enter")
        assert app.seen == ["chosen 1"]


async def test_the_scroll_bar_of_ten_million_rows_reaches_the_end() -> None:
    app = GridApp(Numbered(10_000_000))
    async with app.run_test(size=(80, 24)) as pilot:
        grid = grid_of(pilot)
        await pilot.pause()
        assert grid.show_vertical_scrollbar
        assert grid.vertical_scrollbar.window_virtual_size == 10_000_001
        grid.scroll_to(y=grid.max_scroll_y, animate=False)
        await pilot.pause()
        assert "10,000,000" in inside(app, "#rows")[-1]
        grid.scroll_to(y=grid.max_scroll_y / 2, animate=False)
        await pilot.pause()
        assert "5,000,0" in text(app)


async def test_the_wheel_scrolls_and_leaves_the_cursor_where_it_is() -> None:
    app = GridApp(Numbered(10_000_000))
    async with app.run_test(size=(80, 24)) as pilot:
        grid = grid_of(pilot)
        for _ in range(5):
            grid.post_message(events.MouseScrollDown(grid, 5, 5, 0, 1, 0, False, False, False))
        await pilot.pause()
        assert grid.scroll_offset.y >= 5
        assert grid.cursor == 0
        await pilot.press("down")
        await pilot.pause()
        assert first_words(pilot)[0] == "2"


async def test_dragging_the_scroll_bar_jumps() -> None:
    source = Numbered(10_000_000)
    app = GridApp(source)
    async with app.run_test(size=(80, 24)) as pilot:
        grid = grid_of(pilot)
        await pilot.pause()
        grid.vertical_scrollbar.post_message(ScrollTo(y=7_000_000, animate=False))
        await pilot.pause()
        assert first_words(pilot)[0] == "7,000,001"
        assert source.wanted[-1][0] == 7_000_000


async def test_what_is_under_the_cursor_stays_there_when_rows_move() -> None:
    source = Numbered(1_000)
    app = GridApp(source)
    async with app.run_test(size=(80, 24)) as pilot:
        grid = grid_of(pilot)
        grid.go_to(500)
        await pilot.pause()
        top = grid.scroll_offset.y
        source.count = 1_010
        grid.shift(10)
        assert grid.cursor == 510
        assert grid.scroll_offset.y == top + 10


async def test_fewer_rows_take_the_cursor_along() -> None:
    source = Numbered(1_000)
    app = GridApp(source)
    async with app.run_test(size=(80, 24)) as pilot:
        grid = grid_of(pilot)
        grid.go_to(999)
        source.count = 5
        grid.rows_changed()
        await pilot.pause()
        assert grid.cursor == 4
        assert first_words(pilot) == ["1", "2", "3", "4", "5"]
        source.count = 0
        grid.set_empty("no rows")
        grid.rows_changed()
        await pilot.pause()
        assert "no rows" in text(app)


@mostly_long(
    "note",
    [
        "note [/x] end",
        "\x1b]0;pwn\x07",
        "漢字" * 3_000,
        "[red]x[/red]",
        "\x9b31m",
        "a\u202eb",
        "a\u200bb",
        "\x00nul\ttab\nline",
        "x" * 10_000,
        "\ud800 lone",
        "\udcff\udcfe",
        "e" + "\u0301" * 3_000,
        "🧑‍🚀" * 500,
    ],
    usual=2,
)
async def test_hostile_cells_are_drawn_and_never_raw(note: str) -> None:
    app = GridApp(Numbered(30, note=note))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("dollar_sign")
        await pilot.pause()
        drawn = text(app)
        assert drawn.replace("\n", "").isprintable()
        for row in inside(app, "#rows")[1:]:
            assert "S" in row or "…" in row or note[:1] in row


async def test_a_grid_too_small_for_anything_does_not_fail() -> None:
    for size in [(40, 10), (12, 4), (3, 3), (1, 1)]:
        app = GridApp(Numbered(1_000))
        async with app.run_test(size=size) as pilot:
            await pilot.press("G", "right", "right", "right", "up")
            await pilot.pause()
            assert grid_of(pilot).cursor == 998
