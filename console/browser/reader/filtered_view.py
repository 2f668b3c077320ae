"""Filtered or sorted rows of a table: a scan writes their keys to disk, in order; a page looks its
rows up by them, as they are then."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

from console.browser.reader.decimals import SqlFunctions
from console.browser.reader.jobs import Job
from console.browser.reader.keyspace import EVERYTHING, KeySpace
from console.browser.reader.lookup import KeyLookup
from console.browser.reader.source import Connection, Source
from console.browser.reader.spool import NumberSpool, RowSpool
from console.browser.reader.spooled_view import SpooledView
from console.browser.reader.sql_builder import Sql
from console.browser.reader.view import Report
from console.browser.reader.wire import PageRow, Values, page_cells

HEAD = 500
# An index that leads to fewer rows than this is taken even where they must be sorted afterwards.
FEW = 50_000
Spool = NumberSpool | RowSpool
NOTHING: tuple[Values, Values] = ((), ())


class Selection(NamedTuple):
    """The condition and the order of a view. Without terms the order is that of the keys, or the
    reverse of it."""

    where: Sql
    order: list[str]
    reverse: bool


class FilteredView(SpooledView):
    """Rows of a selection. Conditions alone are tried slice by slice, so that matches show while
    the scan goes on and no log is held back; a sort is one statement, its first rows shown before
    the rest is sorted."""

    def __init__(
        self,
        number: int,
        source: Source,
        space: KeySpace,
        report: Report,
        selection: Selection,
    ) -> None:
        super().__init__(number, source, space.table.columns, report)
        self.key_kind = space.table.key_kind
        self.strict = space.table.strict
        self.doing = "sorting" if selection.order else "filtering"
        self.space = space
        self.selection = selection
        self._head: list[Values] = []
        self._keys = self._spool()
        self._newer = self._spool()
        self._scanned: tuple[Values, Values] | None = None

    def __len__(self) -> int:
        return len(self._newer) + max(len(self._keys), len(self._head))

    def fill(self, job: Job) -> None:
        # A page may be reading the old ones: they go with their last reader.
        self._head, self._keys, self._newer = [], self._spool(), self._spool()
        self._scanned = None
        if self.selection.order:
            self._sort(job)
        else:
            self._filter(job)

    def spooled(self, start: int, limit: int) -> list[Values]:
        newer = len(self._newer)
        keys: list[Values] = []
        if start < newer:
            size = min(limit, newer - start)
            keys = self._newer.read(newer - start - size, size)[::-1]
        rest = max(0, start - newer)
        if len(self._head) > len(self._keys):
            return keys + self._head[rest : rest + limit - len(keys)]
        return keys + self._keys.read(rest, limit - len(keys))

    def page_row(self, connection: Connection, position: int, entry: Values) -> PageRow:
        row = self.row(connection, entry)
        return entry, None if row is None else page_cells(row)

    def row(self, connection: Connection, key: Values) -> Values | None:
        """None also for a row that no longer fits the condition."""
        return self.space.row(connection, key, self.selection.where)

    def find_key(self, connection: Connection, text: str) -> int | None:
        key = KeyLookup(self.space.table).key(connection, text)
        if key is None:
            return None
        newer = self._newer.position(key)
        if newer is not None:
            return len(self._newer) - 1 - newer
        position = self._keys.position(key)
        return None if position is None else len(self._newer) + position

    def find(self, job: Job, text: str, start: int, backwards: bool) -> int | None:
        wanted = self.selection.where.also(self.space.table.columns.anywhere(text))
        for scanned, (position, key) in enumerate(self.each(start, backwards), 1):
            match = self.space.key(job.connection, self.space.at(key).also(wanted), True)
            job.moved(scanned, int(match is not None), scanned / len(self))
            if match is not None:
                return position
        return None

    def everything(self, job: Job) -> Iterator[Values]:
        for _, key in self.each(0):
            row = self.row(job.connection, key)
            if row is not None:
                yield row

    def refresh(self, connection: Connection, recount: bool) -> None:
        """Rows after the last scanned one are added; a sorted result stays as it is."""
        super().refresh(connection, recount)
        if self._scanned is not None and not self.building and not self.stopped:
            last = self.space.key(connection, EVERYTHING, False)
            if last is not None and last != self._scanned[1]:
                self.extend(self._follow)

    def release(self) -> None:
        self._keys.close()
        self._newer.close()

    def _spool(self) -> Spool:
        return NumberSpool() if self.key_kind == "rowid" else RowSpool()

    def _sort(self, job: Job) -> None:
        where, order, reverse = self.selection
        statement = self.space.keys(where, not reverse, order)
        if keys := statement.text.count("text_key("):
            functions = SqlFunctions(job.connection.inner)
            made = functions.count_keys(lambda so_far: job.moved(so_far // keys, 0))
            self._stream(job, statement, lambda: made() // keys)
            return
        if "TEMP B-TREE" in job.connection.plan(*statement):
            # The first rows of a sort alone take a fraction of the time.
            self._head = job.connection.rows(f"{statement.text} LIMIT {HEAD}", statement.values)
            job.moved(0, len(self))
        self._stream(job, statement)
        self._head = []

    def _filter(self, job: Job) -> None:
        ends = self.space.ends(job.connection)
        if ends is None:
            self._scanned = NOTHING
            return
        where, forward = self.selection.where, not self.selection.reverse
        if self._has_index(job.connection, self.space.keys(where, forward)):
            up_to = self.space.before(ends[1], inclusive=True)
            self._stream(job, self.space.keys(where.also(up_to), forward))
            self._scanned = ends
        elif forward:
            self._scan(job, self._keys, None, True, ends)
        else:
            self._scan(job, self._keys, ends[1], False, ends)

    def _has_index(self, connection: Connection, statement: Sql) -> bool:
        """Whether an index leads to the rows in their order, or to few enough to sort them."""
        steps = connection.plan(*statement)
        if "SEARCH" not in steps:
            return False
        in_order = "TEMP B-TREE" not in steps
        return in_order or self.space.count(connection, self.selection.where, FEW + 1) <= FEW

    def _stream(self, job: Job, statement: Sql, looked_at: Callable[[], int] | None = None) -> None:
        """`looked_at` counts the rows that were sorted before the first one came."""
        with closing(job.connection.batches(*statement)) as batches:
            for batch in batches:
                self._keys.extend(batch)
                # An order that has nothing to decide makes no keys.
                scanned = max(len(self._keys), looked_at() if looked_at else 0)
                share = len(self._keys) / scanned if looked_at else None
                job.moved(scanned, len(self), share)

    def _follow(self, job: Job) -> None:
        """Rows after those scanned. In reverse order they come before the others."""
        ends = self._scanned or NOTHING
        spool = self._newer if self.selection.reverse else self._keys
        self._scan(job, spool, ends[1] or None, True, ends)

    def _scan(
        self, job: Job, spool: Spool, key: Values | None, forward: bool, ends: tuple[Values, Values]
    ) -> None:
        scanned = 0
        for piece in self.space.slices(job, key, forward, inclusive=not forward):
            where = piece.where.also(self.selection.where)
            statement = self.space.keys(where, forward, scan=True)
            spool.extend(job.connection.rows(*statement))
            scanned += piece.rows
            ends = (ends[0], piece.end) if forward else ends
            job.moved(scanned, len(self), _share(ends, piece.end, forward))
        self._scanned = ends


def _share(ends: tuple[Values, Values], at: Values, forward: bool) -> float | None:
    """The share of a scan by rowid that is done."""
    numbers = [key[0] for key in (*ends, at) if key and isinstance(key[0], int)]
    if len(numbers) < 3:
        return None
    first, last, here = (int(str(number)) for number in numbers)
    done = here - first if forward else last - here
    return min(1.0, done / max(1, last - first))
