"""What views have in common whose rows a scan found and kept: how many there are, a page of them,
one after another."""

from abc import abstractmethod
from collections.abc import Iterator

from console.browser.reader.source import Connection
from console.browser.reader.view import Keyed, RowSet, counted, window
from console.browser.reader.wire import Values, Wire

READ = 500


class KeptView(RowSet):
    """The rows that there were when the scan came by, in its order. They stay as they are until it
    is begun anew; `outdated` says that others have written since."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def kept(self, start: int, limit: int) -> list[Values]:
        """What is kept of these rows: their keys, or all of them."""

    @abstractmethod
    def keyed(self, connection: Connection, position: int, kept: Values) -> Keyed:
        """A row of a page."""

    @property
    def outdated(self) -> bool:
        return self.changed_since(self.begun)

    def count(self) -> Wire:
        whole = self.build is not None and not self.building and not self.stopped
        return counted(len(self), self.building, whole)

    def page(self, connection: Connection, start: int, limit: int) -> tuple[int, list[Keyed], bool]:
        skip, size = window(start, limit)
        first = start
        if start < 0:
            last = len(self) - skip
            first = max(0, last - size)
            size = max(0, last - first)
        found = enumerate(self.kept(first, size), first)
        return first, [self.keyed(connection, at, kept) for at, kept in found], True

    def each(self, start: int, backwards: bool = False) -> Iterator[tuple[int, Values]]:
        """Positions and what is kept, read in batches."""
        while 0 <= start < len(self):
            first = max(0, start + 1 - READ) if backwards else start
            size = start + 1 - first if backwards else READ
            found = list(enumerate(self.kept(first, size), first))
            yield from reversed(found) if backwards else found
            start = first - 1 if backwards else start + len(found)

    def refresh(self, connection: Connection, recount: bool) -> None:
        if recount:
            self.rebuild(connection)
        else:
            self.look(connection)
