"""Databases to look at, and short ways to look at them."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from pathlib import Path

from console.browser.client import Browser, Rows
from console.browser.model import Page, Row

DEADLINE = 60.0
Open = Callable[..., Awaitable[Browser]]


def write(path: Path, *statements: str) -> Path:
    """A database in which these statements were run."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def insert(path: Path, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    rows = list(rows)
    marks = ", ".join("?" * len(rows[0])) if rows else "?"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def numbered(path: Path, rows: int, *more: str) -> Path:
    """A ledger of this many rows without gaps, and what `more` statements make of it."""
    return write(
        path,
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE events (seq INTEGER PRIMARY KEY, symbol TEXT, qty TEXT, ts INTEGER)",
        "INSERT INTO events "
        f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
        "SELECT i, CASE i % 3 WHEN 0 THEN 'BTC/USDT' WHEN 1 THEN 'ETH/USDT' ELSE 'SOL/USDT' END, "
        "(i * 7919 % 1000) || '.' || (i % 97), 1700000000000 + i FROM n",
        *more,
    )


def texts(page: Page) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in page.rows]


def firsts(page: Page) -> list[str]:
    """The first cell of every row."""
    return [row.cells[0].text for row in page.rows]


async def whole(rows: Rows, size: int = 200) -> list[Row]:
    """All rows, page by page, once the scan is over."""
    await rows.settled()
    found: list[Row] = []
    while (page := await rows.page(len(found), size)).rows:
        assert page.start == len(found)
        assert page.exact
        found += page.rows
    return found


async def counted(rows: Rows) -> int:
    """Look again, as a screen does, until the number of rows is certain."""

    async def exact() -> bool:
        await rows.refresh()
        await rows.settled()
        return rows.count.state == "exact"

    await until(exact)
    return rows.count.value


def pid_of(browser: Browser) -> int:
    """The process that reads for it."""
    assert browser._process is not None
    return browser._process._process.pid


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait for a condition, or fail at the deadline."""
    end = time.monotonic() + DEADLINE
    while True:
        met = condition()
        if met if isinstance(met, bool) else await met:
            return
        assert time.monotonic() < end, "it never came to that"
        await asyncio.sleep(0.005)
