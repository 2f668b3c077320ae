"""Tables: any SQLite file, whole, read by a process of its own."""

import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest
from hosting import Host
from running import ran, until, written
from seen import cells, inside, text
from textual import events
from textual.pilot import Pilot

from console.lines import Tone
from console.screens.export_dialog import ExportDialog
from console.screens.row_detail import RowDetail
from console.screens.table_picker import TablePicker
from console.screens.tables import TablesScreen
from console.view import View
from console.widgets.data_grid import DataGrid
from console.widgets.query_pane import QueryPane
from console.widgets.rows_pane import RowsPane

ROWS = 1_000
HOSTILE = {
    "markup": "note [/x] end",
    "title": "\x1b]0;pwn\x07",
    "csi": "\x9b31m[31m",
    "bidi": "a\u202eb\u2066c",
    "zero width": "a\u200bb\ufeffc",
    "controls": "tab\tline\nreturn\rnul\0end",
    "long": "x" * 10_000,
    "wide": "漢字" * 200,
}


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "trades.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE trades (id INTEGER PRIMARY KEY, symbol TEXT, price TEXT, fee TEXT,"
            " ts INTEGER, meta_json TEXT)"
        )
        connection.executemany(
            "INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?)", map(trade, range(1, ROWS + 1))
        )
        connection.execute(
            "CREATE TABLE symbols (symbol TEXT PRIMARY KEY, base TEXT) WITHOUT ROWID"
        )
        connection.execute("INSERT INTO symbols VALUES ('BTC/USDT', 'BTC'), ('ETH/USDT', 'ETH')")
        connection.execute("CREATE VIEW cheap AS SELECT id, price FROM trades WHERE id < 10")
        connection.execute("CREATE TABLE vacant (a, b)")
    return path


def trade(number: int) -> tuple[object, ...]:
    symbol = "BTC/USDT" if number % 2 else "ETH/USDT"
    fee = None if number % 10 == 0 else f"0.{number:06}"
    meta = json.dumps({"order": f"o{number}", "levels": [1.5, None]})
    price = f"{(number * 7919) % 1_000}.{number % 100:02}"
    return number, symbol, price, fee, 1_767_225_600_000 + number, meta


