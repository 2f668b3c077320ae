"""Parquet files, where pyarrow is installed. No stored digit is lost: a column that holds more than
one kind of value is written as text."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from console.browser.errors import BrowseError
from console.browser.reader.sql_builder import Columns, distinct
from console.browser.reader.wire import Rows, Stored, Values, plain, shown

ROWS, CHARACTERS = 20_000, 32 * 1024 * 1024
_DECLARED: dict[str, type] = {
    "INT": int,
    "INTEGER": int,
    "REAL": float,
    "TEXT": str,
    "BLOB": bytes,
}


def write_parquet(part: Path, columns: Columns, rows: Rows, strict: bool) -> None:
    """Integers as int64, reals as float64, blobs as binary, all else as strings.

    A STRICT table declares the types of its columns; other rows are read once more for them.
    """
    pyarrow, parquet = _library()
    kinds = _declared(columns) if strict else None
    kinds = kinds or _stored(len(columns), rows())
    types = {
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        str: pyarrow.string(),
        bytes: pyarrow.binary(),
    }
    names = distinct(shown(column.name) for column in columns)
    schema = pyarrow.schema(list(zip(names, [types[kind] for kind in kinds], strict=True)))
    try:
        with parquet.ParquetWriter(part, schema) as writer:
            for batch in _batches(rows()):
                values = zip(*batch, strict=True)
                arrays = [
                    pyarrow.array([_converted(value, kind) for value in column], types[kind])
                    for column, kind in zip(values, kinds, strict=True)
                ]
                writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        message = "the rows changed while they were written: export them again"
        raise BrowseError(message) from error


def _library() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        message = "Parquet needs pyarrow: pip install 'cycledeck[parquet]'"
        raise BrowseError(message, "optional") from None


def _declared(columns: Columns) -> list[type] | None:
    types = [column.type.upper() for column in columns]
    return [_DECLARED[name] for name in types] if set(types) <= set(_DECLARED) else None


def _stored(width: int, rows: Iterable[Values]) -> list[type]:
    """The one type of each column's values; text where there are several."""
    kinds: list[set[type]] = [set() for _ in range(width)]
    for batch in _batches(rows):
        for seen, column in zip(kinds, zip(*batch, strict=True), strict=True):
            seen.update(map(type, column))
    kinds = [seen - {type(None)} for seen in kinds]
    return [seen.pop() if len(seen) == 1 else str for seen in kinds]


def _batches(rows: Iterable[Values]) -> Iterator[list[Values]]:
    """Rows by the thousand, but fewer of large ones."""
    batch: list[Values] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(batch) == ROWS or size >= CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _converted(value: Stored, kind: type) -> Stored:
    if value is None or kind is not str:
        return value
    written = plain(value)
    return written if isinstance(written, str) else repr(written)
