"""What tables and views there are, how their columns are declared, and how their rows are found."""

import sqlite3
from contextlib import closing
from typing import Any, NamedTuple

from console.browser.errors import BrowseError
from console.browser.reader import decimals
from console.browser.reader.source import Connection, is_damage
from console.browser.reader.sql_builder import Column, Sql, quoted, reference
from console.browser.reader.wire import Values, Wire

_HIDDEN = {0: "", 1: "hidden", 2: "virtual", 3: "stored"}
_ROWID_NAMES = ("rowid", "_rowid_", "oid")
_SAMPLE = 100


class Listed(NamedTuple):
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
    columns: list[Wire]
    keys: tuple[str, ...]
    key_kind: str
    descending: bool
    scan: str
    strict: bool

    @property
    def source(self) -> str:
        return f"{quoted(self.name)} AS t"

    @property
    def shown(self) -> list[str]:
        """References to the columns in a row, without the hidden ones of virtual tables."""
        return [
            reference(column["name"]) for column in self.columns if column["hidden"] != "hidden"
        ]


def tables(connection: Connection) -> list[Wire]:
    """All tables and views by name, also those that cannot be read."""
    found = sorted(listed(connection).values(), key=lambda entry: entry.name.lower())
    return [_described(connection, entry) for entry in found]


def listed(connection: Connection) -> dict[str, Listed]:
    entries = {}
    for schema, name, kind, _, without_rowid, strict in connection.rows("PRAGMA table_list"):
        if schema == "main" and not str(name).startswith("sqlite_"):
            readable = "table" if kind == "shadow" else str(kind)
            shadow = kind == "shadow"
            entries[str(name)] = Listed(
                str(name), readable, bool(without_rowid), bool(strict), shadow
            )
    return entries


def table(connection: Connection, name: str) -> Table:
    """Raises `BrowseError` when there is no such table, or it cannot be read."""
    entry = listed(connection).get(name)
    if entry is None:
        raise BrowseError(f"there is no table “{name}”", "gone")
    columns = _columns(connection, entry)
    keys = _keys(connection, entry, columns)
    return Table(name, columns, *keys, entry.strict)


def plan(connection: Connection, statement: Sql) -> str:
    """How SQLite would go about it, line by line."""
    rows = connection.rows(f"EXPLAIN QUERY PLAN {statement.text}", statement.values)
    return "\n".join(str(row[3]) for row in rows)


def sampled(table: Table, connection: Connection) -> tuple[list[Wire], list[Column]]:
    """The columns in a row, with what the first and last rows tell about decimals in texts."""
    rows = _sample(table, connection) if table.keys else []
    unique = _unique(connection, table)
    wires, columns = [], []
    shown = [column for column in table.columns if column["hidden"] != "hidden"]
    for index, wire in enumerate(shown):
        name, declared = wire["name"], wire["type"]
        decimal = judged([row[index] for row in rows])
        wires.append({**wire, "decimal": decimal})
        columns.append(
            Column(name, reference(name), declared, table.strict, decimal, name in unique)
        )
    return wires, columns


def judged(values: list[Any]) -> bool:
    """Whether all texts among the values are decimals, and nothing else is there."""
    texts = [value for value in values if value is not None]
    return bool(texts) and all(
        isinstance(text, str) and decimals.is_decimal(text) for text in texts
    )


def _sample(table: Table, connection: Connection) -> list[Values]:
    columns = ", ".join(table.shown)
    backwards = [f"{term} DESC" for term in table.keys]
    rows: list[Values] = []
    for terms in (table.keys, backwards):
        sql = f"SELECT {columns} FROM {table.source} ORDER BY {', '.join(terms)} LIMIT {_SAMPLE}"  # noqa: S608
        try:
            rows += _first_bytes(connection, sql)
        except sqlite3.DatabaseError as error:
            # What is damaged shows when it is looked at.
            if not is_damage(error):
                raise
    return rows


def _first_bytes(connection: Connection, sql: str) -> list[Values]:
    """Rows of a result as far as its first half MiB: cells may be huge."""
    rows, left = [], 1 << 19
    with closing(connection.each(sql)) as found:
        for row in found:
            rows.append(row)
            left -= sum(len(value) for value in row if isinstance(value, str | bytes))
            if left < 0:
                break
    return rows


