"""Links from a cell to rows of other tables: a fill to its cycle, a cycle to its orders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from console.browser.model import Cell, Row, TableInfo


def _named(column: str, *tables: str) -> tuple[tuple[str, str], ...]:
    """The column of that name in each of the tables."""
    return tuple((table, column) for table in tables)


_ONE_CYCLE: Final = _named("cycle_id", "cycles", "cycle_metrics", "ledger_commits")
_CYCLE: Final = (
    *_ONE_CYCLE,
    *_named("cycle_id", "ledger_events", "orders", "applied_fills", "cycle_inputs"),
)
_EVENT: Final = _named("event_id", "ledger_events", "conflicts")
_FILL: Final = (("applied_fills", "fill_id"), ("ledger_events", "exchange_trade_id"))
_RULES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "cycle_id": _CYCLE,
    "replay_of": _ONE_CYCLE,
    "applied_cycle_id": _ONE_CYCLE,
    "canceled_cycle_id": _ONE_CYCLE,
    "event_id": _EVENT,
    "last_event_id": _EVENT,
    "fill_id": _FILL,
    "exchange_trade_id": _FILL,
    "last_trade_id": _FILL,
    "exchange_order_id": _named("exchange_order_id", "orders", "ledger_events"),
    "client_order_id": _named("client_order_id", "orders", "ledger_events"),
    "commit_seq": _named("commit_seq", "ledger_commits", "position_history"),
    "first_seq": _named("seq", "ledger_events"),
    "last_seq": _named("seq", "ledger_events"),
    "symbol": _named("symbol", "stage4_positions", "ledger_events", "orders"),
}
# Columns whose value hardly ever leads to a row but the one it was read from.
_ALONE: Final = {*_EVENT, ("ledger_commits", "cycle_id")}
# Names that the keys of many tables have.
_COMMON: Final = {"id", "key", "name", "rowid", "seq"}


@dataclass(frozen=True, slots=True)
class Link:
    """The rows of `table` where `column` is `value`."""

    table: str
    column: str
    value: str


def links(
    tables: Sequence[TableInfo], table: TableInfo | None, column: str, cell: Cell
) -> tuple[Link, ...]:
    """The links of a cell to tables of this file, by the column's name."""
    if cell.kind in ("null", "blob") or not cell.text or cell.cut:
        return ()
    by_name = {table.name: table for table in tables}
    targets = dict.fromkeys((*_RULES.get(column, ()), *_same_key(tables, column)))
    return tuple(
        Link(name, target, cell.text)
        for name, target in targets
        if name in by_name and _has(by_name[name], target)
        if not _is_itself(table, column, name, target)
    )


def cycle_of(columns: Sequence[str], row: Row) -> int | None:
    """The cycle that a row belongs to."""
    if row.gone or "cycle_id" not in columns:
        return None
    cell = row.cells[columns.index("cycle_id")]
    return int(cell.text) if cell.kind == "integer" else None


def _same_key(tables: Sequence[TableInfo], column: str) -> Iterator[tuple[str, str]]:
    """Tables whose whole primary key has the column's name."""
    if column in _COMMON:
        return
    for table in tables:
        if table.primary_key == [column]:
            yield table.name, column


def _has(table: TableInfo, name: str) -> bool:
    return not table.problem and any(column.name == name for column in table.columns)


def _is_itself(table: TableInfo | None, column: str, name: str, target: str) -> bool:
    """Whether a link leads back to its own row, by that row's key."""
    if table is None or (table.name, column) != (name, target):
        return False
    return table.primary_key == [column] or (name, column) in _ALONE
