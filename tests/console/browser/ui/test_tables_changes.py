"""Others write while one looks."""

from dataclasses import replace
from pathlib import Path

from console.session.view import ConsoleState
from tests.console.browser.ui.tables_screen import ROWS, tables, trades, write
from tests.console.seen import text


async def test_what_others_write_is_seen(db: Path) -> None:
    async with trades(db) as found:
        write(db, "UPDATE trades SET symbol = 'CHANGED' WHERE id = 3")
        await found.seen("CHANGED")


async def test_follow_goes_to_new_rows_and_marks_them(db: Path) -> None:
    async with trades(db) as found:
        await found.press("f")
        await found.seen("● following")
        await found.until(lambda: found.grid.cursor == ROWS - 1)
        write(db, "INSERT INTO trades (id, symbol) VALUES (1001, 'NEW')")
        await found.seen("+1,001")
        assert found.grid.cursor == ROWS
        assert "+1,000" not in text(found.app)
        await found.press("f")
        assert "● following" not in text(found.app)
        assert "+1,001" not in text(found.app)


async def test_a_cursor_that_was_moved_away_stays_where_it_is(db: Path) -> None:
    async with trades(db) as found:
        await found.press("f")
        await found.until(lambda: found.grid.cursor == ROWS - 1)
        await found.press("up", "up")
        write(db, "INSERT INTO trades (id, symbol) VALUES (1001, 'NEW')")
        await found.until(lambda: "of 1,001 exact" in found.count)
        assert found.grid.cursor == ROWS - 3
        await found.press("G")
        write(db, "INSERT INTO trades (id, symbol) VALUES (1002, 'NEW')")
        await found.until(lambda: found.grid.cursor == ROWS + 1)


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


async def test_what_was_filtered_says_when_the_file_has_changed_since(db: Path) -> None:
    async with trades(db) as found:
        await found.press("right", "equals_sign")
        await found.until(lambda: "of 500 exact" in found.count)
        assert "has changed since" not in found.count
        write(db, "UPDATE trades SET symbol = 'OTHER' WHERE id = 1")
        await found.until(lambda: "the file has changed since: f5" in found.count)
        await found.press("f5")
        await found.until(lambda: "of 499 exact" in found.count)
        assert "has changed since" not in found.count


async def test_the_last_of_several_writes_is_counted_too(tmp_path: Path) -> None:
    path = tmp_path / "sparse.db"
    write(path, "CREATE TABLE sparse (id INTEGER PRIMARY KEY, told TEXT)")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
    write(path, f"INSERT INTO sparse {numbers} SELECT 3 * i, hex(zeroblob(50)) FROM n")
    async with tables(path) as found:
        await found.until(lambda: "of 300,000 exact" in found.count)
        write(path, "DELETE FROM sparse WHERE id = 30000")
        await found.until(lambda: "of 299,999 exact" in found.count)
        write(path, "DELETE FROM sparse WHERE id = 60000")
        await found.until(lambda: "of 299,998 exact" in found.count)


async def test_newest_first_follows_at_the_top(db: Path) -> None:
    async with trades(db) as found:
        await found.press("s", "s")
        await found.until(lambda: found.values("id")[:1] == ["1000"])
        await found.press("f")
        write(db, "INSERT INTO trades (id, symbol) VALUES (1001, 'NEW')")
        await found.until(lambda: found.values("id")[:2] == ["1001", "1000"])
        assert found.grid.cursor == 0


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
        found.app.give(replace(ConsoleState(), frozen=True))
        write(db, "UPDATE trades SET symbol = 'CHANGED' WHERE id = 3")
        for _ in range(15):
            await found.pilot.pause(0.1)
        assert "CHANGED" not in text(found.app)
        found.app.give(ConsoleState())
        await found.seen("CHANGED")
