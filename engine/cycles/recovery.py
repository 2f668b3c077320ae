"""What earlier runs left open: cycles that began and never ended, commits without a cycle row."""

import json
import sqlite3

from engine.cycles.results import CycleStatus, Notice
from engine.ledger.commit import read_commit
from engine.store.statements import SQL


def settle_cycles(connection: sqlite3.Connection, recent: int, mode: str) -> None:
    """Record how those cycles ended: committed or not is what the ledger says.

    Commits without a cycle row are looked for among the `recent` last ones. Metrics of these cycles
    that a backfill made meanwhile are dropped: they knew less.
    """
    for (cycle_id,) in connection.execute(SQL["cycles_unfinished"]).fetchall():
        commit = read_commit(connection, cycle_id)
        values = {
            "cycle_id": cycle_id,
            "status": CycleStatus.PARTIAL if commit else CycleStatus.INTERRUPTED,
            "fills_fetched": commit.fills_fetched if commit else 0,
            "fills_count": commit.fills_count if commit else 0,
            "errors_json": _interrupted("after" if commit else "before"),
        }
        connection.execute(SQL["cycle_settle"], values).fetchall()
        connection.execute(SQL["metrics_drop"], (cycle_id,)).fetchall()
    last = connection.execute(SQL["commit_last"]).fetchall()
    values = {
        "after": last[0][0] - recent if last else 0,
        "mode": mode,
        "errors_json": _interrupted("after"),
    }
    connection.execute(SQL["metrics_drop_unrecorded"], {"after": values["after"]}).fetchall()
    connection.execute(SQL["cycles_restore"], values).fetchall()


def _interrupted(when: str) -> str:
    message = f"the engine ended {when} the commit, and did not record the cycle"
    step = "tx2" if when == "after" else "tx1"
    return json.dumps([Notice(step=step, type="Interrupted", message=message).model_dump()])
