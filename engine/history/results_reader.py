"""Cycles' results read back from the ledger file, equal to the published ones but for these:

- `timings_ms` lacks `tx2`: that step writes them, so it cannot say how long it took.
- A cycle that committed nothing has the positions before it, not none.
- Metrics count that were rebuilt later, and orders whose fate became clear later.
"""

import json
from dataclasses import dataclass
from typing import Any

from engine.cycles.idle import no_longer_kept
from engine.cycles.results import (
    CycleResult,
    CycleStatus,
    Frozen,
    Kind,
    Notice,
    PositionView,
    balance_views,
    views,
)
from engine.errors import NoSuchCycle
from engine.ledger.accounting import read_money_json
from engine.ledger.balances import StoredBalances
from engine.ledger.books import read_oversold
from engine.ledger.cursors import read_cursors
from engine.ledger.positions import Positions
from engine.store.lease import LeaseRow
from engine.store.tx import Tx
from engine.text import storable

Row = dict[str, Any]

# How many commits back a cursor's last move is looked for; nearly always one or two will do.
REACH = 10_000

# SQLite's largest integer: no row has it as its number.
BEYOND = 2**63 - 1

_UNRECORDED = Notice(
    step="tx2",
    type="Unrecorded",
    message="how the cycle ended is not recorded: what it committed is all that is known",
)
_UNRECORDED_JSON = json.dumps([_UNRECORDED.model_dump()])


class CycleFilter(Frozen):
    """Conditions on cycles: empty, all that ended; `running` among `statuses` adds the others.

    `trouble` selects cycles with errors, warnings or conflicts, or without a commit; `text` is
    searched for in their errors and warnings, whether in capitals or not (A to Z).
    """

    kinds: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    trouble: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class ResultsReader:
    """The results of an account's cycles, on a snapshot of its ledger."""

    tx: Tx
    account: str = ""

    def results(
        self,
        limit: int,
        before: int | None = None,
        only: CycleFilter | None = None,
        *,
        with_positions: bool = False,
    ) -> list[CycleResult]:
        """At most `limit` cycles below `before`, newest first; positions only where asked for."""
        only = only or CycleFilter()
        span = {
            "first": 0,
            "before": BEYOND if before is None else max(0, min(before, BEYOND)),
            "limit": max(0, limit),
        }
        rows = self._recorded(span, only, with_running=CycleStatus.RUNNING in only.statuses)
        if _admits_unrecorded(only):
            # The cycles between the recorded ones; all the rest where there are no more of those.
            if rows and len(rows) == span["limit"]:
                span["first"] = rows[-1]["cycle_id"]
            rows += self._unrecorded(span)
            rows.sort(key=lambda row: int(row["cycle_id"]), reverse=True)
        return [
            self._result(row, self._books_after(row) if with_positions else {})
            for row in rows[: span["limit"]]
        ]

    def result(self, cycle_id: int) -> CycleResult:
        """One cycle, also one that still runs, with its positions. Raises `NoSuchCycle`."""
        row = self._row(cycle_id)
        return self._result(row, self._books_after(row))

    def positions_before(self, cycle_id: int) -> dict[str, PositionView]:
        """The positions before a cycle, at its own marks. Raises `NoSuchCycle`."""
        row = self._row(cycle_id)
        positions: dict[str, PositionView] = self._books(self._commit_before(cycle_id), row)[
            "positions"
        ]
        return positions

    def cursors_after(self, cycle_id: int) -> dict[str, int]:
        """Every cursor as it stood after a cycle, in UTC milliseconds.

        A cursor that none of the last `REACH` commits moved is omitted.
        """
        cursors: dict[str, int] = {}
        keys = set(self.tx.column("cursor_keys"))
        seq = self._commit_before(min(cycle_id, BEYOND - 1) + 1)
        for (moves,) in self.tx.each("history_moves", seq=seq, limit=REACH):
            for key, (_, after) in json.loads(moves).items():
                cursors.setdefault(key, after)
            if keys <= cursors.keys():
                break
        return dict(sorted(cursors.items()))

    def _row(self, cycle_id: int) -> Row:
        if 0 < cycle_id < BEYOND:
            span = {"first": cycle_id, "before": cycle_id + 1, "limit": 1}
            rows = self._recorded(span, CycleFilter(), with_running=True)
            if rows := rows or self._unrecorded(span):
                return rows[0]
        idle = no_longer_kept(self.tx, cycle_id)
        raise idle or NoSuchCycle(f"there is no cycle {cycle_id}")

    def _recorded(self, span: dict[str, int], only: CycleFilter, with_running: bool) -> list[Row]:
        """Rows of `cycles`. The newest may still run while an engine has the lease."""
        conditions = {
            "kinds": json.dumps(only.kinds or list(Kind)),
            "statuses": json.dumps(only.statuses) if only.statuses else None,
            "with_running": with_running,
            "trouble": only.trouble,
            "text": storable(only.text),
            "running": self.tx.value("history_last_cycle") if LeaseRow.read(self.tx).holder else 0,
            "unrecorded": _UNRECORDED_JSON,
        }
        return self.tx.named("history_cycles", **span, **conditions)

    def _unrecorded(self, span: dict[str, int]) -> list[Row]:
        return self.tx.named("history_unrecorded", **span, unrecorded=_UNRECORDED_JSON)

    def _commit_before(self, cycle_id: int) -> int:
        """The last commit before a cycle; 0 where there is none."""
        return self.tx.value("history_commit_before", cycle_id=cycle_id) or 0

    def _books_after(self, row: Row) -> Row:
        seq = row["commit_seq"]
        return self._books(self._commit_before(row["cycle_id"]) if seq is None else seq, row)

    def _books(self, seq: int, row: Row) -> Row:
        """Positions, at the marks of a cycle, and balances as of a commit."""
        positions = Positions(self.tx).as_of(seq)
        balances = StoredBalances(self.tx).as_of(seq)
        oversold = read_oversold(self.tx, positions.values(), balances)
        return {
            "positions": views(positions, read_money_json(row["marks_json"]), oversold),
            "balances": balance_views(balances, oversold),
        }

    def _result(self, row: Row, books: Row) -> CycleResult:
        warnings = json.loads(row["warnings_json"])
        orders = self.tx.record("orders_counted", cycle_id=row["cycle_id"]) or {}
        facts = {
            "account": self.account,
            "cursors": read_cursors(row["cursors_json"], moved=not row["nothing_to_commit"]),
            "held": tuple(entry["symbol"] for entry in warnings if entry["type"] == "cursor_held"),
            "timings_ms": json.loads(row["timings_json"]),
            "errors": json.loads(row["errors_json"]),
            "warnings": warnings,
        }
        return CycleResult.model_validate(row | facts | orders | books)


def _admits_unrecorded(only: CycleFilter) -> bool:
    texts = (_UNRECORDED.step, _UNRECORDED.type, _UNRECORDED.message)
    return (
        (not only.kinds or Kind.LIVE in only.kinds)
        and (not only.statuses or CycleStatus.PARTIAL in only.statuses)
        and any(only.text.lower() in text.lower() for text in texts)
    )
