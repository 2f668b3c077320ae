"""A transaction on the ledger, as the work that runs in it sees it: statements by their names."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice, starmap
from pathlib import Path
from typing import Any, TypeVar

from engine.store.sqlite_errors import translate
from engine.store.statements import SQL, for_rows

T = TypeVar("T")
Row = tuple[Any, ...]

# An INSERT has a text for each of these numbers of rows: the statement cache always hits. A fill
# alone is two rows.
ROWS = (32, 8, 2, 1)


class Tx:
    """A transaction or a snapshot. It takes statements by their names in `queries.sql`, and values
    by keyword.

    Raises `StoreError`, or a kind of it, for what the database reports.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @property
    def path(self) -> Path:
        """The ledger's file; `:memory:` of one that has none."""
        return self._path

    @property
    def changes(self) -> int:
        """The number of rows the connection has changed since it was opened."""
        return self._connection.total_changes

    def rows(self, name: str, /, **values: Any) -> list[Row]:
        """All rows of a statement."""
        return self._fetched(SQL[name], values)[1]

    def one(self, name: str, /, **values: Any) -> Row | None:
        """The first row; null where there is none."""
        rows = self.rows(name, **values)
        return rows[0] if rows else None

    def value(self, name: str, /, **values: Any) -> Any:
        """The first column of the first row; null where there is none."""
        row = self.one(name, **values)
        return row[0] if row else None

    def column(self, name: str, /, **values: Any) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in self.rows(name, **values)]

    def pairs(self, name: str, /, **values: Any) -> dict[Any, Any]:
        """The second column of every row by the first."""
        return dict(self.rows(name, **values))

    def named(self, name: str, /, **values: Any) -> list[dict[str, Any]]:
        """Rows by the names of their columns."""
        return list(self.each_named(name, **values))

    def record(self, name: str, /, **values: Any) -> dict[str, Any] | None:
        """The first row by the names of its columns; null where there is none."""
        return next(iter(self.named(name, **values)), None)

    def typed(self, kind: Callable[..., T], name: str, /, **values: Any) -> list[T]:
        """Rows as `kind`, which takes their columns in order."""
        return list(starmap(kind, self.rows(name, **values)))

    def each(self, name: str, /, **values: Any) -> Iterator[Row]:
        """Rows one at a time, where there may be more than memory has room for."""
        return self._streamed(self._executed(SQL[name], values))

    def batches(self, name: str, size: int, /, **values: Any) -> Iterator[list[Row]]:
        """`each`, so many rows at a time; those before one that cannot be read come first."""
        cursor = self._executed(SQL[name], values)
        more = True
        while more:
            rows: list[Row] = []
            try:
                rows.extend(islice(cursor, size))
            except sqlite3.Error as error:
                if rows:
                    yield rows
                raise translate(error, self._path) from error
            more = len(rows) == size
            if rows:
                yield rows

    def each_named(self, name: str, /, **values: Any) -> Iterator[dict[str, Any]]:
        cursor = self._executed(SQL[name], values)
        columns = _columns(cursor)
        return (dict(zip(columns, row, strict=True)) for row in self._streamed(cursor))

    def run(self, name: str, /, **values: Any) -> int:
        """Run a statement for its effect; returns how many rows it changed."""
        return self._fetched(SQL[name], values)[0].rowcount

    def run_many(self, name: str, rows: Sequence[Row], /) -> int:
        """Run an INSERT for rows whose values are in its order; returns how many it inserted."""
        inserted = start = 0
        for count in ROWS:
            statement = for_rows(SQL[name], count)
            while start + count <= len(rows):
                values = list(chain.from_iterable(rows[start : start + count]))
                inserted += self._fetched(statement, values)[0].rowcount
                start += count
        return inserted

    def table(self, name: str) -> tuple[list[str], Iterator[Row]]:
        """The columns of a table, and its rows one at a time."""
        cursor = self._executed(f'SELECT * FROM "{name}"', ())  # noqa: S608 - a table's name
        return _columns(cursor), self._streamed(cursor)

    def count(self, table: str) -> int:
        statement = f'SELECT count(*) FROM "{table}"'  # noqa: S608 - a table's name
        return int(self._fetched(statement, ())[1][0][0])

    @contextmanager
    def reading_any_text(self) -> Iterator[None]:
        """Text that is not UTF-8, which only damage leaves, is read with escapes meanwhile."""
        before = self._connection.text_factory
        self._connection.text_factory = partial(str, encoding="utf-8", errors="backslashreplace")
        try:
            yield
        finally:
            self._connection.text_factory = before

    def _executed(self, statement: str, values: Any) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise translate(error, self._path) from error

    def _fetched(self, statement: str, values: Any) -> tuple[sqlite3.Cursor, list[Row]]:
        """Fetched to the end: a statement that is not done would hold up the commit."""
        try:
            cursor = self._connection.execute(statement, values)
            return cursor, cursor.fetchall()
        except sqlite3.Error as error:
            raise translate(error, self._path) from error

    def _streamed(self, cursor: sqlite3.Cursor) -> Iterator[Row]:
        try:
            # A `yield from` would close it on whatever thread drops this.
            for row in cursor:  # noqa: UP028
                yield row
        except sqlite3.Error as error:
            raise translate(error, self._path) from error


def _columns(cursor: sqlite3.Cursor) -> list[str]:
    return [column[0] for column in cursor.description]
