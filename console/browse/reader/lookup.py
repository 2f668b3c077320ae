"""Rows by what an operator types: a primary key or a rowid."""

import re

from console.browse.reader.catalogue import Table
from console.browse.reader.language import Column, condition, quoted
from console.browse.reader.source import Connection
from console.browse.reader.values import Values

_INTEGER = re.compile("-?[0-9]{1,19}")


def key_of(connection: Connection, table: Table, columns: list[Column], text: str) -> Values | None:
    """The key of the first row with this primary key, of which the values stand between commas
    (the last ones may be left out), or with this rowid."""
    primary = _primary(table, columns)
    key = _with_primary(connection, table, primary, text.strip()) if primary else None
    if key is None and table.key_kind == "rowid" and _is_rowid(text.strip()):
        where = f"{table.keys[0]} = ?"
        return _first(connection, table, where, (int(text),))
    return key


def _primary(table: Table, columns: list[Column]) -> list[Column]:
    places = {column["name"]: column["primary"] for column in table.columns if column["primary"]}
    primary = [column for column in columns if column.name in places]
    # Amounts are compared as they are written here: it is a key that is looked for.
    exact = [column._replace(fractions=False) for column in primary]
    return sorted(exact, key=lambda column: places[column.name])


def _with_primary(
    connection: Connection, table: Table, primary: list[Column], text: str
) -> Values | None:
    typed = [part.strip() for part in text.split(",", len(primary) - 1)]
    parts = [condition(column, "=", value) for column, value in zip(primary, typed, strict=False)]
    where = " AND ".join(f"({part.text})" for part in parts)
    return _first(connection, table, where, tuple(v for part in parts for v in part.values))


def _first(connection: Connection, table: Table, where: str, values: Values) -> Values | None:
    order = ", ".join(f"{term}{' DESC' if table.descending else ''}" for term in table.keys)
    sql = f"SELECT {', '.join(table.keys)} FROM {quoted(table.name)} WHERE {where}"  # noqa: S608
    return connection.first(f"{sql} ORDER BY {order} LIMIT 1", values)


def _is_rowid(text: str) -> bool:
    return _INTEGER.fullmatch(text) is not None and abs(int(text)) < 1 << 63
