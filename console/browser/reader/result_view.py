"""Rows without keys: of a view, of a virtual table, of a typed query. A scan writes them to disk
whole, once; pages are read from there."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

from console.browser.errors import BrowseError
from console.browser.reader import decimals
from console.browser.reader.jobs import Job
from console.browser.reader.source import MEBI, Connection, Source
from console.browser.reader.spool import RowSpool
from console.browser.reader.spooled_view import SpooledView
from console.browser.reader.sql_builder import Column, Columns, Sql, distinct
from console.browser.reader.view import Report
from console.browser.reader.wire import PageRow, Values, page_cells

BLOCK_BYTES = 256 * 1024
LARGEST_BATCH = 256
REPORTED = 500
SAMPLE = 100


class Limit(NamedTuple):
    """The largest part of a result that is spooled; None is all of it."""

    rows: int | None
    mib: int | None


class ResultView(SpooledView):
    """The rows as they were when the scan came by. `opened` is called when its first rows are
    there, or when it turned out to have none."""

    def __init__(
        self,
        number: int,
        source: Source,
        statement: Callable[[Connection], Sql],
        limit: Limit,
        columns: Columns | None,
        report: Report,
        doing: str = "reading",
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(number, source, columns or Columns(), report)
        self.typed = columns is None
        self.doing = doing
        self._statement = statement
        self._limit = limit
        self._opened = opened
        self._rows = RowSpool()
        self._cut = ""

    def __len__(self) -> int:
        return len(self._rows)

    def fill(self, job: Job) -> None:
        # A page may be reading the old ones: they go with their last reader.
        self._rows, self._cut = RowSpool(), ""
        cursor = job.connection.inner.execute(*self._statement(job.connection))
        with closing(cursor):
            self._describe(cursor)
            self._read(job, cursor)
        if not len(self):
            self._opened()
        self.stopped = self._cut

    def spooled(self, start: int, limit: int) -> list[Values]:
        return self._rows.read(start, limit)

    def page_row(self, connection: Connection, position: int, entry: Values) -> PageRow:
        return (position,), page_cells(entry)

    def row(self, connection: Connection, key: Values) -> Values | None:
        rows = self._rows.read(int(str(key[0])), 1)
        return rows[0] if rows else None

    def find_key(self, connection: Connection, text: str) -> int | None:
        return None

    def find(self, job: Job, text: str, start: int, backwards: bool) -> int | None:
        for scanned, (position, row) in enumerate(self.each(start, backwards), 1):
            if any(decimals.contains(value, text) for value in row):
                return position
            if scanned % REPORTED == 0:
                job.moved(scanned, 0, scanned / len(self))
        return None

    def everything(self, job: Job) -> Iterator[Values]:
        for _, row in self.each(0):
            yield row

    def release(self) -> None:
        self._rows.close()

    def _describe(self, cursor: sqlite3.Cursor) -> None:
        if cursor.description is None:
            raise BrowseError("there is no statement here that has a result")
        if not self.columns:
            names = distinct(column[0] for column in cursor.description)
            self.columns = Columns(map(Column, names))

    def _read(self, job: Job, cursor: sqlite3.Cursor) -> None:
        # One at first: the next one may take long, or be large.
        size = 1
        while batch := cursor.fetchmany(size):
            rows, size_before = len(self), self._rows.size
            self._spool(batch)
            if rows < SAMPLE:
                self._judge()
            if rows == 0:
                self._opened()
            if self._cut:
                return
            job.moved(len(self), len(self))
            grown = max(1, self._rows.size - size_before)
            size = max(1, min(LARGEST_BATCH, 2 * size, size * BLOCK_BYTES // grown))

    def _spool(self, batch: list[Values]) -> None:
        """Write the rows that the limits leave room for."""
        rows, mib = self._limit
        if rows is not None and len(self) + len(batch) > rows:
            batch = batch[: rows - len(self)]
            self._cut = f"stopped at {rows:,} rows"
        self._rows.extend(batch)
        if mib is not None and self._rows.size >= mib * MEBI:
            self._cut = f"stopped at {mib:,} MiB"

    def _judge(self) -> None:
        """Mark the columns of decimals, by the first rows."""
        rows = self._rows.read(0, SAMPLE)
        self.columns = Columns(
            column._replace(decimal=decimals.are_decimals([row[index] for row in rows]))
            for index, column in enumerate(self.columns)
        )
