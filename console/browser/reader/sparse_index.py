"""The sparse index of a table: one key in thousands, so that a row is read by its number without
a long OFFSET.

While rows are still being counted, positions far from both ends are interpolated between rowids and
marked as not exact.
"""

import sqlite3
from contextlib import closing

from console.browser.reader.jobs import Job
from console.browser.reader.keyspace import EVERYTHING, KeySpace
from console.browser.reader.source import Connection, is_damage
from console.browser.reader.sql_builder import Sql
from console.browser.reader.wire import PageRow, PageRows, Values, page_cells

# Rows from one key to the next, and the largest OFFSET from there: well below a millisecond.
INTERVAL = 4_096


class SparseIndex:
    """Positions in stored order, from 0. `keys[i]` is the key of row i * INTERVAL; `total` is None
    until all rows are counted; `dense` says that rowids have no gaps, which needs no more keys;
    `stale`, that they have gaps by now. `least` is a lower bound of the rows."""

    def __init__(self, space: KeySpace) -> None:
        self.space = space
        self.ends: tuple[Values, Values] | None = None
        self.keys: list[Values] = []
        self.total: int | None = None
        self.dense = False
        self.stale = False
        self.least = 0
        self._indexing = False
        self._most = 0
        self._pin: tuple[int, Values] | None = None

    @property
    def estimate(self) -> int | None:
        """The total, or a guess of it from above, or None."""
        if self.total is not None or self.ends is None or not self.space.by_rowid:
            return self.total
        first, last = self._rowid_ends()
        return max(self.least, min(last - first + 1, self._most))

    def look(self, connection: Connection) -> None:
        """Read both ends, and count a small table."""
        with connection.snapshot():
            self.ends = self.space.ends(connection)
            self.least = self.space.count(connection, EVERYTHING, INTERVAL + 1)
        self.keys = [] if self.ends is None else [self.ends[0]]
        if self.least <= INTERVAL:
            self.total = self.least
        # A row takes four bytes at the very least.
        pages = "pragma_page_count, pragma_page_size"
        size = connection.first(f"SELECT page_count * page_size / 4 FROM {pages}")  # noqa: S608
        self._most = int(str(size[0])) if size else 0

    def survey(self, job: Job) -> None:
        """Count all rows; then index their keys, unless the rowids have no gaps."""
        self._indexing = True
        try:
            self._survey(job)
        finally:
            self._indexing = False

    def _survey(self, job: Job) -> None:
        with job.connection.snapshot():
            self.look(job.connection)
            if self.total is not None:
                return
            total = self.space.count(job.connection, EVERYTHING)
        self.dense = self._is_dense(total)
        self.least = self.total = total
        job.moved(total, total)
        if not self.dense:
            self._index_all(job)

    def extend(self, connection: Connection, limit: int) -> None:
        """Add rows that came after the last one, unless there are more than `limit`."""
        if self.total is None or self.ends is None or not self._ends_hold(connection):
            return
        with connection.snapshot():
            added = self.space.count(connection, self.space.after(self.ends[1]), limit + 1)
            ends = self.space.ends(connection)
        if added > limit or ends is None:
            return
        self.ends = ends
        self.least = self.total = self.total + added
        indexed = not self.dense
        self.dense = self.dense and self._is_dense(self.total)
        while indexed and added and self._add_key(connection):
            pass

    def forward(self, connection: Connection, position: int, limit: int) -> PageRows:
        """Rows from a position on."""
        try:
            return self._forward(connection, position, limit)
        except sqlite3.DatabaseError as error:
            if not self.space.by_rowid or not is_damage(error):
                raise
        # Straight there, not over what is damaged before it.
        self._pin = None
        return position, self._guessed(connection, position, limit), False

    def _forward(self, connection: Connection, position: int, limit: int) -> PageRows:
        if self.total is not None:
            limit = min(limit, self.total - position)
        if limit <= 0 or self.ends is None:
            return position, [], True
        if self.dense:
            return self._counted_up(connection, position, limit)
        near = min(position // INTERVAL, len(self.keys) - 1)
        skip = position - near * INTERVAL
        if skip <= INTERVAL or not (self._indexing or self.space.by_rowid):
            return position, self._rows(connection, self.keys[near], True, skip, limit), True
        if self.total is not None and self.total - position <= INTERVAL:
            skip = self.total - position - limit
            return position, self._rows(connection, self.ends[1], False, skip, limit)[::-1], True
        if self.space.by_rowid:
            return position, self._guessed(connection, position, limit), False
        return position, [], True

    def backward(self, connection: Connection, position: int, limit: int) -> PageRows:
        """Rows from a position before the end: 0 is the last row, and rows come last first."""
        if self.ends is None:
            return 0, [], True
        if self.total is not None:
            first = max(0, self.total - position - limit)
            size = self.total - position - first
            _, rows, exact = self.forward(connection, first, size)
            return position, rows[::-1], exact
        if position <= INTERVAL:
            return position, self._rows(connection, self.ends[1], False, position, limit), True
        if self.estimate is None:
            return position, [], False
        first = max(0, self.estimate - position - limit)
        return position, self.forward(connection, first, limit)[1][::-1], False

    def position(self, connection: Connection, key: Values) -> tuple[int, bool]:
        """The position of a row that exists, and whether it is exact."""
        if self.dense:
            return _rowid(key) - self._rowid_ends()[0], True
        near = self._key_before(connection, key)
        up_to = self.space.from_here(self.keys[near], True, True)
        where = up_to.also(self.space.before(key))
        if near + 1 < len(self.keys) or not self.space.by_rowid:
            return near * INTERVAL + self.space.count(connection, where), True
        counted = self.space.count(connection, where, INTERVAL + 1)
        if counted <= INTERVAL:
            return near * INTERVAL + counted, True
        guess = self._interpolated(key)
        self._pin = (guess, key)
        return guess, False

    def _rowid_ends(self) -> tuple[int, int]:
        first, last = self.ends or ((0,), (0,))
        return _rowid(first), _rowid(last)

    def _is_dense(self, total: int) -> bool:
        if not self.space.by_rowid:
            return False
        first, last = self._rowid_ends()
        return last - first + 1 == total

    def _ends_hold(self, connection: Connection) -> bool:
        """Whether the first and the last row still exist, and no row came before them."""
        first, last = self.ends or ((), ())
        begins = self.space.key(connection, EVERYTHING, True) == first
        return begins and self.space.row(connection, last) is not None

    def _index_all(self, job: Job) -> None:
        while self._add_key(job.connection):
            indexed = len(self.keys) * INTERVAL
            job.moved(indexed, self.least, min(1.0, indexed / max(1, self.least)))
        rest = self.space.count(job.connection, self._from_the_last())
        self.least = self.total = (len(self.keys) - 1) * INTERVAL + rest

    def _add_key(self, connection: Connection) -> bool:
        """Index one more key, if there are rows enough."""
        key = self.space.key(connection, self._from_the_last(), True, skip=INTERVAL)
        if key is not None:
            self.keys.append(key)
        return key is not None

    def _from_the_last(self) -> Sql:
        """Rows from the last key on, without those that came after the rows were counted."""
        here = self.space.after(self.keys[-1], inclusive=True)
        last = self.space.before(self.ends[1], inclusive=True) if self.ends else EVERYTHING
        return here.also(last)

    def _rows(
        self, connection: Connection, key: Values, forward: bool, skip: int, limit: int
    ) -> list[PageRow]:
        where = self.space.from_here(key, forward, inclusive=True)
        return self._cells(connection, where, forward, skip, limit)

    def _cells(
        self, connection: Connection, where: Sql, forward: bool, skip: int, limit: int
    ) -> list[PageRow]:
        """Rows are cut one by one: a page of whole large cells might not fit into memory."""
        with closing(self.space.rows(connection, where, forward, skip, limit)) as rows:
            return [(key, page_cells(row)) for key, row in rows]

    def _counted_up(self, connection: Connection, position: int, limit: int) -> PageRows:
        start = self._rowid_ends()[0] + position
        rows = self._rows(connection, (start,), True, 0, limit)
        exact = [key for key, _ in rows] == [(start + index,) for index in range(limit)]
        if not exact:
            # Rows were deleted since: these numbers are the old ones until all is counted again.
            self.stale = True
        return position, rows, exact

    def _guessed(self, connection: Connection, position: int, limit: int) -> list[PageRow]:
        """Rows about a position; next to rows shown before, so that paging on never jumps."""
        if self._pin is None or abs(position - self._pin[0]) > INTERVAL:
            self._pin = (position, (self._rowid_about(position),))
        pinned, key = self._pin
        if position >= pinned:
            return self._rows(connection, key, True, position - pinned, limit)
        before = pinned - position
        skip = max(0, before - limit)
        where = self.space.before(key)
        rows = self._cells(connection, where, False, skip, min(limit, before))[::-1]
        return rows + self._rows(connection, key, True, 0, max(0, limit - before))

    def _rowid_about(self, position: int) -> int:
        last, rowid, ahead, span = self._ahead()
        return rowid + min(span, (position - last) * span // ahead)

    def _interpolated(self, key: Values) -> int:
        last, rowid, ahead, span = self._ahead()
        return last + (_rowid(key) - rowid) * ahead // max(1, span)

    def _ahead(self) -> tuple[int, int, int, int]:
        """The last key, by position and rowid; the number of rows and of rowids after it."""
        last, rowid = (len(self.keys) - 1) * INTERVAL, _rowid(self.keys[-1])
        total = self.estimate or 0
        return last, rowid, max(1, total - 1 - last), self._rowid_ends()[1] - rowid

    def _key_before(self, connection: Connection, key: Values) -> int:
        """The number of the last key that is not after another. The database compares."""
        low, high = 0, len(self.keys)
        while high - low > 1:
            middle = (low + high) // 2
            end = self.space.before(key, inclusive=True)
            between = self.space.after(self.keys[middle], inclusive=True).also(end)
            reached = self.space.key(connection, between, True)
            low, high = (low, middle) if reached is None else (middle, high)
        return low


def _rowid(key: Values) -> int:
    return int(str(key[0]))
