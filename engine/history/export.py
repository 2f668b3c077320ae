"""What the ledger file says, for looking at: status, tables, exports. Needs no lease."""

import json
from collections.abc import Callable
from typing import Any, TextIO

from pydantic import BaseModel, ConfigDict

from engine.csv_rows import csv_writer
from engine.cycles.results import PositionView
from engine.errors import NoSuchItem
from engine.ingest.quarantine import held
from engine.ledger.identity import Identity
from engine.ledger.positions import Positions
from engine.store.lease import read_lease
from engine.store.tx import Tx

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


def read_status(tx: Tx) -> Status:
    lease = read_lease(tx)
    positions = Positions(tx).all()
    return Status(
        ledger=Identity.stored(tx),
        positions={symbol: PositionView.of(position) for symbol, position in positions.items()},
        cursors={row["key"]: row["value_ms"] for row in tx.named("cursors_all")},
        held=tuple(sorted(held(tx))),
        lease=None if lease.holder is None else {n: getattr(lease, n) for n in lease.__slots__},
        last_cycle=_last_cycle(tx),
        counts={name: tx.count(name) for name in tx.column("tables_all")},
    )


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


def _last_cycle(tx: Tx) -> dict[str, Any] | None:
    cycle = tx.record("cycle_last")
    if cycle is None:
        return None
    for name in [name for name in cycle if name.endswith("_json")]:
        cycle[name.removesuffix("_json")] = json.loads(cycle.pop(name))
    return cycle
