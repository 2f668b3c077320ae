"""Rows in another order, and fewer of them."""

import asyncio
from pathlib import Path

import pytest

from console.browser.client import Rows
from console.browser.model import SortTerm
from console.browser.ui.open_file import OpenFile
from console.browser.ui.table_query import TableQuery
from tests.cases import mostly_long
from tests.console.browser.ui.tables_screen import asked, trades, write
from tests.console.seen import cells, inside


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


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """While it is closed, no rows are opened."""
    opens, gate = OpenFile.rows, asyncio.Event()
    gate.set()

    async def gated(self: OpenFile, query: TableQuery) -> Rows:
        await gate.wait()
        return await opens(self, query)

    monkeypatch.setattr(OpenFile, "rows", gated)
    return gate


async def test_a_key_goes_on_from_what_was_asked_for_last_also_before_it_is_there(
    db: Path, gate: asyncio.Event
) -> None:
    async with trades(db) as found:
        await found.column("symbol")
        gate.clear()
        await found.press("s", "s", "equals_sign")
        gate.set()
        await found.until(lambda: found.pane.table_query.narrowed)
        assert found.pane.table_query.order == (SortTerm("symbol", descending=True),)
        await found.press("backspace")
        await found.until(lambda: found.pane.table_query == TableQuery("trades"))


async def test_what_was_stopped_before_it_was_there_is_nothing_to_go_on_from(
    db: Path, gate: asyncio.Event
) -> None:
    async with trades(db) as found:
        await found.column("symbol")
        gate.clear()
        await found.press("s", "escape", "s")
        gate.set()
        await found.until(lambda: found.pane.table_query.order == (SortTerm("symbol"),))


async def test_a_click_on_a_heading_sorts(db: Path) -> None:
    async with trades(db) as found:
        heading = inside(found.app, "#rows")[0]
        await found.pilot.click("#rows", offset=(heading.index("fee"), 0))
        await found.until(lambda: found.pane.table_query.sorted_on("fee"))


@mostly_long(
    ("column", "typed", "where"),
    [
        ("price", "<= 500.5", "CAST(price AS REAL) <= 500.5"),
        ("symbol", "~ eth", "symbol LIKE '%eth%'"),
        ("symbol", "= BTC/USDT", "symbol = 'BTC/USDT'"),
        ("symbol", "!= BTC/USDT", "symbol != 'BTC/USDT'"),
        ("price", "> 500", "CAST(price AS REAL) > 500"),
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


async def test_the_keys_that_end_a_prompt_are_at_the_bottom(db: Path) -> None:
    async with trades(db, (80, 24)) as found:
        await found.press("slash")
        await found.until(lambda: "Take it" in cells(found.app, "#keys"))
        assert "Take it esc Leave it" in cells(found.app, "#keys")
        await found.press("escape")
        await found.until(lambda: "Take it" not in cells(found.app, "#keys"))


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
        await found.until(lambda: found.grid.cursor == 98)
        await found.until(lambda: found.grid.column and found.grid.column.title == "meta_json")
        await found.press("n")
        await found.until(lambda: found.grid.cursor == 989)
        await found.press("N")
        await found.until(lambda: found.grid.cursor == 98)
        await found.press("N")
        await found.seen("no row above has “o99”")


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
