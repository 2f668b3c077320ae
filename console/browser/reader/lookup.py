"""Rows by what an operator types: a primary key or a rowid."""

import re

from console.browser.reader.catalogue import Table
from console.browser.reader.source import Connection
from console.browser.reader.sql_builder import INTEGERS, Column, Sql
from console.browser.reader.wire import Values

_INTEGER = re.compile("-?[0-9]{1,19}")
_VALUE = re.compile(r"\s*'((?:[^']|'')*)'\s*(?:,|\Z)|([^,]*)(?:,|\Z)")


class KeyLookup:
    """The keys of one table, by their text."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def key(self, connection: Connection, text: str) -> Values | None:
        """The key of the first row with this primary key, of which the values stand between commas
        (the last ones may be left out), or with this rowid. Quotes keep the blanks of a value."""
        primary, table = self._primary(), self._table
        key = self._first(connection, _with_primary(primary, text)) if primary else None
        text = text.strip()
        is_rowid = _INTEGER.fullmatch(text) is not None and int(text) in INTEGERS
        if key is None and table.key_kind == "rowid" and is_rowid:
            return self._first(connection, Sql(f"{table.keys[0]} = ?", (int(text),)))
        return key

    def _primary(self) -> list[Column]:
        columns = [self._as_in_key(column) for column in self._table.columns if column.primary]
        return sorted(columns, key=lambda column: column.primary)

    def _as_in_key(self, column: Column) -> Column:
        """The column as the index of the key compares it."""
        name = column.reference
        terms = (term for term in self._table.keys if term.startswith(f"{name} COLLATE "))
        return column._replace(collation=next(terms, name).removeprefix(name))

    def _first(self, connection: Connection, where: Sql) -> Values | None:
        table = self._table
        order = ", ".join(f"{term}{' DESC' if table.descending else ''}" for term in table.keys)
        sql = f"SELECT {', '.join(table.keys)} FROM {table.source}{where.where}"  # noqa: S608
        return connection.first(f"{sql} ORDER BY {order} LIMIT 1", where.values)


def _with_primary(primary: list[Column], text: str) -> Sql:
    where = Sql("")
    for column, operands in zip(primary, _typed(text, len(primary)), strict=False):
        where = where.also(column.shown_as(operands))
    return where


def _typed(text: str, number: int) -> list[list[str]]:
    """The values typed for so many columns, each in all ways it may be meant. The rest, for the
    last column, may have commas of its own."""
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
