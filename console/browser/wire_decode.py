"""Rows, cells and tables for the screen, from the JSON of the reading process."""

from typing import Any

from console.browser.model import Cell, ColumnInfo, Key, KeyKind, Row, TableInfo
from console.browser.reader.wire import key_values

NULL = Cell("null")


def cell(sent: Any) -> Cell:
    if sent is None:
        return NULL
    if isinstance(sent, str):
        return Cell("text", sent)
    if isinstance(sent, int):
        return Cell("integer", str(sent))
    if "text" in sent:
        return Cell("text", sent["text"], sent["length"])
    if "real" in sent:
        return Cell("real", sent["real"])
    return Cell("blob", sent["blob"], sent["length"])


def row(kind: KeyKind, sent: list[Any]) -> Row:
    parts, cells = sent
    return Row(Key(kind, key_values(parts)), () if cells is None else tuple(map(cell, cells)))


def columns(sent: list[dict[str, Any]]) -> tuple[ColumnInfo, ...]:
    return tuple(ColumnInfo(**column) for column in sent)


def table(sent: dict[str, Any]) -> TableInfo:
    return TableInfo(**{**sent, "columns": columns(sent["columns"])})