def write(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def asked(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


class Tables:
    """The screen, as its operator meets it."""

    def __init__(self, pilot: Pilot[None], screen: TablesScreen) -> None:
        self.pilot, self.screen = pilot, screen
        self.app: Host = pilot.app  # type: ignore[assignment]

    @property
    def pane(self) -> RowsPane:
        return self.screen.pane

    @property
    def grid(self) -> DataGrid:
        return self.screen.pane.grid

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, typed: str) -> None:
        await written(self.pilot, typed)

    async def until(self, condition: Callable[[], object]) -> None:
        await until(self.pilot, condition)

    async def seen(self, said: str) -> None:
        await self.until(lambda: said in text(self.app))

    async def column(self, name: str) -> None:
        """Put the cursor on a column."""
        names = [column.title for column in self.grid.columns.seen]
        self.grid.go_to(self.grid.cursor_row, names.index(name))
        await self.pilot.pause()

    async def open(self, table: str) -> None:
        self.screen.open_table(table)
        await self.until(lambda: self.pane.place.table == table)

    def values(self, name: str) -> list[str]:
        """What the rows in view hold in a column."""
        paged = self.pane.paged
        assert paged is not None
        place = [info.name for info in paged.columns].index(name)
        top = self.grid.scroll_offset.y
        rows = [paged.row(top + n) for n in range(self.grid.rows_seen) if top + n < len(paged)]
        return [row.cells[place].text for row in rows if row]

    @property
    def count(self) -> str:
        return cells(self.app, "#count")


@asynccontextmanager
async def tables(
    path: Path, size: tuple[int, int] = (120, 40), view: View | None = None
) -> AsyncIterator[Tables]:
    screen = TablesScreen(path)
    app = Host(screen, view or View())
    async with app.run_test(size=size) as pilot:
        yield Tables(pilot, screen)


@asynccontextmanager
async def trades(path: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Tables]:
    """The screen on the 1,000 trades."""
    async with tables(path, size) as found:
        await found.until(lambda: found.pane.paged is not None)
        await found.open("trades")
        await found.until(lambda: found.grid.row and found.pane.paged and found.pane.paged.counted)
        yield found


# --- opening


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
        await found.until(lambda: found.pane.place.table == "ledger_events")


async def test_small_screens_have_the_rows_alone(db: Path) -> None:
    async with trades(db, (80, 24)) as found:
        assert not found.screen.query_one("#tables").display
        assert found.values("id")[0] == "1"


@pytest.mark.parametrize("size", [(40, 10), (60, 15), (20, 6)])
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
        await found.until(lambda: found.pane.place.table == "symbols")
        await found.until(lambda: found.values("base") == ["BTC", "ETH"])


async def test_the_picker_moves_with_arrows_and_leaves_with_escape(db: Path) -> None:
    async with trades(db) as found:
        await found.press("o", "up", "escape")
        assert found.pane.place.table == "trades"
        await found.press("o", "up", "enter")
        await found.until(lambda: found.pane.place.table == "symbols")


async def test_enter_on_the_list_opens_a_table(db: Path) -> None:
    async with trades(db) as found:
        found.screen.query_one("#tables").focus()
        await found.press("home", "enter")
        await found.until(lambda: found.pane.place.table == "cheap")
        assert found.grid.has_focus


async def test_an_empty_table_says_so(db: Path) -> None:
    async with trades(db) as found:
        await found.open("vacant")
        await found.seen("no rows")
        assert found.count.startswith("0 rows exact")


# --- any row


async def test_first_last_and_pages(db: Path) -> None:
    async with trades(db) as found:
        await found.press("G")
        await found.until(lambda: found.values("id")[-1:] == ["1000"])
        assert "row 1,000 of 1,000 exact" in found.count
        await found.press("g")
        await found.until(lambda: found.values("id")[:1] == ["1"])
        await found.press("pagedown")
        await found.until(lambda: found.grid.cursor_row > 20 and found.grid.row)


@pytest.mark.parametrize(
    ("typed", "identity"),
    [("500", "500"), ("row 1,000", "1000"), ("50%", "500"), ("key 321", "321")],
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
        assert found.grid.cursor_row == ROWS - 1


async def test_a_key_that_is_not_there_is_said(db: Path) -> None:
    async with trades(db) as found:
        await found.press("colon")
        await found.type("key 77777")
        await found.press("enter")
        await found.seen("no row here has the key 77777")
        assert found.grid.cursor_row == 0


async def test_leaving_the_prompt_changes_nothing(db: Path) -> None:
    async with trades(db) as found:
        for key in ("colon", "slash", "asterisk", "F"):
            await found.press(key)
            await found.type("5")
            await found.press("escape")
        assert found.pane.place.where == ()
        assert found.grid.cursor_row == 0
        assert found.grid.has_focus


# --- order


async def test_s_sorts_the_whole_table_on_the_column_under_the_cursor(db: Path) -> None:
    (lowest,), (highest,) = asked(
        db, "SELECT price FROM trades ORDER BY CAST(price AS REAL) LIMIT 1"
    ) + asked(db, "SELECT price FROM trades ORDER BY CAST(price AS REAL) DESC LIMIT 1")
    async with trades(db) as found:
        await found.column("price")
        await found.press("s")
        await found.until(lambda: found.values("price")[:1] == [lowest])
        assert "price ▲" in cells(found.app, "#rows")
        await found.press("s")
        await found.until(lambda: found.values("price")[:1] == [highest])
        assert "price ▼" in cells(found.app, "#rows")
        assert "by price ▼" in found.count
        await found.press("s")
        await found.until(lambda: found.values("id")[:2] == ["1", "2"])
        assert found.grid.column is not None
        assert found.grid.column.title == "price"


async def test_a_click_on_a_heading_sorts(db: Path) -> None:
    async with trades(db) as found:
        heading = inside(found.app, "#rows")[0]
        await found.pilot.click("#rows", offset=(heading.index("fee"), 0))
        await found.until(lambda: found.pane.place.sorted_on("fee"))


# --- filters


@pytest.mark.parametrize(
    ("column", "typed", "where"),
    [
        ("symbol", "= BTC/USDT", "symbol = 'BTC/USDT'"),
        ("symbol", "!= BTC/USDT", "symbol != 'BTC/USDT'"),
        ("symbol", "~ eth", "symbol LIKE '%eth%'"),
        ("price", "> 500", "CAST(price AS REAL) > 500"),
        ("price", "<= 500.5", "CAST(price AS REAL) <= 500.5"),
        ("id", ">= 990", "id >= 990"),
        ("id", "< 3", "id < 3"),
        ("fee", "is null", "fee IS NULL"),
        ("fee", "is not null", "fee IS NOT NULL"),
    ],
)
async def test_a_filter_looks_at_all_rows(db: Path, column: str, typed: str, where: str) -> None:
    ((expected,),) = asked(db, f"SELECT count(*) FROM trades WHERE {where}")
    async with trades(db) as found:
        await found.column(column)
        await found.press("slash")
        await found.type(typed)
        await found.press("enter")
        await found.until(lambda: f"of {expected:,} exact" in found.count)
        assert column in cells(found.app, "#chips")


async def test_the_prompt_says_how_a_filter_is_understood(db: Path) -> None:
    async with trades(db) as found:
        await found.column("price")
        await found.press("slash")
        await found.type(">=5")
        await found.pilot.pause()
        assert "rows where price >= 5" in cells(found.app, "#prompt")


async def test_filters_add_up_and_c_clears_them(db: Path) -> None:
    async with trades(db) as found:
        await found.column("symbol")
        await found.press("equals_sign")
        await found.until(lambda: "of 500 exact" in found.count)
        await found.column("id")
        await found.press("slash")
        await found.type("> 900")
        await found.press("enter")
        await found.until(lambda: "of 50 exact" in found.count)
        assert cells(found.app, "#chips") == "symbol = BTC/USDT · id > 900"
        await found.press("c")
        await found.until(lambda: "of 1,000 exact" in found.count)
        assert not found.screen.query_one("#chips").display


async def test_how_many_rows_were_looked_at_is_said(db: Path) -> None:
    async with trades(db) as found:
        await found.column("meta_json")
        await found.press("slash")
        await found.type("~ o77")
        await found.press("enter")
        await found.until(lambda: "of 11 exact · 1,000 looked at" in found.count)
        write(db, "INSERT INTO trades (id, meta_json) VALUES (1001, 'o77')")
        await found.until(lambda: "of 12 exact · 1,001 looked at" in found.count)


async def test_an_emptied_filter_goes_away(db: Path) -> None:
    async with trades(db) as found:
        await found.press("equals_sign")
        await found.until(lambda: "of 1 exact" in found.count)
        await found.press("slash", "ctrl+u", "enter")
        await found.until(lambda: "of 1,000 exact" in found.count)


async def test_a_null_cell_filters_for_null(db: Path) -> None:
    async with trades(db) as found:
        await found.column("fee")
        found.grid.go_to(9)
        await found.press("equals_sign")
        await found.until(lambda: "of 100 exact" in found.count)
        assert set(found.values("fee")) == {""}


async def test_any_column_can_be_searched(db: Path) -> None:
    async with trades(db) as found:
        await found.press("asterisk")
        await found.type("o77")
        await found.press("enter")
        await found.until(lambda: "of 11 exact" in found.count)
        assert "any column ~ o77" in cells(found.app, "#chips")


async def test_find_goes_from_hit_to_hit(db: Path) -> None:
    async with trades(db) as found:
        await found.press("F")
        await found.type("o99")
        await found.press("enter")
        await found.until(lambda: found.grid.cursor_row == 98)
        await found.until(lambda: found.grid.column and found.grid.column.title == "meta_json")
        await found.press("n")
        await found.until(lambda: found.grid.cursor_row == 989)
        await found.press("N")
        await found.until(lambda: found.grid.cursor_row == 98)
        await found.press("N")
        await found.seen("no row above has “o99”")


# --- columns


async def test_columns_hide_and_come_back(db: Path) -> None:
    async with trades(db) as found:
        await found.column("symbol")
        await found.press("minus")
        assert "symbol" not in inside(found.app, "#rows")[0]
        assert "1 column hidden" in found.count
        await found.press("plus")
        assert "symbol" in inside(found.app, "#rows")[0]


async def test_a_pinned_column_is_the_first(db: Path) -> None:
    async with trades(db) as found:
        await found.column("price")
        await found.press("vertical_line")
        assert inside(found.app, "#rows")[0].split()[0] == "price"
        assert found.grid.column is not None
        assert found.grid.column.title == "price"
        await found.press("vertical_line")
        assert inside(found.app, "#rows")[0].split()[0] == "id"


async def test_columns_get_wider_and_narrower(db: Path) -> None:
    async with trades(db) as found:
        await found.column("symbol")

        assert "BTC/USDT" in text(found.app)
        await found.press("less_than_sign")
        assert "BTC…" in text(found.app)
        await found.press("greater_than_sign")
        assert "BTC/USDT" in text(found.app)


async def test_what_was_arranged_stays_when_one_comes_back(db: Path) -> None:
    async with trades(db) as found:
        await found.column("symbol")
        await found.press("minus")
        await found.open("symbols")
        await found.open("trades")
        await found.until(lambda: "price" in inside(found.app, "#rows")[0])
        assert "symbol" not in inside(found.app, "#rows")[0]


async def test_z_turns_times_from_utc_to_local_to_raw(db: Path) -> None:
    async with trades(db) as found:
        assert "1767225600001  2026-01-01 00:00:00.001" in text(found.app)
        await found.press("z")
        assert "local times" in found.count
        await found.press("z")
        assert "2026-01-01 00:00:00.001" not in "\n".join(inside(found.app, "#rows"))
        await found.press("z")
        assert "1767225600001  2026-01-01 00:00:00.001" in text(found.app)


# --- cells


async def test_null_is_unlike_empty(db: Path) -> None:
    write(db, "UPDATE trades SET fee = '' WHERE id = 1")
    write(db, "UPDATE trades SET fee = NULL WHERE id = 2")
    async with trades(db) as found:
        rows = inside(found.app, "#rows")
        assert " '' " in rows[1]
        assert " NULL " in rows[2]


async def test_every_stored_digit_of_money_is_there(db: Path) -> None:
    digits = "12345678901234567890.123456789012345678"
    write(db, "UPDATE trades SET price = ? WHERE id = 3", digits)
    write(db, "UPDATE trades SET price = '0.00000001' WHERE id = 4")
    async with trades(db) as found:
        assert digits in text(found.app)
        assert "0.00000001" in text(found.app)


async def test_the_cell_under_the_cursor_is_said_in_full(db: Path) -> None:
    async with trades(db) as found:
        await found.column("ts")
        said = cells(found.app, "#cell")
        assert said.startswith("ts INTEGER 1767225600001 2026-01-01 00:00:00.001 UTC")


@pytest.mark.parametrize("name", list(HOSTILE))
async def test_hostile_cells_are_shown_literally_and_nothing_of_them_raw(
    db: Path, name: str
) -> None:
    write(db, "UPDATE trades SET symbol = ?, meta_json = ?", HOSTILE[name], HOSTILE[name])
    async with trades(db) as found:
        await found.column("symbol")
        assert text(found.app).replace("\n", "").isprintable()
        await found.press("enter")
        await found.until(lambda: "row 1" in text(found.app))
        assert text(found.app).replace("\n", "").isprintable()
        await found.press("escape", "equals_sign")
        await found.pilot.pause()
        assert text(found.app).replace("\n", "").isprintable()
        if name == "markup":
            assert "note [/x] end" in text(found.app)
        if name == "title":
            assert "\\x1b]0;pwn\\x07" in text(found.app)


async def test_text_that_is_no_utf8_is_escaped(db: Path) -> None:
    write(db, "UPDATE trades SET symbol = CAST(x'fffe41' AS TEXT)")
    async with trades(db) as found:
        assert "\\xff\\xfeA" in text(found.app)


async def test_hostile_names_of_tables_and_columns_are_shown_literally(tmp_path: Path) -> None:
    path = tmp_path / "hostile.db"
    write(path, 'CREATE TABLE "we[/]ird \x1b[31m" ("note [/x]" TEXT, "\u202e" INT)')
    write(path, "INSERT INTO \"we[/]ird \x1b[31m\" VALUES ('a', 1)")
    async with tables(path) as found:
        await found.seen("we[/]ird \\x1b[31m")
        await found.seen("note [/x]")
        await found.press("enter")
        await found.until(lambda: isinstance(found.app.screen, RowDetail))
        await found.pilot.pause()
        await found.press("escape", "slash")
        await found.press("escape", "o")
        await found.press("escape", "e")
        assert text(found.app).replace("\n", "").isprintable()


async def test_y_copies_the_whole_cell_and_shift_y_the_row(db: Path) -> None:
    write(db, "UPDATE trades SET symbol = ? WHERE id = 1", "y" * 10_000)
    async with trades(db) as found:
        await found.column("symbol")
        await found.press("y")
        await found.until(lambda: found.app.clipboard == "y" * 10_000)
        found.grid.go_to(1)
        await found.press("Y")
        await found.until(lambda: found.app.clipboard.startswith("{"))
        row = json.loads(found.app.clipboard)
        assert row["id"] == 2
        assert row["symbol"] == "ETH/USDT"
        assert row["fee"] == "0.000002"
        assert found.app.asked[-1] == (
            "tell",
            f"Copied {len(found.app.clipboard)} characters",
            Tone.OK,
        )


# --- a row in full


async def test_enter_shows_the_whole_row(db: Path) -> None:
    whole = "begin " + "z" * 3_000 + " end"
    write(db, "UPDATE trades SET meta_json = ? WHERE id = 1", whole)
    async with trades(db) as found:
        await found.press("enter")
        await found.seen("trades · row 1")
        assert "2026-01-01 00:00:00.001 UTC" in text(found.app)
        await found.press("G")
        await found.until(lambda: "z end" in text(found.app))
        await found.press("right")
        await found.seen("trades · row 2")
        assert '"order": "o2"' in text(found.app)
        assert '"levels": [' in text(found.app)
        await found.press("escape")
        assert found.grid.cursor_row == 1


async def test_a_blob_is_shown_as_hex(db: Path) -> None:
    write(db, "UPDATE trades SET meta_json = x'00414243ff' WHERE id = 1")
    async with trades(db) as found:
        await found.press("enter")
        await found.seen("x'00414243ff' 5 B")
        assert "00 41 42 43 ff" in text(found.app)
        assert "·ABC·" in text(found.app)


async def test_a_link_leads_to_the_other_rows_and_backspace_back(db: Path) -> None:
    async with trades(db) as found:
        found.grid.go_to(41)
        await found.press("enter")
        await found.seen("→ symbols where symbol = ETH/USDT")
        await found.press("down", "down", "enter")
        await found.until(lambda: found.pane.place.table == "symbols")
        await found.until(lambda: found.values("base") == ["ETH"])
        await found.press("backspace")
        await found.until(lambda: found.pane.place.table == "trades" and found.grid.row)
        assert found.grid.cursor_row == 41
        await found.press("backspace")
        await found.until(lambda: found.pane.place.table != "trades")


async def test_on_a_ledger_a_fill_leads_to_its_cycle(tmp_path: Path) -> None:
    await ran(tmp_path / "l.db", 3)
    async with tables(tmp_path / "l.db", (120, 60)) as found:
        await found.until(lambda: found.pane.place.table == "ledger_events" and found.grid.row)
        await found.press("enter")
        await found.seen("→ cycles where cycle_id")
        for said in ("→ applied_fills", "→ cycle_metrics", "→ ledger_commits", "→ orders"):
            assert said in text(found.app)


async def test_the_cycle_of_a_row_is_the_one_keys_are_about(tmp_path: Path) -> None:
    await ran(tmp_path / "l.db", 2)
    screen = TablesScreen()
    app = Host(screen, View())
    app.db = tmp_path / "l.db"
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: screen.pane.grid.row)
        ((cycle,),) = asked(tmp_path / "l.db", "SELECT min(cycle_id) FROM ledger_events")
        assert screen.selected_cycle == cycle
        screen.open_table("lease")
        await until(pilot, lambda: screen.pane.place.table == "lease" and screen.pane.grid.row)
        assert screen.selected_cycle is None


async def test_a_table_asked_for_before_the_file_is_open_is_the_first(db: Path) -> None:
    screen = TablesScreen(db)
    screen.open_table("trades", "id", "7")
    app = Host(screen, View())
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: screen.pane.place.table == "trades" and screen.pane.grid.row)
        assert cells(app, "#chips") == "id = 7"


