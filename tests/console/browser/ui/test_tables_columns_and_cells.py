"""Columns that are hidden, pinned, resized; cells word for word."""

import json
from pathlib import Path

from console.browser.ui.row_detail import RowDetail
from console.kit.lines import Tone
from tests.cases import mostly_long
from tests.console.browser.ui.tables_screen import HOSTILE, tables, trades, write
from tests.console.seen import cells, inside, text


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
        assert " ts UTC " in inside(found.app, "#rows")[0]
        await found.press("z")
        assert "local times" in found.count
        assert " ts local " in inside(found.app, "#rows")[0]
        await found.press("z")
        assert "2026-01-01 00:00:00.001" not in "\n".join(inside(found.app, "#rows"))
        assert "UTC" not in inside(found.app, "#rows")[0]
        assert "local" not in inside(found.app, "#rows")[0]
        await found.press("z")
        assert "1767225600001  2026-01-01 00:00:00.001" in text(found.app)


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


@mostly_long("name", list(HOSTILE))
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
