"""A whole table in the order of its keys: any page at once, whatever its size."""

import time
from collections.abc import Iterator
from contextlib import closing

from console.browser.errors import BrowseError
from console.browser.reader.jobs import Job
from console.browser.reader.keyspace import KeySpace
from console.browser.reader.lookup import KeyLookup
from console.browser.reader.source import Connection, Source
from console.browser.reader.sparse_index import INTERVAL, SparseIndex
from console.browser.reader.view import Report, RowSet, window
from console.browser.reader.wire import PageRows, Values, Wire

FOLLOWED = 50_000
EXPORTED = 1_000
# Counting anew takes one part in so many of the time, at most.
RESTS = 20


class TableView(RowSet):
    """Rows by key, or from the last key to the first. Every page is a short read of its own and
    shows the rows as they are then; only their numbers have to be counted, and again after others
    have written."""

    doing = "counting"

    def __init__(
        self,
        number: int,
        source: Source,
        space: KeySpace,
        report: Report,
        reverse: bool = False,
    ) -> None:
        super().__init__(number, source, space.table.columns, report)
        self.key_kind = space.table.key_kind
        self.strict = space.table.strict
        self.space = space
        self.reverse = reverse
        self.index = SparseIndex(space)
        self._version: int | None = None
        self._counted = 0.0
        self._took = 0.0

    def open(self, connection: Connection) -> None:
        """Count a small table at once, and a larger one on a thread."""
        self.look(connection)
        index = SparseIndex(self.space)
        index.look(connection)
        self.index, self._version = index, self._seen
        if index.total is None:
            self.rebuild(connection)

    def fill(self, job: Job) -> None:
        began, version = time.monotonic(), self.begun
        index = self.index if self.index.total is None else SparseIndex(self.space)
        try:
            index.survey(job)
            self.index, self._version = index, version
        finally:
            self._counted = time.monotonic()
            self._took = self._counted - began

    def count(self) -> Wire:
        # In this order, for the scan may end meanwhile.
        index, whole = self.index, self._is_counted
        return self._count(index.least, whole, index.estimate)

    @property
    def _is_counted(self) -> bool:
        """Whether nobody has written since the rows were counted."""
        return self.index.total is not None and not self.changed_since(self._version)

    def page(self, connection: Connection, start: int, limit: int) -> PageRows:
        index = self.index
        skip, size = window(start, limit)
        read = index.backward if (start < 0) != self.reverse else index.forward
        first, rows, exact = read(connection, skip, size)
        if start < 0:
            rows.reverse()
            first = max(0, (index.estimate or index.least) - skip - len(rows))
            exact = exact and index.total is not None
        if index.stale and not self.building:
            index.stale = False
            self.rebuild(connection)
        return first, rows, exact and (index.total is None or self._is_counted)

    def row(self, connection: Connection, key: Values) -> Values | None:
        return self.space.row(connection, key)

    def find_key(self, connection: Connection, text: str) -> int | None:
        key = KeyLookup(self.space.table).key(connection, text)
        return None if key is None else self._shown_at(self.index.position(connection, key)[0])

    def find(self, job: Job, text: str, start: int, backwards: bool) -> int | None:
        rows = self.page(job.connection, start, 1)[1] if start >= 0 else []
        if not rows:
            return None
        wanted = self.space.table.columns.anywhere(text)
        forward = backwards == self.reverse
        scanned = 0
        for piece in self.space.slices(job, rows[0][0], forward, inclusive=True):
            key = self.space.key(job.connection, piece.where.also(wanted), forward)
            scanned += piece.rows
            job.moved(scanned, int(key is not None))
            if key is not None:
                return self._counted_to(job, key)
        return None

    def everything(self, job: Job) -> Iterator[Values]:
        key: Values | None = None
        forward = not self.reverse
        while True:
            last = None
            where = self.space.from_here(key, forward)
            with closing(self.space.rows(job.connection, where, forward, 0, EXPORTED)) as rows:
                for last, row in rows:  # noqa: B007 - the next slice begins after the last one
                    yield row
            if last is None:
                return
            key = last

    def refresh(self, connection: Connection, recount: bool) -> None:
        """Rows that others appended are added at once, and all are counted anew; the next count
        rests for many times as long as the last one took. Until then no number is exact."""
        if recount:
            self.rebuild(connection)
            return
        self.look(connection)
        if not (self._is_counted or self.building or self.stopped):
            self._catch_up(connection)

    def wait_whole(self, job: Job, partial: bool) -> None:
        """Nothing to wait for: rows are read in the order of their keys, counted or not."""

    def release(self) -> None:
        """Nothing is on disk."""

    def _catch_up(self, connection: Connection) -> None:
        if self.index.total is not None and self.index.total <= INTERVAL:
            self.open(connection)
            return
        if self.space.by_rowid:
            self.index.extend(connection, FOLLOWED)
        if time.monotonic() - self._counted >= self._took * RESTS:
            self.rebuild(connection)

    def not_whole(self, problem: BrowseError) -> None:
        # Rows can be read without an index; only without a count something is missing.
        # A scan that failed is tried again.
        if self.index.total is None or (problem.trouble == "stopped" and not self._is_counted):
            super().not_whole(problem)

    def _shown_at(self, position: int) -> int:
        if not self.reverse:
            return position
        return max(0, (self.index.estimate or self.index.least) - 1 - position)

    def _counted_to(self, job: Job, key: Values) -> int:
        """The exact position of a row, for which rows may have to be counted first."""
        position, exact = self.index.position(job.connection, key)
        if not exact or (self.reverse and self.index.total is None):
            self.wait_built(job)
            position = self.index.position(job.connection, key)[0]
        return self._shown_at(position)