# --- statements


async def run_sql(found: Tables, sql: str) -> None:
    await found.press("S")
    found.screen.query_one(QueryPane).area.text = sql
    await found.press("ctrl+r")


async def test_a_statement_is_run_and_its_rows_browsed_the_same_way(db: Path) -> None:
    async with trades(db) as found:
        await found.press("S")
        await found.type("select symbol, count(*) as n from trades group by 1")
        await found.press("f5")
        await found.until(lambda: found.pane.place.sql and found.values("n") == ["500", "500"])
        assert "of 2 exact" in found.count
        await found.press("escape")
        assert found.grid.has_focus
        await found.column("symbol")
        await found.press("s", "s")
        await found.until(lambda: found.values("symbol") == ["ETH/USDT", "BTC/USDT"])
        await found.press("backspace", "backspace", "backspace")
        await found.until(lambda: found.pane.place.table == "trades")
        assert not found.screen.query_one(QueryPane).display


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("selec 1", "syntax error"),
        ("select * from nowhere", "no such table"),
        ("delete from trades", "▲"),
        ("attach '/tmp/x' as y", "▲"),
    ],
)
async def test_what_is_wrong_is_said_and_the_rows_stay(db: Path, sql: str, said: str) -> None:
    async with trades(db) as found:
        await run_sql(found, sql)
        await found.until(lambda: said in cells(found.app, "#query-said"))
        assert found.pane.place.table == "trades"
        assert found.values("id")[0] == "1"
    assert asked(db, "SELECT count(*) FROM trades") == [(ROWS,)]


