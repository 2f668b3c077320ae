"""What earlier runs left open: cycles that began and never ended, commits without a cycle row."""

import json

from engine.cycles.results import CycleStatus, Notice
from engine.ledger.commit import read_commit
from engine.store.tx import Tx


def recover_cycles(tx: Tx, recent: int, mode: str) -> None:
    """Record how those cycles ended: committed or not is what the ledger says.

    Commits without a cycle row are looked for among the `recent` last ones. Metrics of these cycles
    that a backfill made meanwhile are dropped: they knew less.
    """
    for cycle_id in tx.column("cycles_unfinished"):
        commit = read_commit(tx, cycle_id)
        tx.run(
            "cycle_settle",
            cycle_id=cycle_id,
            status=CycleStatus.PARTIAL if commit else CycleStatus.INTERRUPTED,
            fills_fetched=commit.fills_fetched if commit else 0,
            fills_count=commit.fills_count if commit else 0,
            errors_json=_interrupted("after" if commit else "before"),
        )
        tx.run("metrics_drop", cycle_id=cycle_id)
    after = (tx.value("commit_last") or 0) - recent
    tx.run("metrics_drop_unrecorded", after=after)
    tx.run("cycles_restore", after=after, mode=mode, errors_json=_interrupted("after"))


def _interrupted(when: str) -> str:
    message = f"the engine ended {when} the commit, and did not record the cycle"
    step = "tx2" if when == "after" else "tx1"
    return json.dumps([Notice(step=step, type="Interrupted", message=message).model_dump()])
