"""Files that cannot be read, and reading processes that die."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from textual import events

from tests.cases import mostly_long
from tests.console.browser.ui.tables_screen import run_sql, tables, trades, write
from tests.console.seen import text


async def test_a_file_that_is_not_there_yet_is_waited_for(db: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.db"
    async with tables(late) as found:
        await found.seen("late.db")
        await found.seen("f5 tries again")
        with closing(sqlite3.connect(db)) as source, closing(sqlite3.connect(late)) as target:
            source.backup(target)
        await found.until(lambda: found.grid.row)


@mostly_long("content", [b"this is no database at all " * 100, b"SQLite format 3\0"])
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


async def test_f5_tries_again_what_could_not_be_shown_and_backspace_goes_back(db: Path) -> None:
    write(db, "CREATE VIEW broken AS SELECT * FROM mended")
    async with trades(db) as found:
        found.screen.open_table("broken")
        await found.seen("no such table")
        write(db, "CREATE TABLE mended (told TEXT)")
        write(db, "INSERT INTO mended VALUES ('whole again')")
        await found.press("f5")
        await found.seen("whole again")
        assert found.pane.table_query.table == "broken"
        await found.press("backspace")
        await found.until(lambda: found.pane.table_query.table == "trades")


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


async def test_after_trouble_the_rows_have_the_focus_again(db: Path, tmp_path: Path) -> None:
    async with trades(db) as found:
        assert found.app.focused is found.grid
        away = db.rename(tmp_path / "away.db")
        await found.press("f5")
        await found.seen("does not exist")
        away.rename(db)
        await found.press("f5")
        await found.until(lambda: found.app.focused is found.grid)
        await found.press("G")
        await found.until(lambda: found.values("id")[-1:] == ["1000"])


@mostly_long("asked", [True, False])
async def test_a_reading_process_that_was_killed_is_started_again(db: Path, asked: bool) -> None:
    """Where something was asked of it that is trouble first, and keys are the rows' again after."""
    async with trades(db) as found:
        session = found.screen._session
        assert session is not None
        assert session._browser is not None
        assert session._browser._process is not None
        before = session._browser._process
        if asked:
            before._process.send_signal(signal.SIGSTOP)
            await found.until(lambda: before._waiting)
        before._process.kill()
        await found.until(
            lambda: (
                session._browser
                and session._browser._process not in (None, before)
                and found.pane.paged is not None
                and found.app.focused is found.grid
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
            assert found.grid.cursor > 0
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
        await found.until(lambda: found.pane.table_query.sql)
        session = found.screen._session
        assert session is not None
        processes = [
            browser._process._process
            for browser in (session._browser, session._queries)
            if browser is not None and browser._process is not None
        ]
        assert len(processes) == 2
    assert all(process.returncode is not None for process in processes)
