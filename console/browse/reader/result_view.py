"""Rows that have no keys to be found by: of a view, of a virtual table, of a typed query. A scan
writes them to disk whole, once; pages are read from there."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

from console.browse.errors import BrowseError
from console.browse.reader.catalogue import judged
from console.browse.reader.jobs import Job
from console.browse.reader.language import Sql
from console.browse.reader.source import MEBI, Connection, Source
from console.browse.reader.spool import RowSpool
from console.browse.reader.values import Stored, Values, Wire, page_cells, shown
from console.browse.reader.view import Keyed, Tell, View, counted, window

BLOCK_BYTES = 256 * 1024
LARGEST_BATCH = 256
READ = 500
JUDGED = 100


class Limit(NamedTuple):
    """How much of a result is kept; None is all of it."""

    rows: int | None
    mib: int | None


class ResultView(View):
    """The rows as they were when the scan came by. `opened` is called when its first rows are
    there, or when it turned out to have none."""

    def __init__(
        self,
        number: int,
        source: Source,
        statement: Callable[[Connection], Sql],
        limit: Limit,
        columns: list[Wire] | None,
        tell: Tell,
        doing: str = "reading",
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(number, source, columns or [], tell)
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

    def count(self) -> Wire:
        whole = self.build is not None and not self.building and not self.stopped
        return counted(len(self), self.building, whole)

    def page(self, connection: Connection, start: int, limit: int) -> tuple[int, list[Keyed], bool]:
        skip, size = window(start, limit)
        first = start if start >= 0 else max(0, len(self) - skip - size)
        size = size if start >= 0 else max(0, len(self) - skip - first)
        rows = self._rows.read(first, size)
        return first, [((at,), page_cells(row)) for at, row in enumerate(rows, first)], True

    def row(self, connection: Connection, key: Values) -> Values | None:
        found = self._rows.read(int(str(key[0])), 1)
        return found[0] if found else None

    def find_key(self, connection: Connection, text: str) -> int | None:
        return None

    def find(self, job: Job, text: str, start: int, backwards: bool) -> int | None:
        wanted = text.casefold()
        for scanned, (position, row) in enumerate(self._from(start, backwards), 1):
            if any(wanted in _searched(value) for value in row):
                return position
            if scanned % READ == 0:
                job.moved(scanned, 0, scanned / len(self))
        return None

    def everything(self, job: Job) -> Iterator[Values]:
        for _, row in self._from(0, backwards=False):
            yield row

    def release(self) -> None:
        self._rows.close()

    def _describe(self, cursor: sqlite3.Cursor) -> None:
        if cursor.description is None:
            raise BrowseError("there is no statement here that has a result")
        if not self.columns:
            self.columns = [{"name": column[0]} for column in cursor.description]

    def _read(self, job: Job, cursor: sqlite3.Cursor) -> None:
        # One at first: the next one may take long, or be large.
        size = 1
        while batch := cursor.fetchmany(size):
            rows, size_before = len(self), self._rows.size
            self._keep(batch)
            if rows < JUDGED:
                self._judge()
            if rows == 0:
                self._opened()
            if self._cut:
                return
            job.moved(len(self), len(self))
            grown = max(1, self._rows.size - size_before)
            size = max(1, min(LARGEST_BATCH, 2 * size, size * BLOCK_BYTES // grown))

    def _keep(self, batch: list[Values]) -> None:
        """As many of the rows as the limits leave room for."""
        rows, mib = self._limit
        if rows is not None and len(self) + len(batch) > rows:
            batch = batch[: rows - len(self)]
            self._cut = f"stopped at {rows:,} rows"
        self._rows.extend(batch)
        if mib is not None and self._rows.size >= mib * MEBI:
            self._cut = f"stopped at {mib:,} MiB"

    def _judge(self) -> None:
        """The first rows tell which texts are decimals."""
        rows = self._rows.read(0, JUDGED)
        for index, column in enumerate(self.columns):
            column["decimal"] = judged([row[index] for row in rows])[0]

    def _from(self, start: int, backwards: bool) -> Iterator[tuple[int, Values]]:
        while 0 <= start < len(self):
            first = max(0, start + 1 - READ) if backwards else start
            size = start + 1 - first if backwards else READ
            found = list(enumerate(self._rows.read(first, size), first))
            yield from reversed(found) if backwards else found
            start = first - 1 if backwards else start + len(found)


def _searched(value: Stored) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return shown(value).casefold()
    return value.hex() if isinstance(value, bytes) else repr(value)
