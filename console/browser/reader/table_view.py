"""A whole table in the order of its keys: any page at once, whatever its size."""

import time
from collections.abc import Iterator
from contextlib import closing

from console.browser.errors import BrowseError
from console.browser.reader import lookup
from console.browser.reader.jobs import Job
from console.browser.reader.keyspace import KeySpace
from console.browser.reader.slices import slices
from console.browser.reader.source import Connection, Source
from console.browser.reader.sparse_index import APART, Landmarks
from console.browser.reader.sql_builder import Column, anywhere
from console.browser.reader.view import Keyed, RowSet, Tell, counted, window
from console.browser.reader.wire import Values, Wire

FOLLOWED = 50_000
EXPORTED = 1_000
# Counting anew takes one part in so many of the time, at most.
RESTS = 20


class TableView(RowSet):
    """Rows by key, or from the last key to the first. Every page is a short read of its own and
    shows the rows as they are then; only what their numbers are has to be counted, and again after
    others have written."""

    doing = "counting"

    def __init__(
        self,
        number: int,
        source: Source,
        space: KeySpace,
        columns: tuple[list[Wire], list[Column]],
        tell: Tell,
        reverse: bool = False,
    ) -> None:
        super().__init__(number, source, columns[0], tell)
        self.key_kind = space.table.key_kind
        self.strict = space.table.strict
        self.space = space
        self.reverse = reverse
        self.terms = columns[1]
        self.marks = Landmarks(space)
        self._version: int | None = None
        self._counted = 0.0
        self._took = 0.0

    def open(self, connection: Connection) -> None:
        """What can be said at once; the rest is counted on a thread."""
        self.look(connection)
        marks = Landmarks(self.space)
        marks.look(connection)
        self.marks, self._version = marks, self._seen
        if marks.total is None:
            self.rebuild(connection)

    def fill(self, job: Job) -> None:
        began, version = time.monotonic(), self.begun
        marks = self.marks if self.marks.total is None else Landmarks(self.space)
        try:
            marks.survey(job)
            self.marks, self._version = marks, version
        finally:
            self._counted = time.monotonic()
            self._took = self._counted - began

    def count(self) -> Wire:
        marks = self.marks
        return counted(marks.known, self.building, self._is_counted, marks.estimate)

    @property
    def _is_counted(self) -> bool:
        """Whether the numbers are those of the file as it was seen last."""
        return self.marks.total is not None and not self.changed_since(self._version)

    def page(self, connection: Connection, start: int, limit: int) -> tuple[int, list[Keyed], bool]:
        marks = self.marks
        skip, size = window(start, limit)
        read = marks.backward if (start < 0) != self.reverse else marks.forward
        first, found, exact = read(connection, skip, size)
        rows: list[Keyed] = list(found)
        if start < 0:
            rows.reverse()
            first = max(0, (marks.estimate or marks.known) - skip - len(rows))
            exact = exact and marks.total is not None
        if marks.stale and not self.building:
            marks.stale = False
            self.rebuild(connection)
        return first, rows, exact and (marks.total is None or self._is_counted)

    def row(self, connection: Connection, key: Values) -> Values | None:
        return self.space.row(connection, key)

    def find_key(self, connection: Connection, text: str) -> int | None:
        key = lookup.key_of(connection, self.space.table, self.terms, text)
        return None if key is None else self._shown_at(self.marks.position(connection, key)[0])

    def find(self, job: Job, text: str, start: int, backwards: bool) -> int | None:
        rows = self.page(job.connection, start, 1)[1] if start >= 0 else []
        if not rows:
            return None
        wanted = anywhere(self.terms, text)
        forward = backwards == self.reverse
        scanned = 0
        for piece in slices(job, self.space, rows[0][0], forward, inclusive=True):
            where = piece.where.also(wanted)
            found = self.space.key(job.connection, where, forward)
            scanned += piece.rows
            job.moved(scanned, int(found is not None))
            if found is not None:
                return self._counted_to(job, found)
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
        """After others have written: appended rows are taken in at once, and all are counted anew,
        which then rests for many times as long as it took. Until then no number is exact."""
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
        if self.marks.total is not None and self.marks.total <= APART:
            self.open(connection)
            return
        if self.key_kind == "rowid":
            self.marks.extend(connection, FOLLOWED)
        if time.monotonic() - self._counted >= self._took * RESTS:
            self.rebuild(connection)

    def not_whole(self, problem: BrowseError) -> None:
        # Without landmarks rows are found all the same; only without a count something is missing.
        # What only failed is tried again.
        if self.marks.total is None or (problem.trouble == "stopped" and not self._is_counted):
            super().not_whole(problem)

    def _shown_at(self, position: int) -> int:
        if not self.reverse:
            return position
        return max(0, (self.marks.estimate or self.marks.known) - 1 - position)

    def _counted_to(self, job: Job, key: Values) -> int:
        """The position of a row, once that can be told."""
        position, exact = self.marks.position(job.connection, key)
        if not exact or (self.reverse and self.marks.total is None):
            self.wait_built(job)
            position = self.marks.position(job.connection, key)[0]
        return self._shown_at(position)
