"""Cycles' results read back from the ledger file, equal to what was published but for these:

- `timings_ms` lacks `tx2`: that step writes them, so it cannot say how long it took.
- A cycle that committed nothing has the positions it found, not none.
- Metrics count that were made up for later, and orders whose fate was found out later.
"""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.cycles.results import CycleResult, CycleStatus, Kind, Notice, PositionView, views
from engine.errors import NoSuchCycle
from engine.ledger.accounting import read_money_json
from engine.ledger.positions import Positions
from engine.store.lease import read_lease
from engine.store.tx import Tx
from engine.text import storable

Row = dict[str, Any]

# Of so many commits what they moved is looked at, newest first; nearly always one or two will do.
REACH = 10_000

# SQLite's largest integer: no row has it as its number.
BEYOND = 2**63 - 1

_UNRECORDED = Notice(
    step="tx2",
    type="Unrecorded",
    message="how the cycle ended is not recorded: what it committed is all that is known",
)
_UNRECORDED_JSON = json.dumps([_UNRECORDED.model_dump()])


def last_cycle_id(tx: Tx) -> int:
    """The newest cycle there is anything of; 0 before the first."""
    return int(tx.value("history_last_cycle"))


class CycleFilter(BaseModel):
    """Which cycles: empty means all that ended; `running` among `statuses` adds the others.

    `trouble` keeps those with errors, warnings or conflicts, or that did not commit; `text` is
    looked for in what their errors and warnings say, whether in capitals or not (A to Z).
    """

    model_config = ConfigDict(frozen=True)

    kinds: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    trouble: bool = False
    text: str = ""


def read_results(
    tx: Tx,
    limit: int,
    before: int | None = None,
    only: CycleFilter | None = None,
    account: str = "",
    with_positions: bool = False,
) -> list[CycleResult]:
    """At most `limit` cycles below `before`, newest first; positions only where asked for."""
    only = only or CycleFilter()
    span = {
        "first": 0,
        "before": BEYOND if before is None else max(0, min(before, BEYOND)),
        "limit": max(0, limit),
    }
    rows = _recorded(tx, span, only, with_running=CycleStatus.RUNNING in only.statuses)
    if _keeps_unrecorded(only):
        # What lies between the cycles found; all the rest where there are no more of those.
        if rows and len(rows) == span["limit"]:
            span["first"] = rows[-1]["cycle_id"]
        rows += _unrecorded(tx, span)
        rows.sort(key=lambda row: int(row["cycle_id"]), reverse=True)
    rows = rows[: span["limit"]]
    found = [_after(tx, row) if with_positions else {} for row in rows]
    return [_result(tx, *of, account) for of in zip(rows, found, strict=True)]


def read_result(tx: Tx, cycle_id: int, account: str = "") -> CycleResult:
    """One cycle, also one that still runs, with the positions after it. Raises `NoSuchCycle`."""
    row = _row(tx, cycle_id)
    return _result(tx, row, _after(tx, row), account)


def positions_before(tx: Tx, cycle_id: int) -> dict[str, PositionView]:
    """The positions that a cycle found, at its own marks. Raises `NoSuchCycle`."""
    row = _row(tx, cycle_id)
    return _positions(tx, _commit_before(tx, cycle_id), row)


def cursors_after(tx: Tx, cycle_id: int) -> dict[str, int]:
    """Every cursor as it stood after a cycle, in UTC milliseconds: where that moved none, as the
    commits before it left them. One that `REACH` of these do not mention is left out."""
    found: dict[str, int] = {}
    keys = set(tx.column("cursor_keys"))
    seq = _commit_before(tx, min(cycle_id, BEYOND - 1) + 1)
    for (moves,) in tx.each("history_moves", seq=seq, limit=REACH):
        for key, (_, after) in json.loads(moves).items():
            found.setdefault(key, after)
        if keys <= found.keys():
            break
    return dict(sorted(found.items()))


def _commit_before(tx: Tx, cycle_id: int) -> int:
    """The last commit before a cycle; 0 where there is none."""
    return tx.value("history_commit_before", cycle_id=cycle_id) or 0


def _after(tx: Tx, row: Row) -> dict[str, PositionView]:
    """The positions after a cycle, at its marks; those it found where it committed nothing."""
    seq = row["commit_seq"]
    if seq is None:
        seq = _commit_before(tx, row["cycle_id"])
    return _positions(tx, seq, row)


def _positions(tx: Tx, seq: int, row: Row) -> dict[str, PositionView]:
    return views(Positions(tx).as_of(seq), read_money_json(row["marks_json"]))


def _row(tx: Tx, cycle_id: int) -> Row:
    if 0 < cycle_id < BEYOND:
        span = {"first": cycle_id, "before": cycle_id + 1, "limit": 1}
        rows = _recorded(tx, span, CycleFilter(), with_running=True)
        if rows := rows or _unrecorded(tx, span):
            return rows[0]
    raise NoSuchCycle(f"there is no cycle {cycle_id}")


def _recorded(tx: Tx, span: dict[str, int], only: CycleFilter, with_running: bool) -> list[Row]:
    wanted = {
        "kinds": json.dumps(only.kinds or list(Kind)),
        "statuses": json.dumps(only.statuses) if only.statuses else None,
        "with_running": with_running,
        "trouble": only.trouble,
        "text": storable(only.text),
        "running": _running(tx),
        "unrecorded": _UNRECORDED_JSON,
    }
    return tx.named("history_cycles", **span, **wanted)


def _unrecorded(tx: Tx, span: dict[str, int]) -> list[Row]:
    return tx.named("history_unrecorded", **span, unrecorded=_UNRECORDED_JSON)


def _running(tx: Tx) -> int:
    """The cycle that may still run: the newest one, while an engine has the lease; else 0."""
    return last_cycle_id(tx) if read_lease(tx).holder else 0


def _keeps_unrecorded(only: CycleFilter) -> bool:
    said = (_UNRECORDED.step, _UNRECORDED.type, _UNRECORDED.message)
    return (
        (not only.kinds or Kind.LIVE in only.kinds)
        and (not only.statuses or CycleStatus.PARTIAL in only.statuses)
        and any(only.text.lower() in text.lower() for text in said)
    )


def _result(tx: Tx, row: Row, positions: dict[str, PositionView], account: str) -> CycleResult:
    warnings = json.loads(row["warnings_json"])
    orders = tx.record("orders_counted", cycle_id=row["cycle_id"]) or {}
    facts = {
        "account": account,
        "cursors": {
            key: {"before": before, "after": after}
            for key, (before, after) in json.loads(row["cursors_json"]).items()
        },
        "positions": positions,
        "held": tuple(entry["symbol"] for entry in warnings if entry["type"] == "cursor_held"),
        "timings_ms": json.loads(row["timings_json"]),
        "errors": json.loads(row["errors_json"]),
        "warnings": warnings,
    }
    return CycleResult.model_validate(row | facts | orders)
