"""Rows by number, fetched as far as they are seen, from a real reading process."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from console.browser.client import Browser, Rows
from console.browser.model import BrowseError, Page
from console.browser.ui.pages import CHUNK, PagedRows

ROWS = 20_000
# So many that three chunks of them are more than is kept.
MANY_COLUMNS = 200


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "wide.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE wide (id INTEGER PRIMARY KEY, a TEXT, b TEXT)")
        rows = ((number, "a" * 300, "b" * 300) for number in range(2 * ROWS) if number % 2)
        connection.executemany("INSERT INTO wide VALUES (?, ?, ?)", rows)
        columns = ", ".join(f"c{number}" for number in range(MANY_COLUMNS))
        connection.execute(f"CREATE TABLE broad (id INTEGER PRIMARY KEY, {columns})")
        insert = f"INSERT INTO broad VALUES ({', '.join('?' * (MANY_COLUMNS + 1))})"
        connection.executemany(insert, ((number, *[1] * MANY_COLUMNS) for number in range(1_000)))
    return path


class Fetched:
    """Pages of a table, and what was told about them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.came: list[tuple[int, int]] = []
        self.troubles: list[BrowseError] = []
        self.asked: list[int] = []
        self.failures: list[Exception] = []
        self.paged = PagedRows(rows, self._came, self.troubles.append, self.failures.append)
        self._page = rows.page
        rows.page = self._note  # type: ignore[method-assign]

    def _came(self, first: int, last: int) -> None:
        self.came.append((first, last))

    async def _note(self, start: int, limit: int) -> Page:
        self.asked.append(start)
        return await self._page(start, limit)


@asynccontextmanager
async def fetched(db: Path, table: str = "wide") -> AsyncIterator[Fetched]:
    browser = await Browser.start(db)
    try:
        rows = await browser.rows(table)
        await rows.settled()
        yield Fetched(rows)
    finally:
        await browser.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - there is nothing else to wait for
            await asyncio.sleep(0.005)


async def test_what_is_seen_and_a_page_each_side_is_fetched_and_no_more(db: Path) -> None:
    async with fetched(db) as found:
        assert found.paged.row(5_000) is None
        found.paged.want(5_000, 5_040)
        await until(lambda: not found.paged.busy)
        row = found.paged.row(5_000)
        assert row is not None
        assert row.cells[0].text == "10001"
        assert sorted(start // CHUNK for start in found.asked) == [77, 78, 79]
        found.paged.want(5_001, 5_041)
        await until(lambda: not found.paged.busy)
        assert len(found.asked) == 3


async def test_of_many_wishes_in_a_row_only_the_newest_is_fetched(db: Path) -> None:
    async with fetched(db) as found:
        for number in range(0, ROWS, 100):
            found.paged.want(number, number + 40)
        await until(lambda: not found.paged.busy)
        assert found.paged.row(19_900) is not None
        assert len(found.asked) <= 4


async def test_what_is_seen_comes_first(db: Path) -> None:
    async with fetched(db) as found:
        found.paged.want(CHUNK * 10, CHUNK * 12 - 1)
        await until(lambda: not found.paged.busy)
        assert [start // CHUNK for start in found.asked] == [10, 11, 12, 9]


async def test_where_rows_are_wide_each_page_beside_what_is_seen_is_fetched_once(db: Path) -> None:
    async with fetched(db, "broad") as found:
        await found.paged.ready(CHUNK * 3, CHUNK * 3 + 40, seconds=5)
        assert [start // CHUNK for start in found.asked] == [3, 4, 2]
        assert not found.paged.busy
        found.paged.want(CHUNK * 3 + 1, CHUNK * 3 + 41)
        assert not found.paged.busy


async def test_memory_is_bounded_however_far_one_goes(db: Path) -> None:
    async with fetched(db) as found:
        for number in range(0, ROWS, 3 * CHUNK):
            await found.paged.ready(number, number + 40, seconds=10)
        here = [row for number in range(ROWS) if (row := found.paged.row(number))]
        assert len(here) < ROWS / 4
        assert sum(len(cell.text) for row in here for cell in row.cells) < 2_500_000


async def test_the_last_row_is_here_at_once(db: Path) -> None:
    async with fetched(db) as found:
        number = await found.paged.last()
        assert number == ROWS - 1
        await found.paged.ready(number, number, seconds=10)
        row = found.paged.row(number)
        assert row is not None
        assert row.cells[0].text == str(2 * ROWS - 1)


async def test_what_was_read_stays_until_it_has_been_read_again(db: Path) -> None:
    async with fetched(db) as found:
        await found.paged.ready(0, 40, seconds=10)
        with closing(sqlite3.connect(db)) as connection, connection:
            connection.execute("UPDATE wide SET a = 'changed' WHERE id = 1")
        found.paged.read_again()
        row = found.paged.row(0)
        assert row is not None
        assert row.cells[1].text == "a" * 300
        await found.paged.ready(0, 40, seconds=10)
        row = found.paged.row(0)
        assert row is not None
        assert row.cells[1].text == "changed"


async def test_what_is_around_is_not_read_again_before_one_moves(db: Path) -> None:
    async with fetched(db) as found:
        await found.paged.ready(CHUNK * 10, CHUNK * 10 + 40, seconds=10)
        found.asked.clear()
        found.paged.read_again()
        await found.paged.ready(CHUNK * 10, CHUNK * 10 + 40, seconds=10)
        assert [start // CHUNK for start in found.asked] == [10]
        await found.paged.ready(CHUNK * 11, CHUNK * 11 + 40, seconds=10)
        assert [start // CHUNK for start in found.asked] == [10, 11, 12]


async def test_rows_that_are_the_same_when_read_again_are_not_told(db: Path) -> None:
    async with fetched(db) as found:
        await found.paged.ready(0, 40, seconds=10)
        found.came.clear()
        found.paged.read_again()
        await found.paged.ready(0, 40, seconds=10)
        assert found.came == []


async def test_a_row_is_found_by_its_key_among_those_here(db: Path) -> None:
    async with fetched(db) as found:
        await found.paged.ready(100, 140, seconds=10)
        row = found.paged.row(120)
        assert row is not None
        assert found.paged.number_of(row.key, 64, 127) == 120
        assert found.paged.number_of(row.key, 64, 119) is None


async def test_trouble_is_told_and_the_next_wish_tries_again(db: Path) -> None:
    async with fetched(db) as found:
        with closing(sqlite3.connect(db)) as connection:
            connection.execute("ALTER TABLE wide RENAME TO other")
            connection.commit()
            await found.paged.ready(0, 40, seconds=10)
            assert len(found.troubles) == 1
            connection.execute("ALTER TABLE other RENAME TO wide")
            connection.commit()
        await found.paged.ready(0, 40, seconds=10)
        assert found.paged.row(0) is not None


async def test_an_error_of_the_program_while_rows_are_fetched_is_told_and_not_lost(
    db: Path,
) -> None:
    async with fetched(db) as fetching:
        error = ZeroDivisionError()

        async def page(start: int, limit: int) -> Page:
            raise error

        fetching.rows.page = page  # type: ignore[method-assign]
        fetching.paged.want(0, 40)
        await until(lambda: fetching.failures)
        assert fetching.failures == [error]
        assert not fetching.troubles
        fetching.failures.clear()
        fetching.paged.want(200, 240)
        fetching.paged.close()
        await until(lambda: not fetching.paged.busy)
        assert not fetching.failures
