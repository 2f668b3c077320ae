"""The growth of a ledger's file: by table a day, and the month to come at today's rate.

Estimated from the newest rows and from how many there were in a day: no table is read whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.clock import DAY_MS
from engine.cycles.results import Frozen
from engine.store.tx import Row, Tx

# The newest so many cycles, commits or rows are looked at.
SAMPLE = 200
MONTH_DAYS = 30
# Of less than that no rate is said.
LEAST_CYCLES = 20
LEAST_MS = 3_600_000
# A cell's own bytes: its place in the page, its length, its row's number, its header's length.
CELL = 8
# The tables that cycles, commits and events add to, and the statements that read the newest rows.
OF_CYCLES = {
    "cycles": "growth_cycles", "cycle_metrics": "growth_cycle_metrics",
    "cycle_inputs": "growth_cycle_inputs", "orders": "growth_orders",
}  # fmt: skip
OF_COMMITS = {
    "position_history": "growth_position_history",
    "balance_history": "growth_balance_history",
}
OF_EVENTS = {
    "ledger_events": ("growth_ledger_events", "inserted"),
    "applied_fills": ("growth_applied_fills", "fills_count"),
}
INDEXED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "cycle_inputs": (("cycle_id", "symbol"),),
    "input_items": (("symbol", "day", "digest", "number"), ("day", "symbol", "number")),
    "ledger_commits": (("cycle_id",),),
    "ledger_events": (("event_id",), ("symbol", "ts")),
    "orders": (("client_order_id",), ("cycle_id",), ("exchange_order_id",)),
}


class LedgerGrowth(Frozen):
    """The bytes that the ledger's file grows by at today's rate: `per_day` by table, the largest
    first, and in the `month` to come, of which so many stay (`month_stays`).

    The others go again: idle cycles and evidence, after `keep_idle_cycles` and `keep_inputs`.
    `span_ms` is how much of the last day there is to tell from.
    """

    span_ms: int
    per_day: dict[str, int]
    month: int
    month_stays: int


@dataclass(frozen=True, slots=True)
class Window:
    """The last day, as far as there are cycles: from `first` to `last`, and its commits."""

    first: int
    last: int
    span_ms: int
    last_commit: int
    commits: int

    @property
    def cycles(self) -> int:
        return self.last - self.first + 1

    def a_day(self, figure: float) -> int:
        return round(figure * DAY_MS / self.span_ms)


def read_growth(tx: Tx) -> LedgerGrowth | None:
    """The growth; null where too little is known of it."""
    window = _window(tx)
    if window is None:
        return None
    sizes = {table: window.a_day(size) for table, size in _in_window(tx, window)}
    sizes["input_items"] = _items_a_day(tx)
    stays = {table: size - _goes_again(tx, table, size) for table, size in sizes.items()}
    largest = sorted(((size, table) for table, size in sizes.items() if size), reverse=True)
    return LedgerGrowth(
        span_ms=window.span_ms,
        per_day={table: size for size, table in largest},
        month=MONTH_DAYS * sum(sizes.values()),
        month_stays=MONTH_DAYS * sum(stays.values()),
    )


def _window(tx: Tx) -> Window | None:
    last = tx.one("growth_last_cycle")
    if last is None:
        return None
    first = _first_since(tx, last[1] - DAY_MS, last[0])
    span_ms, last_commit = last[1] - first[1], tx.value("commit_last") or 0
    if last[0] - first[0] + 1 < LEAST_CYCLES or not LEAST_MS <= span_ms <= DAY_MS:
        return None
    before = tx.value("history_commit_before", cycle_id=first[0]) or 0
    return Window(first[0], last[0], span_ms, last_commit, last_commit - before)


def _first_since(tx: Tx, since_ms: int, last: int) -> Row:
    """The first cycle since a time, by halves: later cycles began later, but for a clock that
    jumped."""
    low, high = 1, last
    while low < high:
        middle = (low + high) // 2
        cycle_id, started_ms = _cycle_from(tx, middle)
        if started_ms >= since_ms:
            high = middle
        else:
            low = cycle_id + 1
    return _cycle_from(tx, low)


def _cycle_from(tx: Tx, cycle_id: int) -> Row:
    """The cycle of that number, or the next one that is kept; the last one is."""
    return tx.one("growth_cycle", cycle_id=cycle_id) or (cycle_id, 0)


def _in_window(tx: Tx, window: Window) -> Iterable[tuple[str, float]]:
    """Each table's bytes in the window: of a cycle or a commit, by how many there were."""
    since = max(window.first, window.last - SAMPLE + 1)
    looked_at = window.last - since + 1
    for table, statement in OF_CYCLES.items():
        rows = tx.named(statement, since=since)
        yield table, sum(map(partial(_bytes, table), rows)) * window.cycles / looked_at
    if not window.commits:
        return
    commits = tx.named("growth_ledger_commits", sample=min(SAMPLE, window.commits))
    share = window.commits / len(commits)
    yield "ledger_commits", sum(map(partial(_bytes, "ledger_commits"), commits)) * share
    for table, (statement, counted) in OF_EVENTS.items():
        rows = tx.named(statement, sample=SAMPLE)
        number = sum(commit[counted] for commit in commits)
        yield table, _average(table, rows) * number * share
    for table, statement in OF_COMMITS.items():
        rows = tx.named(statement, after=window.last_commit - len(commits))
        yield table, sum(map(partial(_bytes, table), rows)) * share


def _items_a_day(tx: Tx) -> int:
    """Evidence is stored once a day: what the fuller one of the last two days has."""
    rows = tx.named("growth_input_items", sample=SAMPLE)
    if not rows:
        return 0
    day = max(row["day"] for row in rows)
    number = max(int(tx.value("growth_items_of_day", day=which)) for which in (day - 1, day))
    return round(_average("input_items", rows) * number)


def _goes_again(tx: Tx, table: str, size: int) -> int:
    """The part of a table's growth that retention deletes again."""
    if table in ("cycle_inputs", "input_items"):
        return size
    if table in ("cycles", "cycle_metrics"):
        idle, looked_at = tx.rows("growth_idle_share", sample=SAMPLE)[0]
        return int(size * idle // max(looked_at, 1))
    return 0


def _average(table: str, rows: list[dict[str, Any]]) -> float:
    return sum(map(partial(_bytes, table), rows)) / len(rows) if rows else 0


def _bytes(table: str, row: Mapping[str, Any]) -> int:
    """The bytes of a row in its table and in the indexes of that."""
    size = CELL + len(row) + sum(map(_value_bytes, row.values()))
    for columns in INDEXED.get(table, ()):
        size += CELL + len(columns) + sum(_value_bytes(row[name]) for name in columns)
    return size


def _value_bytes(value: object) -> int:
    """As SQLite stores a value: an integer in as few bytes as it needs."""
    if isinstance(value, int):
        return 0 if value in (0, 1) else min(8, (value.bit_length() + 8) // 8)
    if isinstance(value, float):
        return 8
    text = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return len(text) if isinstance(text, bytes) else 0
