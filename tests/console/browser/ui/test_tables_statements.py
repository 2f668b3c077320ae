"""Typed statements."""

from functools import partial
from pathlib import Path

from console.browser.ui.query_pane import QueryPane
from tests.cases import mostly_long
from tests.console.browser.ui.tables_screen import ROWS, Tables, asked, run_sql, trades, write
from tests.console.seen import cells


async def test_a_statement_is_run_and_its_rows_browsed_the_same_way(db: Path) -> None:
    async with trades(db) as found:
        await found.press("S")
        await found.type("select symbol, count(*) as n from trades group by 1")
        await found.press("f5")
        await found.until(
            lambda: found.pane.table_query.sql and found.values("n") == ["500", "500"]
        )
        assert "of 2 exact" in found.count
        await found.press("escape")
        assert found.grid.has_focus
        await found.column("symbol")
        await found.press("s", "s")
        await found.until(lambda: found.values("symbol") == ["ETH/USDT", "BTC/USDT"])
        await found.press("backspace", "backspace", "backspace")
        await found.until(lambda: found.pane.table_query.table == "trades")
        assert not found.screen.query_one(QueryPane).display


@mostly_long(
    ("sql", "said"),
    [
        ("selec 1", "syntax error"),
        ("delete from trades", "▲"),
        ("select * from nowhere", "no such table"),
        ("attach '/tmp/x' as y", "▲"),
    ],
)
async def test_what_is_wrong_is_said_and_the_rows_stay(db: Path, sql: str, said: str) -> None:
    async with trades(db) as found:
        await run_sql(found, sql)
        await found.until(lambda: said in cells(found.app, "#query-remark"))
        assert found.pane.table_query.table == "trades"
        assert found.values("id")[0] == "1"
    assert asked(db, "SELECT count(*) FROM trades") == [(ROWS,)]


async def test_escape_stops_a_running_statement(db: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT sum(i) FROM n"
    async with trades(db) as found:
        await run_sql(found, endless)
        await found.until(lambda: "running" in cells(found.app, "#query-remark"))
        await found.press("escape")
        await found.until(lambda: "stopped" in cells(found.app, "#query-remark"))
        await run_sql(found, "select 41 + 1 as answer")
        await found.until(lambda: found.pane.table_query.sql and found.values("answer") == ["42"])


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
        first = cells(found.app, "#query-remark")
        assert first.startswith("▸ symbol")
        await found.press("tab")
        assert area.text.endswith("where symbols")
        await found.press("shift+tab")
        assert area.text.endswith("where symbol")
        await found.type("x")
        assert area.text.endswith("where symbolx")
        assert not cells(found.app, "#query-remark").startswith("▸")


async def test_an_empty_pane_suggests_a_statement_about_the_table_seen(db: Path) -> None:
    write(db, 'CREATE TABLE "two words" (a)')
    async with trades(db) as found:
        area = found.screen.query_one(QueryPane).area
        await found.press("S")
        assert area.text == "SELECT * FROM trades LIMIT 100"
        await found.press("ctrl+r")
        await found.until(lambda: found.pane.table_query.sql and "of 100 exact" in found.count)
        await found.press("escape")
        await found.open("two words")
        await found.press("S")
        assert area.text == 'SELECT * FROM "two words" LIMIT 100'
        await found.press("v")
        assert area.text == "v"
        await found.press("escape", "S")
        assert area.text == "v"


def has_run(tables: Tables, sql: str) -> bool:
    return tables.pane.table_query.sql == sql


async def test_statements_are_remembered_from_one_day_to_the_next(db: Path) -> None:
    async with trades(db) as found:
        for sql in ("select 1 as a", "select 2 as a"):
            await run_sql(found, sql)
            await found.until(partial(has_run, found, sql))
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
