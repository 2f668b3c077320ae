"""What is opened, and how any row of it is reached."""

from pathlib import Path

from console.browser.ui.table_picker import TablePicker
from tests.cases import mostly_long
from tests.console.browser.ui.tables_screen import ROWS, tables, trades
from tests.console.running import ran
from tests.console.seen import cells, inside


async def test_all_tables_and_views_are_listed(db: Path) -> None:
    async with tables(db) as found:
        await found.until(lambda: "symbols" in cells(found.app, "#tables"))
        _, *listed = inside(found.app, "#tables")
        names = [row.strip("│ ") for row in listed[:5]]
        assert names == ["table", "▸ cheap  view", "symbols", "trades", "vacant"]


async def test_the_file_is_named_with_its_size(db: Path) -> None:
    async with tables(db) as found:
        await found.seen("3 tables, 1 view")
        assert db.name in inside(found.app, "#file")[0]


async def test_a_ledger_opens_on_its_events(tmp_path: Path) -> None:
    await ran(tmp_path / "l.db", 2)
    async with tables(tmp_path / "l.db") as found:
        await found.until(lambda: found.pane.table_query.table == "ledger_events")


async def test_small_screens_have_the_rows_alone(db: Path) -> None:
    async with trades(db, (80, 24)) as found:
        assert not found.screen.query_one("#tables").display
        assert found.values("id")[0] == "1"


@mostly_long("size", [(20, 6), (40, 10), (60, 15)])
async def test_it_can_be_used_on_a_tiny_screen(db: Path, size: tuple[int, int]) -> None:
    async with trades(db, size) as found:
        await found.press("G")
        await found.until(lambda: found.values("id")[-1:] == ["1000"])
        await found.press("right", "s", "enter", "escape", "o", "escape", "e", "escape", "S")
        await found.press("escape")
        assert found.app.screen is found.screen


async def test_o_opens_a_table_by_a_part_of_its_name(db: Path) -> None:
    async with trades(db, (80, 24)) as found:
        await found.press("o")
        assert isinstance(found.app.screen, TablePicker)
        await found.type("symb")
        await found.press("enter")
        await found.until(lambda: found.pane.table_query.table == "symbols")
        await found.until(lambda: found.values("base") == ["BTC", "ETH"])


async def test_the_picker_moves_with_arrows_and_leaves_with_escape(db: Path) -> None:
    async with trades(db) as found:
        await found.press("o", "up", "escape")
        assert found.pane.table_query.table == "trades"
        await found.press("o", "up", "enter")
        await found.until(lambda: found.pane.table_query.table == "symbols")


async def test_enter_on_the_list_opens_a_table(db: Path) -> None:
    async with trades(db) as found:
        found.screen.query_one("#tables").focus()
        await found.press("home", "enter")
        await found.until(lambda: found.pane.table_query.table == "cheap")
        assert found.grid.has_focus


async def test_an_empty_table_says_so(db: Path) -> None:
    async with trades(db) as found:
        await found.open("vacant")
        await found.seen("no rows")
        assert found.count.startswith("0 rows exact")


async def test_first_last_and_pages(db: Path) -> None:
    async with trades(db) as found:
        await found.press("G")
        await found.until(lambda: found.values("id")[-1:] == ["1000"])
        assert "row 1,000 of 1,000 exact" in found.count
        await found.press("g")
        await found.until(lambda: found.values("id")[:1] == ["1"])
        await found.press("pagedown")
        await found.until(lambda: found.grid.cursor > 20 and found.grid.row)


@mostly_long(
    ("typed", "identity"),
    [("row 1,000", "1000"), ("key 321", "321"), ("500", "500"), ("50%", "500")],
    usual=2,
)
async def test_any_row_can_be_gone_to(db: Path, typed: str, identity: str) -> None:
    async with trades(db) as found:
        await found.press("colon")
        await found.type(typed)
        await found.press("enter")
        await found.until(lambda: found.grid.cell and found.grid.cell.text == identity)
        assert found.grid.has_focus


async def test_a_row_beyond_the_end_is_the_last_and_is_said(db: Path) -> None:
    async with trades(db) as found:
        await found.press("colon")
        await found.type("9999")
        await found.press("enter")
        await found.seen("there are 1,000 rows")
        assert found.grid.cursor == ROWS - 1


async def test_a_key_that_is_not_there_is_said(db: Path) -> None:
    async with trades(db) as found:
        await found.press("colon")
        await found.type("key 77777")
        await found.press("enter")
        await found.seen("no row here has the key 77777")
        assert found.grid.cursor == 0


async def test_leaving_the_prompt_changes_nothing(db: Path) -> None:
    async with trades(db) as found:
        for key in ("colon", "slash", "asterisk", "F"):
            await found.press(key)
            await found.type("5")
            await found.press("escape")
        assert found.pane.table_query.where == ()
        assert found.grid.cursor == 0
        assert found.grid.has_focus
