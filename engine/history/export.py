"""What the ledger file says, for looking at: status, tables, exports. Needs no lease."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from pydantic import BaseModel, ConfigDict

from engine.csv_rows import csv_writer
from engine.cycles.results import PositionView
from engine.errors import NoSuchItem
from engine.ingest.quarantine import held
from engine.ledger.positions import read_positions
from engine.store.lease import read_lease
from engine.store.statements import SQL

BATCH = 1_000


class Status(BaseModel):
    """The books as they stand. Cursors in UTC milliseconds; `lease` is null when nobody runs."""

    model_config = ConfigDict(frozen=True)

    ledger: dict[str, str]
    positions: dict[str, PositionView]
    cursors: dict[str, int]
    held: tuple[str, ...]
    lease: dict[str, Any] | None
    last_cycle: dict[str, Any] | None
    counts: dict[str, int]


def read_status(connection: sqlite3.Connection) -> Status:
    lease = read_lease(connection)
    positions = read_positions(connection)
    return Status(
        ledger=dict(connection.execute(SQL["identity_read"]).fetchall()),
        positions={symbol: PositionView.of(position) for symbol, position in positions.items()},
        cursors={row[0]: row[1] for row in connection.execute(SQL["cursors_all"]).fetchall()},
        held=tuple(sorted(held(connection))),
        lease=None if lease.holder is None else {n: getattr(lease, n) for n in lease.__slots__},
        last_cycle=_last_cycle(connection),
        counts={name: _count(connection, name) for name in tables(connection)},
    )


def tables(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute(SQL["tables_all"]).fetchall()]


def export(
    connection: sqlite3.Connection,
    table: str,
    form: str,
    out: TextIO,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Stream a table as `csv` or `jsonl`; returns the number of rows.

    Money stays the text it is stored as; blobs become hex. Raises `NoSuchItem` for an unknown
    table, naming those there are.
    """
    known = tables(connection)
    if table not in known:
        raise NoSuchItem(f"there is no table {table!r}; there are: {', '.join(known)}")
    total = _count(connection, table)
    cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a known table's name
    names = [column[0] for column in cursor.description]
    write = csv_writer(out, names) if form == "csv" else _jsonl_writer(out, names)
    done = 0
    for row in _rows(cursor):
        write(row)
        done += 1
        if done % BATCH == 0:
            report(done, total)
    report(done, total)
    return done


def _rows(cursor: sqlite3.Cursor) -> Iterator[list[Any]]:
    while batch := cursor.fetchmany(BATCH):
        for row in batch:
            yield [value.hex() if isinstance(value, bytes) else value for value in row]


def _jsonl_writer(out: TextIO, names: list[str]) -> Callable[[list[Any]], object]:
    def write(row: list[Any]) -> None:
        out.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")

    return write


def _last_cycle(connection: sqlite3.Connection) -> dict[str, Any] | None:
    cursor = connection.execute(SQL["cycle_last"])
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    if not rows:
        return None
    cycle = dict(zip(names, rows[0], strict=True))
    for name in [name for name in names if name.endswith("_json")]:
        cycle[name.removesuffix("_json")] = json.loads(cycle.pop(name))
    return cycle


def _count(connection: sqlite3.Connection, table: str) -> int:
    statement = f'SELECT count(*) FROM "{table}"'  # noqa: S608 - a known table's name
    return int(connection.execute(statement).fetchall()[0][0])
