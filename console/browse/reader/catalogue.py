"""What tables and views there are, how their columns are declared, and how their rows are found."""

import sqlite3
from contextlib import closing
from typing import Any, NamedTuple

from console.browse.errors import BrowseError
from console.browse.reader import decimals
from console.browse.reader.language import Column, quoted
from console.browse.reader.source import Connection, is_damage
from console.browse.reader.values import Values, Wire

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
        return quoted(self.name)

    @property
    def shown(self) -> list[str]:
        """References to the columns in a row, without the hidden ones of virtual tables."""
        return [quoted(column["name"]) for column in self.columns if column["hidden"] != "hidden"]


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


def sampled(table: Table, connection: Connection) -> tuple[list[Wire], list[Column]]:
    """The columns in a row, with what the first and last rows tell about decimals in texts."""
    rows = _sample(table, connection) if table.keys else []
    wires, columns = [], []
    shown = [column for column in table.columns if column["hidden"] != "hidden"]
    for index, wire in enumerate(shown):
        decimal, fractions = judged([row[index] for row in rows])
        wires.append({**wire, "decimal": decimal})
        columns.append(
            Column(
                wire["name"], quoted(wire["name"]), wire["type"], table.strict, decimal, fractions
            )
        )
    return wires, columns


def judged(values: list[Any]) -> tuple[bool, bool]:
    """Whether all texts among the values are decimals, and whether some have a fraction."""
    texts = [value for value in values if value is not None]
    if not texts or not all(isinstance(text, str) and decimals.is_decimal(text) for text in texts):
        return False, False
    return True, any("." in text for text in texts)


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
    return {**entry._asdict(), "columns": columns, "problem": problem}


def _columns(connection: Connection, entry: Listed) -> list[Wire]:
    indexes = connection.rows(f"PRAGMA index_list({quoted(entry.name)})")
    indexed = _indexed(connection, indexes)
    found = connection.rows(f"PRAGMA table_xinfo({quoted(entry.name)})")
    has_key_index = any(origin == "pk" for _, _, _, origin, _ in indexes)
    alias = "" if has_key_index else _rowid_alias(found)
    return [
        {
            "name": column,
            "type": declared,
            "not_null": bool(not_null),
            "primary": primary,
            "hidden": _HIDDEN[int(str(hidden))],
            "indexed": column in indexed or column == alias,
            "rowid": column == alias,
        }
        for _, column, declared, not_null, _, primary, hidden in found
    ]


def _rowid_alias(columns: list[Values]) -> str:
    """The column that is the rowid by another name, or ""."""
    primary = [(str(name), str(declared)) for _, name, declared, _, _, key, _ in columns if key]
    return primary[0][0] if len(primary) == 1 and primary[0][1].upper() == "INTEGER" else ""


def _indexed(connection: Connection, indexes: list[Values]) -> set[str]:
    """Columns with which an index on all rows starts."""
    leading = set()
    for _, index, _, _, partial in indexes:
        first = None if partial else connection.first(f"PRAGMA index_info({quoted(str(index))})")
        leading |= {str(first[2])} if first else set()
    return leading


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
    alias = [quoted(column["name"]) for column in columns if column["rowid"]]
    names = alias + free
    return _Keys((names[0],), "rowid", False, "NOT INDEXED") if names else _Keys()


def _primary_keys(connection: Connection, entry: Listed) -> _Keys:
    for _, index, _, origin, _ in connection.rows(f"PRAGMA index_list({quoted(entry.name)})"):
        if origin == "pk":
            name = quoted(str(index))
            parts = connection.rows(f"PRAGMA index_xinfo({name})")
            keys = [
                (quoted(str(column)), bool(down)) for _, _, column, down, _, key in parts if key
            ]
            directions = {down for _, down in keys}
            if len(directions) == 1:
                terms = tuple(column for column, _ in keys)
                return _Keys(terms, "primary", directions.pop(), f"INDEXED BY {name}")
    # Columns that run in different directions: no comparison of whole keys follows that order.
    return _Keys()
