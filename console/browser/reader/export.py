"""The export of rows as CSV, JSON lines or Parquet, in a file that appears when it is whole."""

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from console.browser.errors import BrowseError
from console.browser.reader.sql_builder import Columns, distinct
from console.browser.reader.wire import Rows, Values, plain, shown

BATCH = 1_000


def write(form: str, part: Path, columns: Columns, rows: Rows, strict: bool) -> None:
    """Write all rows to `part`. `rows` may be read twice: Parquet needs the types of all values.

    Text becomes UTF-8, with escapes for bytes that are not; blobs become hex, but stay binary in
    Parquet; NULL is an empty field of CSV.
    """
    if form == "parquet":
        from console.browser.reader.parquet import write_parquet

        write_parquet(part, columns, rows, strict)
        return
    with part.open("x", encoding="utf-8", newline="") as out:
        writer = _write_csv if form == "csv" else _write_json
        writer(out, columns, rows())
        out.flush()
        os.fsync(out.fileno())


def publish(part: Path, target: Path, overwrite: bool) -> None:
    """Give the finished file its name; an existing file stays unless it may be overwritten."""
    if overwrite:
        part.replace(target)
        return
    try:
        # Unlike a rename, a link never takes the place of a file that came meanwhile.
        target.hardlink_to(part)
    except FileExistsError:
        raise exists(target) from None
    except OSError:
        if target.exists():
            raise exists(target) from None
        part.rename(target)
    else:
        part.unlink()


def exists(target: Path) -> BrowseError:
    return BrowseError(f"{target} exists already: choose another name, or overwrite it", "exists")


def _write_csv(out: TextIO, columns: Columns, rows: Iterable[Values]) -> None:
    from engine.csv_rows import csv_writer

    write_row = csv_writer(out, [shown(column.name) for column in columns])
    for row in rows:
        write_row([plain(value) for value in row])


def _write_json(out: TextIO, columns: Columns, rows: Iterable[Values]) -> None:
    names = distinct(shown(column.name) for column in columns)
    for row in rows:
        values = (_finite(plain(value)) for value in row)
        out.write(json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False) + "\n")


def _finite(value: Any) -> Any:
    """JSON has no infinities."""
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value