async def test_escape_stops_a_running_statement(db: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT sum(i) FROM n"
    async with trades(db) as found:
        await run_sql(found, endless)
        await found.until(lambda: "running" in cells(found.app, "#query-said"))
        await found.press("escape")
        await found.until(lambda: "stopped" in cells(found.app, "#query-said"))
        await run_sql(found, "select 41 + 1 as answer")
        await found.until(lambda: found.pane.place.sql and found.values("answer") == ["42"])


async def test_tab_completes_and_tab_again_takes_the_next(db: Path) -> None:
    async with trades(db) as found:
        await found.press("S")
        await found.type("select * from tra")
        await found.press("tab")
        area = found.screen.query_one(QueryPane).area
        await found.until(lambda: area.text == "select * from trades")
        await found.type(" where s")
        await found.press("tab")
        await found.until(lambda: area.text.endswith("where symbol"))
        first = cells(found.app, "#query-said")
        assert first.startswith("▸ symbol")
        await found.press("tab")
        assert area.text.endswith("where symbols")
        await found.press("shift+tab")
        assert area.text.endswith("where symbol")
        await found.type("x")
        assert area.text.endswith("where symbolx")
        assert not cells(found.app, "#query-said").startswith("▸")


async def test_statements_are_remembered_from_one_day_to_the_next(db: Path) -> None:
    async with trades(db) as found:
        for sql in ("select 1 as a", "select 2 as a"):
            await run_sql(found, sql)
            await found.until(lambda sql=sql: found.pane.place.sql == sql)
    async with trades(db) as found:
        await found.press("S")
        await found.type("draft")
        area = found.screen.query_one(QueryPane).area
        await found.press("ctrl+up")
        assert area.text == "select 2 as a"
        await found.press("ctrl+up", "ctrl+up")
        assert area.text == "select 1 as a"
        await found.press("ctrl+down", "ctrl+down")
        assert area.text == "draft"


# --- others write


async def test_what_others_write_is_seen(db: Path) -> None:
    async with trades(db) as found:
        write(db, "UPDATE trades SET symbol = 'CHANGED' WHERE id = 3")
        await found.seen("CHANGED")


async def test_follow_goes_to_new_rows_and_marks_them(db: Path) -> None:
    async with trades(db) as found:
        await found.press("f")
        await found.seen("● following")
        await found.until(lambda: found.grid.cursor_row == ROWS - 1)
        write(db, "INSERT INTO trades (id, symbol) VALUES (1001, 'NEW')")
        await found.seen("+1,001")
        assert found.grid.cursor_row == ROWS
        assert "+1,000" not in text(found.app)
        await found.press("f")
        assert "● following" not in text(found.app)
        assert "+1,001" not in text(found.app)


async def test_a_cursor_that_was_moved_away_stays_where_it_is(db: Path) -> None:
    async with trades(db) as found:
        await found.press("f")
        await found.until(lambda: found.grid.cursor_row == ROWS - 1)
        await found.press("up", "up")
        write(db, "INSERT INTO trades (id, symbol) VALUES (1001, 'NEW')")
        await found.until(lambda: "of 1,001 exact" in found.count)
        assert found.grid.cursor_row == ROWS - 3
        await found.press("G")
        write(db, "INSERT INTO trades (id, symbol) VALUES (1002, 'NEW')")
        await found.until(lambda: found.grid.cursor_row == ROWS + 1)


async def test_what_was_sorted_says_when_the_file_has_changed_since(db: Path) -> None:
    async with trades(db) as found:
        await found.column("price")
        await found.press("s")
        await found.until(lambda: "by price ▲" in found.count and found.values("price"))
        assert "has changed since" not in found.count
        write(db, "INSERT INTO trades (id, price) VALUES (1001, '-5')")
        await found.until(lambda: "the file has changed since: f5" in found.count)
        await found.press("f5")
        await found.until(lambda: found.values("price")[:1] == ["-5"])
        await found.until(lambda: "has changed since" not in found.count)


async def test_newest_first_follows_at_the_top(db: Path) -> None:
    async with trades(db) as found:
        await found.press("s", "s")
        await found.until(lambda: found.values("id")[:1] == ["1000"])
        await found.press("f")
        write(db, "INSERT INTO trades (id, symbol) VALUES (1001, 'NEW')")
        await found.until(lambda: found.values("id")[:2] == ["1001", "1000"])
        assert found.grid.cursor_row == 0


async def test_the_cursor_stays_on_its_row_when_others_come_before_it(db: Path) -> None:
    async with trades(db) as found:
        await found.open("symbols")
        await found.until(lambda: found.values("base") == ["BTC", "ETH"])
        await found.press("down")
        write(db, "INSERT INTO symbols VALUES ('AAA/USDT', 'AAA')")
        await found.until(lambda: len(found.values("base")) == 3)
        assert found.grid.row is not None
        assert found.grid.row.cells[1].text == "ETH"


async def test_a_frozen_screen_stays_as_it_is(db: Path) -> None:
    async with trades(db) as found:
        found.app.give(replace(View(), frozen=True))
        write(db, "UPDATE trades SET symbol = 'CHANGED' WHERE id = 3")
        for _ in range(15):
            await found.pilot.pause(0.1)
        assert "CHANGED" not in text(found.app)
        found.app.give(View())
        await found.seen("CHANGED")


# --- scans


async def test_a_scan_says_at_least_and_escape_stops_it(db: Path) -> None:
    write(
        db,
        "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n",
    )
    async with trades(db) as found:
        await found.open("endless")
        await found.until(lambda: "of ≥" in found.count and "esc stops" in found.count)
        assert "exact" not in found.count
        await found.until(lambda: found.values("i")[:2] == ["1", "2"])
        await found.press("escape")
        await found.until(lambda: "stopped" in found.count)
        assert "of ≥" in found.count
        assert "exact" not in found.count


# --- export


async def exported(found: Tables, name: str) -> None:
    await found.press("e")
    assert isinstance(found.app.screen, ExportDialog)
    await found.press("ctrl+u")
    await found.type(name)
    await found.press("enter")


async def test_all_rows_are_exported_in_their_order(db: Path, tmp_path: Path) -> None:
    async with trades(db) as found:
        await found.press("s", "s")
        await found.until(lambda: found.values("id")[:1] == ["1000"])
        await exported(found, "out.csv")
        await found.until(lambda: found.app.screen is found.screen)
        assert found.app.asked[-1] == ("tell", "Exported 1,000 rows to out.csv", Tone.OK)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert len(lines) == ROWS + 1
    assert lines[0].startswith("id,symbol,price")
    assert lines[1].startswith("1000,ETH/USDT")


async def test_the_files_ending_says_the_form(db: Path, tmp_path: Path) -> None:
    async with trades(db) as found:
        await found.press("e")
        await found.until(lambda: "▸ CSV" in text(found.app))
        await found.press("tab")
        await found.until(lambda: "▸ JSON lines" in text(found.app))
        await found.press("enter")
        await found.until(lambda: found.app.screen is found.screen)
    rows = [json.loads(line) for line in (tmp_path / "trades.jsonl").read_text().splitlines()]
    assert len(rows) == ROWS
    assert rows[0]["symbol"] == "BTC/USDT"


async def test_parquet_holds_every_digit(db: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    async with trades(db) as found:
        await exported(found, "out.parquet")
        await found.until(lambda: found.app.screen is found.screen)
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column("id").to_pylist() == list(range(1, ROWS + 1))
    assert table.column("price").to_pylist() == [trade(n)[2] for n in range(1, ROWS + 1)]


async def test_a_file_that_is_there_is_not_overwritten_unasked(db: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    async with trades(db) as found:
        await exported(found, "out.csv")
        await found.seen("ctrl+o overwrites it")
        assert (tmp_path / "out.csv").read_text() == "mine"
        await found.press("ctrl+o")
        await found.until(lambda: found.app.screen is found.screen)
    assert (tmp_path / "out.csv").read_text().startswith("id,")


async def test_an_export_can_be_stopped_and_leaves_nothing(db: Path, tmp_path: Path) -> None:
    write(
        db,
        "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n",
    )
    before = set(tmp_path.iterdir())
    async with trades(db) as found:
        await found.open("endless")
        await exported(found, "out.csv")
        await found.pilot.pause(0.3)
        await found.press("escape")
        await found.seen("stopped: nothing was written")
        await found.press("escape")
        assert found.app.screen is found.screen
    assert {path.name for path in set(tmp_path.iterdir()) - before} <= {
        "state",
        "trades.db-wal",
        "trades.db-shm",
    }


# --- trouble


async def test_a_file_that_is_not_there_yet_is_waited_for(db: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.db"
    async with tables(late) as found:
        await found.seen("late.db")
        await found.seen("f5 tries again")
        with closing(sqlite3.connect(db)) as source, closing(sqlite3.connect(late)) as target:
            source.backup(target)
        await found.until(lambda: found.grid.row)


@pytest.mark.parametrize("content", [b"this is no database at all " * 100, b"SQLite format 3\0"])
async def test_what_is_no_database_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.db"
    path.write_bytes(content)
    async with tables(path) as found:
        await found.seen("f5 tries again")
        await found.press("G", "s", "enter", "n", "y", "Y", "e", "f", "F", "colon", "slash")
        assert found.app.screen is found.screen


async def test_an_empty_database_says_that_it_is_empty(tmp_path: Path) -> None:
    write(tmp_path / "empty.db", "PRAGMA user_version = 3")
    async with tables(tmp_path / "empty.db") as found:
        await found.seen("no tables")


async def test_a_locked_file_is_tried_again(db: Path, tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        async with tables(path) as found:
            await found.seen("locked")
            holder.execute("ROLLBACK")
            await found.seen("no rows")


async def test_a_broken_view_says_why_and_the_others_work(db: Path) -> None:
    write(db, "CREATE VIEW broken AS SELECT * FROM nowhere")
    async with trades(db) as found:
        found.screen.open_table("broken")
        await found.seen("no such table")
        await found.open("symbols")
        await found.until(lambda: found.values("base") == ["BTC", "ETH"])


async def test_a_replaced_file_is_noticed_and_opened_anew(db: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    write(other, "CREATE TABLE trades (id INTEGER PRIMARY KEY, told TEXT)")
    write(other, "INSERT INTO trades VALUES (1, 'another file')")
    async with trades(db) as found:
        other.replace(db)
        await found.seen("f5 tries again")
        await found.press("f5")
        await found.seen("another file")


async def test_a_table_that_is_gone_is_said(db: Path) -> None:
    async with trades(db) as found:
        write(db, "DROP TABLE trades")
        await found.until(lambda: "▲" in text(found.app))
        await found.open("symbols")
        await found.until(lambda: found.values("base") == ["BTC", "ETH"])


async def test_a_reading_process_that_was_killed_is_started_again(db: Path) -> None:
    async with trades(db) as found:
        session = found.screen._session
        assert session is not None
        assert session._browser is not None
        assert session._browser._process is not None
        before = session._browser._process
        before._process.kill()
        await found.until(
            lambda: (
                session._browser
                and session._browser._process not in (None, before)
                and found.pane.paged is not None
            )
        )
        await found.press("G")
        await found.until(lambda: found.values("id")[-1:] == ["1000"])


async def test_keys_are_answered_while_the_reading_process_stands_still(db: Path) -> None:
    async with trades(db) as found:
        session = found.screen._session
        assert session is not None
        assert session._browser is not None
        assert session._browser._process is not None
        process = session._browser._process._process
        process.send_signal(signal.SIGSTOP)
        try:
            await found.press("down", "right", "escape", "G", "pageup", "y", "z")
            assert found.grid.cursor_row > 0
            assert "local times" in found.count
        finally:
            process.send_signal(signal.SIGCONT)


async def test_pasted_text_takes_no_control_characters_along(db: Path) -> None:
    async with trades(db) as found:
        await found.press("F")
        found.app.focused.post_message(events.Paste("a\x1b]0;pwn\x07b"))  # type: ignore[union-attr]
        await found.seen("a\\x1b]0;pwn\\x07b")
        await found.press("escape", "S")
        found.app.focused.post_message(events.Paste("x\x1b[2J\r\ny\tz"))  # type: ignore[union-attr]
        await found.until(lambda: found.screen.query_pane.area.text == "x\\x1b[2J\ny   z")
        assert text(found.app).replace("\n", "").isprintable()


async def test_nothing_is_left_running(db: Path) -> None:
    async with trades(db) as found:
        await run_sql(found, "select 1 as a")
        await found.until(lambda: found.pane.place.sql)
        session = found.screen._session
        assert session is not None
        processes = [
            browser._process._process
            for browser in (session._browser, session._queries)
            if browser is not None and browser._process is not None
        ]
        assert len(processes) == 2
    assert all(process.returncode is not None for process in processes)
