"""Rows of one table in the order of their keys: what comes after a key, before it, between two."""

from collections.abc import Generator, Sequence

from console.browser.reader.catalogue import Table
from console.browser.reader.source import Connection
from console.browser.reader.sql_builder import Sql, bound, marks
from console.browser.reader.wire import Values

EVERYTHING = Sql("")
# What SQLite returns of a row at most.
WIDEST = 2_000


class KeySpace:
    """A table's rows as SQLite stores them: by rowid, or by the primary key of a table without.

    “Forward” is the stored order, which descends where the primary key is declared so. Nothing
    here counts with OFFSET further than its caller says.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.width = len(table.keys)
        self._keys = ", ".join(table.keys)
        forward, backward = ("DESC", "ASC") if table.descending else ("ASC", "DESC")
        self._orders = {
            True: ", ".join(f"{term} {forward}" for term in table.keys),
            False: ", ".join(f"{term} {backward}" for term in table.keys),
        }
        self._later = "<" if table.descending else ">"
        self._earlier = ">" if table.descending else "<"

    def after(self, key: Values, inclusive: bool = False) -> Sql:
        return self._compared(self._later, key, inclusive)

    def before(self, key: Values, inclusive: bool = False) -> Sql:
        return self._compared(self._earlier, key, inclusive)

    def at(self, key: Values) -> Sql:
        parts = [f"{term} = {mark}" for term, mark in zip(self.table.keys, marks(key), strict=True)]
        return Sql(" AND ".join(parts), bound(key))

    def from_here(self, key: Values | None, forward: bool, inclusive: bool = False) -> Sql:
        """All rows after (or before) a key; all rows there are where the key is None."""
        if key is None:
            return EVERYTHING
        return self.after(key, inclusive) if forward else self.before(key, inclusive)

    def rows(
        self, connection: Connection, where: Sql, forward: bool, skip: int, limit: int
    ) -> Generator[tuple[Values, Values]]:
        """Keys and rows."""
        shown = self.table.shown if self.width + len(self.table.shown) <= WIDEST else []
        columns = ", ".join((*self.table.keys, *shown))
        sql = f"{self._select(columns, where, forward)} LIMIT ? OFFSET ?"
        for found in connection.each(sql, (*where.values, limit, skip)):
            key, row = found[: self.width], found[self.width :]
            if row or (row := self.row(connection, key) or ()):
                yield key, row

    def row(self, connection: Connection, key: Values, where: Sql = EVERYTHING) -> Values | None:
        """The row with this key, if the condition holds for it."""
        found = self.at(key).also(where)
        columns = ", ".join(self.table.shown)
        source = f"{self.table.source} {self.table.scan}"
        return connection.first(
            f"SELECT {columns} FROM {source}{found.where}",  # noqa: S608
            found.values,
        )

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
        """How many rows, counted no further than to `limit`."""
        source = f"FROM {self.table.source}{where.where}"
        if limit is None:
            found = connection.first(f"SELECT count(*) {source}", where.values)
        else:
            found = connection.first(
                f"SELECT count(*) FROM (SELECT 1 {source} LIMIT ?)",  # noqa: S608
                (*where.values, limit),
            )
        return int(str(found[0])) if found else 0

    def ends(self, connection: Connection) -> tuple[Values, Values] | None:
        """The first and the last key; None for an empty table."""
        first = self.key(connection, EVERYTHING, True)
        last = self.key(connection, EVERYTHING, False)
        return None if first is None or last is None else (first, last)

    def _select(self, columns: str, where: Sql, forward: bool) -> str:
        order = self._orders[forward]
        return f"SELECT {columns} FROM {self.table.source}{where.where} ORDER BY {order}"  # noqa: S608

    def _compared(self, operator: str, key: Values, inclusive: bool) -> Sql:
        operator += "=" if inclusive else ""
        if self.width == 1:
            return Sql(f"{self._keys} {operator} {marks(key)[0]}", bound(key))
        return Sql(f"({self._keys}) {operator} ({', '.join(marks(key))})", bound(key))
