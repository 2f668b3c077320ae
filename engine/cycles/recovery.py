"""What earlier runs left open: cycles that began and never ended, commits without a cycle row."""

import json

from engine.cycles.results import CycleStatus, Notice
from engine.ledger.commit import COUNTS, read_commit
from engine.store.tx import Tx


def recover_cycles(tx: Tx, recent: int, mode: str) -> None:
    """Record how those cycles ended: committed or not is what the ledger says.

    Commits without a cycle row are looked for among the `recent` last ones. Metrics of these cycles
    that a backfill made meanwhile are dropped: they knew less.
    """
    for cycle_id in tx.column("cycles_unfinished"):
        commit = read_commit(tx, cycle_id)
        # Orders are sent after TX 1 only: without a commit, it had nothing to commit.
        went_on = commit is not None or tx.value("cycle_has_orders", cycle_id=cycle_id)
        tx.run(
            "cycle_settle",
            cycle_id=cycle_id,
            status=CycleStatus.PARTIAL if went_on else CycleStatus.INTERRUPTED,
            errors_json=_interrupted("after" if went_on else "before"),
            committed="yes" if commit else "nothing" if went_on else "no",
            **{name: getattr(commit, name) if commit else 0 for name in COUNTS},
        )
        tx.run("metrics_drop", cycle_id=cycle_id)
    after = (tx.value("commit_last") or 0) - recent
    tx.run("metrics_drop_unrecorded", after=after)
    tx.run("cycles_restore", after=after, mode=mode, errors_json=_interrupted("after"))


def _interrupted(when: str) -> str:
    before = "before the commit, or with nothing to commit"
    ended = before if when == "before" else "after the commit"
    message = f"the engine ended {ended}, and did not record the cycle"
    step = "tx2" if when == "after" else "tx1"
    return json.dumps([Notice(step=step, type="Interrupted", message=message).model_dump()])
