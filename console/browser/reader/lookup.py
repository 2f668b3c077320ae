"""Rows by what an operator types: a primary key or a rowid."""

import re

from console.browser.reader.catalogue import Table
from console.browser.reader.source import Connection
from console.browser.reader.sql_builder import INTEGERS, Column, Sql, shown_as
from console.browser.reader.wire import Values

_INTEGER = re.compile("-?[0-9]{1,19}")
_VALUE = re.compile(r"\s*'((?:[^']|'')*)'\s*(?:,|\Z)|([^,]*)(?:,|\Z)")


def key_of(connection: Connection, table: Table, columns: list[Column], text: str) -> Values | None:
    """The key of the first row with this primary key, of which the values stand between commas
    (the last ones may be left out), or with this rowid. Quotes keep the blanks of a value."""
    primary = _primary(table, columns)
    key = _first(connection, table, _with_primary(primary, text)) if primary else None
    if key is None and table.key_kind == "rowid" and _is_rowid(text.strip()):
        return _first(connection, table, Sql(f"{table.keys[0]} = ?", (int(text),)))
    return key


def _primary(table: Table, columns: list[Column]) -> list[Column]:
    places = {column["name"]: column["primary"] for column in table.columns if column["primary"]}
    primary = [_as_in_key(table, column) for column in columns if column.name in places]
    return sorted(primary, key=lambda column: places[column.name])


def _as_in_key(table: Table, column: Column) -> Column:
    """The column as the index of the key compares it."""
    collated = f"{column.reference} COLLATE "
    term = next((term for term in table.keys if term.startswith(collated)), column.reference)
    return column._replace(reference=term)


def _with_primary(primary: list[Column], text: str) -> Sql:
    found = Sql("")
    for column, operands in zip(primary, _typed(text, len(primary)), strict=False):
        found = found.also(shown_as(column, operands))
    return found


def _typed(text: str, number: int) -> list[list[str]]:
    """What is typed for each of so many columns, in all ways it may be meant. What is left for the
    last one may have commas of its own."""
    typed: list[list[str]] = []
    while len(typed) < number:
        value = _VALUE.match(text)
        assert value is not None  # noqa: S101 - it matches anything
        last = len(typed) == number - 1 and value[1] is None
        plain = text if last else value[2]
        typed.append(
            [value[1].replace("''", "'")] if value[1] is not None else [plain.strip(), plain]
        )
        if value.end() == len(text) and not value[0].endswith(","):
            return typed
        text = text[value.end() :]
    return typed


def _first(connection: Connection, table: Table, where: Sql) -> Values | None:
    order = ", ".join(f"{term}{' DESC' if table.descending else ''}" for term in table.keys)
    sql = f"SELECT {', '.join(table.keys)} FROM {table.source}{where.where}"  # noqa: S608
    return connection.first(f"{sql} ORDER BY {order} LIMIT 1", where.values)


def _is_rowid(text: str) -> bool:
    return _INTEGER.fullmatch(text) is not None and int(text) in INTEGERS
