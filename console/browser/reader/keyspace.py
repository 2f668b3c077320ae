"""Rows of one table in the order of their keys: rows after a key, before it, between two."""

import time
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from console.browser.reader.catalogue import Table
from console.browser.reader.jobs import Job
from console.browser.reader.source import Connection
from console.browser.reader.sql_builder import Sql, bound
from console.browser.reader.wire import Values

EVERYTHING = Sql("")
# What SQLite returns of a row at most.
WIDEST = 2_000
# Rows of a slice, and the seconds that the work on one should take.
FIRST, LARGEST = 2_000, 200_000
SHORT, LONG = 0.03, 0.1


class Slice(NamedTuple):
    """Rows between two keys: the condition for them, the last key, how many there are."""

    where: Sql
    end: Values
    rows: int


class KeySpace:
    """A table's rows as SQLite stores them: by rowid, or by the primary key of a table without.

    “Forward” is the stored order, which descends where the primary key is declared so. Nothing
    here counts with OFFSET further than its caller says.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.width = len(table.keys)
        self._keys = ", ".join(table.keys)
        self._columns = ", ".join(table.shown)
        self._is_too_wide = self.width + len(table.shown) > WIDEST
        forward, backward = ("DESC", "ASC") if table.descending else ("ASC", "DESC")
        self._orders = {
            True: ", ".join(f"{term} {forward}" for term in table.keys),
            False: ", ".join(f"{term} {backward}" for term in table.keys),
        }
        self._later = "<" if table.descending else ">"
        self._earlier = ">" if table.descending else "<"

    @property
    def by_rowid(self) -> bool:
        return self.table.key_kind == "rowid"

    def after(self, key: Values, inclusive: bool = False) -> Sql:
        return self._compared(self._later, key, inclusive)

    def before(self, key: Values, inclusive: bool = False) -> Sql:
        return self._compared(self._earlier, key, inclusive)

    def at(self, key: Values) -> Sql:
        marks, values = bound(key)
        terms = zip(self.table.keys, marks, strict=True)
        return Sql(" AND ".join(f"{term} = {mark}" for term, mark in terms), values)

    def from_here(self, key: Values | None, forward: bool, inclusive: bool = False) -> Sql:
        """All rows after (or before) a key; all rows of the table where the key is None."""
        if key is None:
            return EVERYTHING
        return self.after(key, inclusive) if forward else self.before(key, inclusive)

    def rows(
        self, connection: Connection, where: Sql, forward: bool, skip: int, limit: int
    ) -> Generator[tuple[Values, Values]]:
        """Keys and rows."""
        columns = self._keys if self._is_too_wide else f"{self._keys}, {self._columns}"
        sql = f"{self._select(columns, where, forward)} LIMIT ? OFFSET ?"
        for values in connection.each(sql, (*where.values, limit, skip)):
            key, row = values[: self.width], values[self.width :]
            if row or (row := self.row(connection, key) or ()):
                yield key, row

    def row(self, connection: Connection, key: Values, where: Sql = EVERYTHING) -> Values | None:
        """The row with this key, if the condition holds for it."""
        both = self.at(key).also(where)
        source = f"{self.table.source} {self.table.scan}"
        return connection.first(f"SELECT {self._columns} FROM {source}{both.where}", both.values)  # noqa: S608

    def key(
        self, connection: Connection, where: Sql, forward: bool, skip: int = 0
    ) -> Values | None:
        """The key of the first row, or of the one so many rows further on."""
        sql = f"{self._select(self._keys, where, forward)} LIMIT 1 OFFSET ?"
        return connection.first(sql, (*where.values, skip))

    def keys(self, where: Sql, forward: bool, order: Sequence[str] = (), scan: bool = False) -> Sql:
        """The statement for all keys, sorted by `order` first; ties follow its last term.
        A `scan` keeps to the order of keys, whatever indexes there are."""
        down = bool(order) and order[-1].endswith(" DESC")
        direction = forward if not order else down == self.table.descending
        terms = ", ".join((*order, self._orders[direction]))
        source = f"{self.table.source} {self.table.scan}" if scan else self.table.source
        text = f"SELECT {self._keys} FROM {source}{where.where} ORDER BY {terms}"  # noqa: S608
        return Sql(text, where.values)

    def count(self, connection: Connection, where: Sql, limit: int | None = None) -> int:
        """The number of rows, counted no further than to `limit`."""
        rows = f"FROM {self.table.source}{where.where}"
        if limit is None:
            first = connection.first(f"SELECT count(*) {rows}", where.values)
        else:
            sql = f"SELECT count(*) FROM (SELECT 1 {rows} LIMIT ?)"  # noqa: S608
            first = connection.first(sql, (*where.values, limit))
        return int(str(first[0])) if first else 0

    def ends(self, connection: Connection) -> tuple[Values, Values] | None:
        """The first and the last key; None for an empty table."""
        first = self.key(connection, EVERYTHING, True)
        last = self.key(connection, EVERYTHING, False)
        return None if first is None or last is None else (first, last)

    def slices(
        self, job: Job, key: Values | None, forward: bool, inclusive: bool = False
    ) -> Iterator[Slice]:
        """Slices from a key (None: from the first row) to the end, also to one that moves
        meanwhile. Each is a short read, so that no log of a live ledger is held back. The caller
        works on a slice before it takes the next; how long that takes sets their size."""
        size = FIRST
        while True:
            job.check()
            began = time.monotonic()
            here = self.from_here(key, forward, inclusive)
            piece = self._slice(job.connection, here, forward, size)
            if piece is None:
                return
            yield piece
            key, inclusive = piece.end, False
            size = _resized(size, time.monotonic() - began)

    def _slice(self, connection: Connection, here: Sql, forward: bool, size: int) -> Slice | None:
        end, rows = self.key(connection, here, forward, skip=size - 1), size
        if end is None:
            rows = self.count(connection, here, size)
            end = self.key(connection, EVERYTHING, not forward) if rows else None
        if end is None:
            return None
        limit = self.from_here(end, not forward, inclusive=True)
        return Slice(here.also(limit), end, rows)

    def _select(self, columns: str, where: Sql, forward: bool) -> str:
        order = self._orders[forward]
        return f"SELECT {columns} FROM {self.table.source}{where.where} ORDER BY {order}"  # noqa: S608

    def _compared(self, operator: str, key: Values, inclusive: bool) -> Sql:
        operator += "=" if inclusive else ""
        marks, values = bound(key)
        if self.width == 1:
            return Sql(f"{self._keys} {operator} {marks[0]}", values)
        return Sql(f"({self._keys}) {operator} ({', '.join(marks)})", values)


def _resized(size: int, seconds: float) -> int:
    if seconds < SHORT:
        return min(2 * size, LARGEST)
    return max(size // 2, FIRST) if seconds > LONG else size
