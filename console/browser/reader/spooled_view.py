"""The base of views on disk: a scan writes their rows, or the keys of them, to temporary files."""

from abc import abstractmethod
from collections.abc import Iterator

from console.browser.reader.source import Connection
from console.browser.reader.view import RowSet, window
from console.browser.reader.wire import PageRow, PageRows, Values, Wire

READ = 500


class SpooledView(RowSet):
    """The rows that there were when the scan came by, in its order. They stay as they are until it
    is begun anew; `outdated` says that others have written since. The spool holds their keys, or
    the rows themselves."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def spooled(self, start: int, limit: int) -> list[Values]:
        """Entries of the spool."""

    @abstractmethod
    def page_row(self, connection: Connection, position: int, entry: Values) -> PageRow:
        """The row of a page that an entry of the spool stands for."""

    @property
    def outdated(self) -> bool:
        return self.changed_since(self.begun)

    def count(self) -> Wire:
        whole = self.build is not None and not self.building and not self.stopped
        return self._count(len(self), whole)

    def page(self, connection: Connection, start: int, limit: int) -> PageRows:
        skip, size = window(start, limit)
        first = start
        if start < 0:
            last = len(self) - skip
            first = max(0, last - size)
            size = max(0, last - first)
        entries = enumerate(self.spooled(first, size), first)
        return first, [self.page_row(connection, at, entry) for at, entry in entries], True

    def each(self, start: int, backwards: bool = False) -> Iterator[tuple[int, Values]]:
        """Positions and entries of the spool, read in batches."""
        while 0 <= start < len(self):
            first = max(0, start + 1 - READ) if backwards else start
            size = start + 1 - first if backwards else READ
            entries = list(enumerate(self.spooled(first, size), first))
            yield from reversed(entries) if backwards else entries
            start = first - 1 if backwards else start + len(entries)

    def refresh(self, connection: Connection, recount: bool) -> None:
        if recount:
            self.rebuild(connection)
        else:
            self.look(connection)
