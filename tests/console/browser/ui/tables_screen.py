"""The Tables screen on a file of trades, as its operator meets it."""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

from textual.pilot import Pilot

from console.browser.ui.browse import BrowseScreen
from console.browser.ui.data_grid import DataGrid
from console.browser.ui.query_pane import QueryPane
from console.browser.ui.rows_pane import RowsPane
from console.browser.ui.tables import TablesScreen
from console.session.view import ConsoleState
from tests.console.hosting import Host
from tests.console.running import until, written
from tests.console.seen import cells, text

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
        self.grid.go_to(self.grid.cursor, names.index(name))
        await self.pilot.pause()

    async def open(self, table: str) -> None:
        self.screen.open_table(table)
        await self.until(lambda: self.pane.table_query.table == table)

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
    path: Path, size: tuple[int, int] = (120, 40), view: ConsoleState | None = None
) -> AsyncIterator[Tables]:
    screen = BrowseScreen()
    app = Host(screen, view or ConsoleState(), path)
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


async def run_sql(found: Tables, sql: str) -> None:
    await found.press("S")
    found.screen.query_one(QueryPane).area.text = sql
    await found.press("ctrl+r")
