"""A row in full, and where its values lead."""

import signal
from pathlib import Path

from console.app.browse_app import BrowseApp
from console.browser.ui.browse import BrowseScreen
from console.browser.ui.data_grid import DataGrid
from console.screens.tables.tables import LedgerTablesScreen
from console.session.view import ConsoleState
from tests.console.browser.ui.tables_screen import asked, tables, trades, write
from tests.console.hosting import Host
from tests.console.running import ran, until
from tests.console.seen import cells, text


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
        assert found.grid.cursor == 1


async def test_a_row_that_is_late_is_waited_for_and_then_shown(db: Path) -> None:
    async with trades(db) as found:
        found.grid.go_to(500)
        await found.until(lambda: found.grid.row)
        await found.press("enter")
        await found.seen("trades · row 501")
        session, paged = found.screen._session, found.pane.paged
        assert session
        assert session._browser
        assert session._browser._process
        assert paged
        process = session._browser._process._process
        process.send_signal(signal.SIGSTOP)
        try:
            number = 501
            while "reading …" not in text(found.app):  # What was under way comes in between.
                paged.read_again()
                for index in list(paged._chunks):
                    paged._drop(index)
                await found.press("right")
                number += 1
                await found.seen(f"trades · row {number}")
        finally:
            process.send_signal(signal.SIGCONT)
        await found.seen(f"2026-01-01 00:00:00.{number} UTC")
        assert "reading …" not in text(found.app)
        assert "could not be read" not in text(found.app)


async def test_the_keys_of_a_row_are_listed(db: Path) -> None:
    app = BrowseApp(db)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.focused, DataGrid) and app.focused.row)
        await pilot.press("enter")
        await until(pilot, lambda: "? keys" in text(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "Copy the row as JSON" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "cheap · row 1" in text(app))


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
        await found.until(lambda: found.pane.table_query.table == "symbols")
        await found.until(lambda: found.values("base") == ["ETH"])
        await found.press("backspace")
        await found.until(lambda: found.pane.table_query.table == "trades" and found.grid.row)
        assert found.grid.cursor == 41
        await found.press("backspace")
        await found.until(lambda: found.pane.table_query.table != "trades")


async def test_on_a_ledger_a_fill_leads_to_its_cycle(tmp_path: Path) -> None:
    await ran(tmp_path / "l.db", 3)
    async with tables(tmp_path / "l.db", (120, 60)) as found:
        await found.until(
            lambda: found.pane.table_query.table == "ledger_events" and found.grid.row
        )
        await found.press("enter")
        await found.seen("→ cycles where cycle_id")
        for said in ("→ applied_fills", "→ cycle_metrics", "→ ledger_commits", "→ orders"):
            assert said in text(found.app)


async def test_the_cycle_of_a_row_is_the_one_keys_are_about(tmp_path: Path) -> None:
    await ran(tmp_path / "l.db", 2)
    screen = LedgerTablesScreen()
    app = Host(screen, ConsoleState(), tmp_path / "l.db")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: screen.pane.grid.row)
        ((cycle,),) = asked(tmp_path / "l.db", "SELECT min(cycle_id) FROM ledger_events")
        assert screen.selected_cycle == cycle
        screen.open_table("lease")
        await until(
            pilot, lambda: screen.pane.table_query.table == "lease" and screen.pane.grid.row
        )
        assert screen.selected_cycle is None


async def test_a_table_asked_for_before_the_file_is_open_is_the_first(db: Path) -> None:
    screen = BrowseScreen()
    screen.open_table("trades", "id", "7")
    app = Host(screen, ConsoleState(), db)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: cells(app, "#chips") == "id = 7" and screen.pane.grid.row)
