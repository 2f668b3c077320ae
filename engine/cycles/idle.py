"""Idle cycles: they changed nothing, and after their retention a run of them says so.

A run stands for cycles in a row. Their rows are deleted in the transaction that writes it.
"""

from typing import Any, NamedTuple

from engine.errors import NoSuchCycle
from engine.store.tx import Tx

# SQLite's largest integer: no cycle has it as its number.
BEYOND = 2**63 - 1
# How many cycles one step looks at.
STEP = 256


class IdleRun(NamedTuple):
    """A run of idle cycles that are no longer kept: the first and the last one, and when those
    began, in UTC milliseconds."""

    first: int
    last: int
    first_ms: int
    last_ms: int

    @property
    def cycles(self) -> int:
        return self.last - self.first + 1


def sweep(tx: Tx, kept_since_ms: int, now_ms: int) -> bool:
    """Delete idle cycles that began before `kept_since_ms` and that nothing names, a step of them.

    Returns whether there may be more. The newest cycle stays, and so does one that is dated ahead
    of `now_ms`: how old it is, nobody knows.
    """
    rows = tx.named("idle_next", step=STEP)
    looked_at: list[dict[str, Any]] = []
    for row in rows:
        young = kept_since_ms <= row["started_ms"] <= now_ms
        if young or row["evidence"]:
            break
        looked_at.append(row)
    if not looked_at:
        return False
    named = set(_named(tx, looked_at[0]["cycle_id"], looked_at[-1]["cycle_id"]))
    for row in looked_at:
        if row["is_idle"] and row["started_ms"] <= now_ms and row["cycle_id"] not in named:
            _into_run(tx, row)
    tx.run("idle_swept", through=looked_at[-1]["cycle_id"])
    return len(looked_at) == STEP


def _named(tx: Tx, first: int, last: int) -> list[int]:
    """The cycles among these that something refers to."""
    return tx.column("idle_named", first=first, last=last)


def _into_run(tx: Tx, row: dict[str, Any]) -> None:
    """Delete a cycle's rows; the run that ends with the cycle before it has it too from now on."""
    cycle_id = row["cycle_id"]
    values = {
        "cycle_id": cycle_id,
        "started_ms": row["started_ms"],
        "fills": row["fills_fetched"],
    }
    if not tx.run("idle_run_grow", **values):
        tx.run("idle_run_begin", **values)
    tx.run("idle_drop_metrics", cycle_id=cycle_id)
    tx.run("idle_drop_cycle", cycle_id=cycle_id)


def no_longer_kept(tx: Tx, cycle_id: int) -> NoSuchCycle | None:
    """The error that says why a cycle has no evidence: it is within a run, or a decision; null for
    any other number."""
    if 0 < cycle_id < BEYOND and tx.value("cycle_kind", cycle_id=cycle_id) == "decision":
        message = (
            f"cycle {cycle_id} is a decision, which fetched nothing: `decisions list` says what"
        )
        return NoSuchCycle(message)
    run = tx.one("history_idle_run", cycle_id=cycle_id) if 0 < cycle_id < BEYOND else None
    if run is None:
        return None
    first, last = run
    among = "" if first == last else f", as were the cycles from {first:,} to {last:,}"
    message = f"cycle {cycle_id} was idle{among}: it changed nothing, and is no longer kept"
    return NoSuchCycle(message, idle=(first, last))
