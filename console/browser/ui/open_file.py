"""A file opened for looking: one process for its tables, and one for typed statements."""

from pathlib import Path

from console.browser.client import Browser, Rows
from console.browser.model import QUERIES, BrowseError, Limits, TableInfo
from console.browser.ui.table_query import TableQuery


class OpenFile:
    """The file and its tables. Every method raises `BrowseError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tables: tuple[TableInfo, ...] = ()
        self._browser: Browser | None = None
        self._queries: Browser | None = None
        self._closed = False

    async def start(self) -> None:
        """Open the file and read its tables; after trouble, open the file that is there now."""
        queries, self._queries = self._queries, None
        if queries is not None:
            await queries.close()
        if self._browser is not None:
            await self._browser.reopen()
        browser = await self._for_tables()
        self.tables = await browser.tables()

    def table(self, name: str) -> TableInfo | None:
        return next((table for table in self.tables if table.name == name), None)

    async def rows(self, query: TableQuery) -> Rows:
        """The rows of a query, which the caller closes."""
        if query.sql:
            queries = await self._for_queries()
            return await queries.query(query.sql, query.order, query.where, query.search)
        browser = await self._for_tables()
        return await browser.rows(query.table, query.order, query.where, query.search)

    async def complete(self, text: str, cursor: int) -> tuple[str, ...]:
        return await (await self._for_queries()).complete(text, cursor)

    async def data_version(self) -> int:
        return await (await self._for_tables()).data_version()

    async def close(self) -> None:
        self._closed = True
        for browser in (self._browser, self._queries):
            if browser is not None:
                await browser.close()

    async def _for_tables(self) -> Browser:
        if self._browser is None:
            self._browser = await self._started(None)
        return self._browser

    async def _for_queries(self) -> Browser:
        if self._queries is None:
            self._queries = await self._started(QUERIES)
        return self._queries

    async def _started(self, limits: Limits | None) -> Browser:
        browser = await Browser.start(self.path, limits)
        if self._closed:
            await browser.close()
            raise BrowseError(f"{self.path} was closed", "worker")
        return browser
