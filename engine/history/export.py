"""Tables of the ledger file as streams of CSV or JSON lines."""

import json
from collections.abc import Callable
from typing import Any, TextIO

from engine.csv_rows import csv_writer
from engine.errors import NoSuchItem
from engine.store.tx import Tx

BATCH = 1_000


def export(
    tx: Tx,
    table: str,
    form: str,
    out: TextIO,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Stream a table as `csv` or `jsonl`; returns the number of rows.

    Money stays the text it is stored as; blobs become hex. Raises `NoSuchItem` for an unknown
    table, naming those there are.
    """
    tables = tx.column("tables_all")
    if table not in tables:
        raise NoSuchItem(f"there is no table {table!r}; there are: {', '.join(tables)}")
    total = tx.count(table)
    columns, rows = tx.table(table)
    write = csv_writer(out, columns) if form == "csv" else _jsonl_writer(out, columns)
    done = 0
    for row in rows:
        write([value.hex() if isinstance(value, bytes) else value for value in row])
        done += 1
        if done % BATCH == 0:
            report(done, total)
    report(done, total)
    return done


def _jsonl_writer(out: TextIO, names: list[str]) -> Callable[[list[Any]], object]:
    def write(row: list[Any]) -> None:
        out.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")

    return write