def _described(connection: Connection, entry: Listed) -> Wire:
    try:
        columns, problem = _columns(connection, entry), ""
    except (sqlite3.Error, UnicodeError) as error:
        columns, problem = [], str(error)
    return {
        "name": entry.name,
        "kind": entry.kind,
        "shadow": entry.shadow,
        "columns": columns,
        "problem": problem,
    }


def _columns(connection: Connection, entry: Listed) -> list[Wire]:
    indexes = connection.rows(f"PRAGMA index_list({quoted(entry.name)})")
    found = connection.rows(f"PRAGMA table_xinfo({quoted(entry.name)})")
    has_key_index = any(origin == "pk" for _, _, _, origin, _ in indexes)
    alias = None if has_key_index else _rowid_alias(found)
    return [
        {
            "name": column,
            "type": declared,
            "primary": primary,
            "hidden": _HIDDEN[int(str(hidden))],
            "rowid": column == alias,
        }
        for _, column, declared, _, _, primary, hidden in found
    ]


def _rowid_alias(columns: list[Values]) -> str | None:
    """The column that is the rowid by another name, if there is one."""
    primary = [(str(name), str(declared)) for _, name, declared, _, _, key, _ in columns if key]
    return primary[0][0] if len(primary) == 1 and primary[0][1].upper() == "INTEGER" else None


def _unique(connection: Connection, table: Table) -> set[str]:
    """Columns of which no two rows have the same value, by an index on them alone."""
    found = set()
    for _, index, unique, _, partial in connection.rows(f"PRAGMA index_list({quoted(table.name)})"):
        if unique and not partial:
            parts = connection.rows(f"PRAGMA index_info({quoted(str(index))})")
            found |= {str(name) for _, _, name in parts} if len(parts) == 1 else set()
    return found


class _Keys(NamedTuple):
    terms: tuple[str, ...] = ()
    kind: str = "result"
    descending: bool = False
    scan: str = ""


def _keys(connection: Connection, entry: Listed, columns: list[Wire]) -> _Keys:
    if entry.kind != "table":
        return _Keys()
    if entry.without_rowid:
        return _primary_keys(connection, entry)
    taken = {column["name"].lower() for column in columns}
    free = [name for name in _ROWID_NAMES if name not in taken]
    alias = [column["name"] for column in columns if column["rowid"]]
    names = alias + free
    return _Keys((reference(names[0]),), "rowid", False, "NOT INDEXED") if names else _Keys()


def _primary_keys(connection: Connection, entry: Listed) -> _Keys:
    for _, index, _, origin, _ in connection.rows(f"PRAGMA index_list({quoted(entry.name)})"):
        if origin == "pk":
            return _keys_of_index(connection, entry, quoted(str(index)))
    return _Keys()


def _keys_of_index(connection: Connection, entry: Listed, index: str) -> _Keys:
    parts = [part for part in connection.rows(f"PRAGMA index_xinfo({index})") if part[5]]
    directions = {bool(down) for _, _, _, down, *_ in parts}
    if len(directions) > 1:
        # No comparison of whole keys follows such an order.
        return _Keys()
    scan = f"INDEXED BY {index}"
    terms = [reference(str(column)) for _, _, column, *_ in parts]
    if not _stand_so(connection, entry, scan, terms):
        collations = [quoted(str(collation)) for *_, collation, _ in parts]
        terms = [f"{term} COLLATE {name}" for term, name in zip(terms, collations, strict=True)]
    return _Keys(tuple(terms), "primary", directions.pop(), scan)


def _stand_so(connection: Connection, entry: Listed, scan: str, terms: list[str]) -> bool:
    """Whether rows in the order of an index are in that of its columns: it may compare texts in
    another way than they do."""
    source = f"{quoted(entry.name)} AS t {scan}"
    statement = Sql(f"SELECT 1 FROM {source} ORDER BY {', '.join(terms)}")  # noqa: S608
    is_sorted = "TEMP B-TREE" not in plan(connection, statement)
    return is_sorted and len(set(terms)) == len(terms)
