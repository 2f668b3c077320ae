"""Rows of a table that were looked for or sorted: a scan writes their keys to disk, in order; a
page looks its rows up by them, as they are then."""

from collections.abc import Callable, Iterator
from contextlib import closing

from console.browser.reader import decimals, lookup
from console.browser.reader.catalogue import plan
from console.browser.reader.jobs import Job
from console.browser.reader.keyspace import EVERYTHING, KeySpace
from console.browser.reader.slices import slices
from console.browser.reader.source import Connection, Source
from console.browser.reader.spool import NumberSpool, RowSpool, Spool
from console.browser.reader.spooled_view import KeptView
from console.browser.reader.sql_builder import Column, Sql, anywhere
from console.browser.reader.view import Keyed, Tell
from console.browser.reader.wire import Values, Wire, page_cells

HEAD = 500
# An index that finds fewer rows than this is taken even where they must be sorted afterwards.
FEW = 50_000
NOTHING: tuple[Values, Values] = ((), ())


class Question:
    """Which rows, in which order. `order` are terms; without any it is that of the keys, or the
    reverse of it."""

    def __init__(self, where: Sql, order: list[str], reverse: bool) -> None:
        self.where = where
        self.order = order
        self.reverse = reverse


class FoundView(KeptView):
    """Conditions alone are tried slice by slice, so that matches show while the scan goes on and no
    log is held back; a sort is one statement, its first rows shown before the rest is sorted."""

    def __init__(
        self,
        number: int,
        source: Source,
        space: KeySpace,
        columns: tuple[list[Wire], list[Column]],
        tell: Tell,
        question: Question,
    ) -> None:
        super().__init__(number, source, columns[0], tell)
        self.key_kind = space.table.key_kind
        self.strict = space.table.strict
        self.doing = "sorting" if question.order else "filtering"
        self.space = space
        self.terms = columns[1]
        self.question = question
        self._head: list[Values] = []
        self._found = self._spool()
        self._newer = self._spool()
        self._scanned: tuple[Values, Values] | None = None

    def __len__(self) -> int:
        return len(self._newer) + max(len(self._found), len(self._head))

    def fill(self, job: Job) -> None:
        self._clear()
        if self.question.order:
            self._sort(job)
        else:
            self._filter(job)

    def kept(self, start: int, limit: int) -> list[Values]:
        newer = len(self._newer)
        keys: list[Values] = []
        if start < newer:
            size = min(limit, newer - start)
            keys = self._newer.read(newer - start - size, size)[::-1]
        rest = max(0, start - newer)
        if len(self._head) > len(self._found):
            return keys + self._head[rest : rest + limit - len(keys)]
        return keys + self._found.read(rest, limit - len(keys))

    def keyed(self, connection: Connection, position: int, kept: Values) -> Keyed:
        row = self.row(connection, kept)
        return kept, None if row is None else page_cells(row)

    def row(self, connection: Connection, key: Values) -> Values | None:
        """None also for a row that was found, and no longer fits."""
        return self.space.row(connection, key, self.question.where)

    def find_key(self, connection: Connection, text: str) -> int | None:
        key = lookup.key_of(connection, self.space.table, self.terms, text)
        if key is None:
            return None
        newer = self._newer.position(key)
        if newer is not None:
            return len(self._newer) - 1 - newer
        found = self._found.position(key)
        return None if found is None else len(self._newer) + found

    def find(self, job: Job, text: str, start: int, backwards: bool) -> int | None:
        wanted = self.question.where.also(anywhere(self.terms, text))
        for scanned, (position, key) in enumerate(self.each(start, backwards), 1):
            found = self.space.key(job.connection, self.space.at(key).also(wanted), True)
            job.moved(scanned, int(found is not None), scanned / len(self))
            if found is not None:
                return position
        return None

    def everything(self, job: Job) -> Iterator[Values]:
        for _, key in self.each(0):
            row = self.row(job.connection, key)
            if row is not None:
                yield row

    def refresh(self, connection: Connection, recount: bool) -> None:
        """Rows that came after the last one scanned; a sorted result stays as it is."""
        super().refresh(connection, recount)
        if self._scanned is not None and not self.building and not self.stopped:
            last = self.space.key(connection, EVERYTHING, False)
            if last is not None and last != self._scanned[1]:
                self.extend(self._follow)

    def release(self) -> None:
        self._found.close()
        self._newer.close()

    def _spool(self) -> Spool:
        return NumberSpool() if self.key_kind == "rowid" else RowSpool()

    def _clear(self) -> None:
        # A page may be reading the old ones: they go with their last reader.
        self._head, self._found, self._newer = [], self._spool(), self._spool()
        self._scanned = None

    def _sort(self, job: Job) -> None:
        forward = not self.question.reverse
        statement = self.space.keys(self.question.where, forward, self.question.order)
        if keys := statement.text.count("text_key("):
            connection = job.connection.inner
            made = decimals.count_keys(connection, lambda so_far: job.moved(so_far // keys, 0))
            self._stream(job, statement, lambda: made() // keys)
            return
        if "TEMP B-TREE" in plan(job.connection, statement):
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
        where, forward = self.question.where, not self.question.reverse
        if self._has_index(job.connection, self.space.keys(where, forward)):
            up_to = self.space.before(ends[1], inclusive=True)
            self._stream(job, self.space.keys(where.also(up_to), forward))
            self._scanned = ends
        elif forward:
            self._scan(job, self._found, None, True, ends)
        else:
            self._scan(job, self._found, ends[1], False, ends)

    def _has_index(self, connection: Connection, statement: Sql) -> bool:
        """Whether an index leads to the rows in their order, or to few enough to sort them."""
        steps = plan(connection, statement)
        if "SEARCH" not in steps:
            return False
        in_order = "TEMP B-TREE" not in steps
        return in_order or self.space.count(connection, self.question.where, FEW + 1) <= FEW

    def _stream(self, job: Job, statement: Sql, looked_at: Callable[[], int] | None = None) -> None:
        """`looked_at`: how many rows were sorted before the first one came."""
        with closing(job.connection.batches(*statement)) as batches:
            for batch in batches:
                self._found.extend(batch)
                # An order that has nothing to decide makes no keys.
                scanned = max(len(self._found), looked_at() if looked_at else 0)
                share = len(self._found) / scanned if looked_at else None
                job.moved(scanned, len(self), share)

    def _follow(self, job: Job) -> None:
        """Rows after those scanned. In reverse order they come before the others."""
        ends = self._scanned or NOTHING
        spool = self._newer if self.question.reverse else self._found
        self._scan(job, spool, ends[1] or None, True, ends)

    def _scan(
        self, job: Job, spool: Spool, key: Values | None, forward: bool, ends: tuple[Values, Values]
    ) -> None:
        scanned = 0
        for piece in slices(job, self.space, key, forward, inclusive=not forward):
            where = piece.where.also(self.question.where)
            statement = self.space.keys(where, forward, scan=True)
            spool.extend(job.connection.rows(*statement))
            scanned += piece.rows
            ends = (ends[0], piece.end) if forward else ends
            job.moved(scanned, len(self), _share(ends, piece.end, forward))
        self._scanned = ends


def _share(ends: tuple[Values, Values], at: Values, forward: bool) -> float | None:
    """How far a scan by rowid is."""
    numbers = [key[0] for key in (*ends, at) if key and isinstance(key[0], int)]
    if len(numbers) < 3:
        return None
    first, last, here = (int(str(number)) for number in numbers)
    done = here - first if forward else last - here
    return min(1.0, done / max(1, last - first))
