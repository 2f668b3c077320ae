"""What the reading process sends, as the objects the screen works with."""

from typing import Any

from console.browser.model import Cell, ColumnInfo, Count, Key, Progress, Row, TableInfo
from console.browser.reader.wire import key_parts, key_values

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


def row(kind: Any, sent: list[Any]) -> Row:
    parts, cells = sent
    return Row(key(kind, parts), () if cells is None else tuple(map(cell, cells)))


def key(kind: Any, parts: list[Any]) -> Key:
    return Key(kind, key_values(parts))


def sent_key(asked: Key) -> list[Any]:
    """A key as the reading process takes it."""
    return key_parts(asked.parts)


def column(sent: dict[str, Any]) -> ColumnInfo:
    known = {name: sent[name] for name in ColumnInfo.__dataclass_fields__ if name in sent}
    return ColumnInfo(**known)


def table(sent: dict[str, Any]) -> TableInfo:
    return TableInfo(**{**sent, "columns": tuple(map(column, sent["columns"]))})


def count(sent: dict[str, Any]) -> Count:
    return Count(**sent)


def progress(sent: dict[str, Any]) -> Progress:
    return Progress(**sent)
