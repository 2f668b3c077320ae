"""The tables and views of a file: their columns as declared, and the keys of their rows."""

import sqlite3
from contextlib import closing
from typing import NamedTuple

from console.browser.errors import BrowseError
from console.browser.reader import decimals
from console.browser.reader.source import Connection, is_damage
from console.browser.reader.sql_builder import Column, Columns, quoted, reference
from console.browser.reader.wire import Values, Wire

_HIDDEN = {0: "", 1: "hidden", 2: "virtual", 3: "stored"}
_ROWID_NAMES = ("rowid", "_rowid_", "oid")
_SAMPLE = 100


class Entry(NamedTuple):
    """One line of `PRAGMA table_list`."""

    name: str
    kind: str
    without_rowid: bool
    strict: bool
    shadow: bool


class Table(NamedTuple):
    """A table to be read. `keys` are the terms that identify its rows, in the order in which they
    are stored; none for views and virtual tables, whose rows only a scan can number. `scan` is the
    clause that keeps SQLite to that order."""

    name: str
    columns: Columns
    strict: bool
    keys: tuple[str, ...] = ()
    key_kind: str = "result"
    descending: bool = False
    scan: str = ""

    @property
    def source(self) -> str:
        return f"{quoted(self.name)} AS t"

    @property
    def shown(self) -> list[str]:
        """References to the columns in a row."""
        return [column.reference for column in self.columns.in_rows]


class Catalogue:
    """The schema of a file, as one connection sees it now."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tables(self) -> list[Wire]:
        """All tables and views by name, also those that cannot be read."""
        entries = sorted(self._entries().values(), key=lambda entry: entry.name.lower())
        return [self._described(entry) for entry in entries]

    def table(self, name: str) -> Table:
        """Raises `BrowseError` when there is no such table, or it cannot be read."""
        entry = self._entries().get(name)
        if entry is None:
            raise BrowseError(f"there is no table “{name}”", "gone")
        table = Table(name, self._columns(entry), entry.strict)
        if entry.kind != "table":
            return table
        return self._by_primary_key(table) if entry.without_rowid else self._by_rowid(table)

    def sampled(self, table: Table) -> Table:
        """The table with the columns of its rows only; its first and last rows tell which texts
        are decimals."""
        rows, unique = self._sample(table), self._unique(table.name)
        columns = (
            column._replace(
                decimal=decimals.are_decimals([row[index] for row in rows]),
                strict=table.strict,
                unique=column.name in unique,
            )
            for index, column in enumerate(table.columns.in_rows)
        )
        return table._replace(columns=Columns(columns))

    def _entries(self) -> dict[str, Entry]:
        rows = self._connection.rows("PRAGMA table_list")
        entries = (
            Entry(
                str(name),
                "table" if kind == "shadow" else str(kind),
                bool(without_rowid),
                bool(strict),
                kind == "shadow",
            )
            for schema, name, kind, _, without_rowid, strict in rows
            if schema == "main" and not str(name).startswith("sqlite_")
        )
        return {entry.name: entry for entry in entries}

    def _described(self, entry: Entry) -> Wire:
        try:
            columns, problem = self._columns(entry), ""
        except (sqlite3.Error, UnicodeError) as error:
            columns, problem = Columns(), str(error)
        return {
            "name": entry.name,
            "kind": entry.kind,
            "shadow": entry.shadow,
            "columns": [column.wire for column in columns],
            "problem": problem,
        }

    def _columns(self, entry: Entry) -> Columns:
        rows = self._connection.rows(f"PRAGMA table_xinfo({quoted(entry.name)})")
        return Columns(
            Column(str(name), str(declared), int(str(primary)), _HIDDEN[int(str(hidden))])
            for _, name, declared, _, _, primary, hidden in rows
        )

    def _sample(self, table: Table) -> list[Values]:
        columns = ", ".join(table.shown)
        backwards = [f"{term} DESC" for term in table.keys]
        rows: list[Values] = []
        for terms in (table.keys, backwards):
            order = f"ORDER BY {', '.join(terms)} LIMIT {_SAMPLE}"
            try:
                rows += self._first_bytes(f"SELECT {columns} FROM {table.source} {order}")  # noqa: S608
            except sqlite3.DatabaseError as error:
                # What is damaged shows when it is looked at.
                if not is_damage(error):
                    raise
        return rows

    def _first_bytes(self, sql: str) -> list[Values]:
        """Rows of a result as far as its first half MiB: cells may be huge."""
        rows: list[Values] = []
        left = 1 << 19
        with closing(self._connection.each(sql)) as each:
            for row in each:
                rows.append(row)
                left -= sum(len(value) for value in row if isinstance(value, str | bytes))
                if left < 0:
                    break
        return rows

    def _indexes(self, name: str) -> list[Values]:
        return self._connection.rows(f"PRAGMA index_list({quoted(name)})")

    def _unique(self, name: str) -> set[str]:
        """Columns of which no two rows have the same value, by an index on them alone."""
        unique = set()
        for _, index, is_unique, _, partial in self._indexes(name):
            if is_unique and not partial:
                parts = self._connection.rows(f"PRAGMA index_info({quoted(str(index))})")
                unique |= {str(column) for _, _, column in parts} if len(parts) == 1 else set()
        return unique

    def _primary_index(self, name: str) -> str | None:
        primary = (index for _, index, _, origin, _ in self._indexes(name) if origin == "pk")
        return next((quoted(str(index)) for index in primary), None)

    def _by_rowid(self, table: Table) -> Table:
        taken = {column.name.lower() for column in table.columns}
        free = [name for name in _ROWID_NAMES if name not in taken]
        names = self._rowid_aliases(table) + free
        if not names:
            return table
        return table._replace(keys=(reference(names[0]),), key_kind="rowid", scan="NOT INDEXED")

    def _rowid_aliases(self, table: Table) -> list[str]:
        """The column that is the rowid by another name, if there is one."""
        primary = [column for column in table.columns if column.primary]
        is_alias = len(primary) == 1 and primary[0].type.upper() == "INTEGER"
        return [primary[0].name] if is_alias and not self._primary_index(table.name) else []

    def _by_primary_key(self, table: Table) -> Table:
        index = self._primary_index(table.name)
        if index is None:
            return table
        parts = self._connection.rows(f"PRAGMA index_xinfo({index})")
        parts = [part for part in parts if part[5]]
        directions = {bool(down) for _, _, _, down, *_ in parts}
        if len(directions) > 1:
            # No comparison of whole keys follows such an order.
            return table
        table = table._replace(descending=directions.pop(), scan=f"INDEXED BY {index}")
        return table._replace(keys=tuple(self._key_terms(table, parts)), key_kind="primary")

    def _key_terms(self, table: Table, parts: list[Values]) -> list[str]:
        """The columns of an index, with its collations where it compares texts in another way than
        they do: a plan has to sort then."""
        terms = [reference(str(column)) for _, _, column, *_ in parts]
        order = ", ".join(terms)
        plan = self._connection.plan(
            f"SELECT 1 FROM {table.source} {table.scan} ORDER BY {order}"  # noqa: S608
        )
        if "TEMP B-TREE" not in plan and len(set(terms)) == len(terms):
            return terms
        collations = [quoted(str(collation)) for *_, collation, _ in parts]
        return [f"{term} COLLATE {name}" for term, name in zip(terms, collations, strict=True)]
