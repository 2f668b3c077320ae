"""The audit: each command with its actor and its outcome."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import partial

import structlog

from engine.clock import now_ms
from engine.errors import StoreError
from engine.store.store import Store
from engine.store.tx import Tx
from engine.text import storable

log = structlog.get_logger("cycledeck.audit")

RUNNING = "running"
PRUNED = "pruned"
# A process that floods an engine displaces rows of its own commands, and all of them together the
# oldest ones. Decisions about the books are not among these, and stay.
PASSING = (
    "trigger", "replay", "preview", "preview_decision", "pause", "resume", "kill", "revive",
    "backfill",
)  # fmt: skip
MOST_OF_ONE = 1_000
MOST = 100_000
# So many rows are added between two looks.
EVERY = 100


@dataclass(slots=True)
class Entry:
    """One row. `id` is null while it is not in the database."""

    actor: str
    action: str
    detail: dict[str, object]
    ts_ms: int = field(default_factory=now_ms)
    id: int | None = None


class Audit:
    """Best effort: an operator must be able to stop an engine whose disk is full.

    One row is written at a time, so that a cycle's transaction waits for one at most.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._one_at_a_time = asyncio.Lock()
        self._added = 0

    async def keep(self, entry: Entry, outcome: str) -> str | None:
        """Insert the entry, or update its outcome. Returns why that failed, if it did."""
        try:
            async with self._one_at_a_time:
                self._added += entry.id is None
                prune = entry.id is None and self._added % EVERY == 0
                entry.id = await self._store.write(
                    partial(_keep, entry=entry, outcome=outcome, prune=prune)
                )
        except StoreError as error:
            log.warning(
                "audit_not_kept",
                actor=entry.actor,
                action=entry.action,
                outcome=outcome,
                error=str(error),
            )
            return str(error)
        return None


def interrupted(tx: Tx) -> None:
    """Commands that still ran when an engine ended are marked so."""
    tx.run("audit_interrupted")


def _keep(tx: Tx, entry: Entry, outcome: str, prune: bool) -> int:
    if entry.id is not None:
        tx.run("audit_outcome", outcome=storable(outcome), id=entry.id)
        return entry.id
    entry_id: int = tx.value(
        "audit_add",
        ts=entry.ts_ms,
        actor=storable(entry.actor),
        action=entry.action,
        detail_json=json.dumps(entry.detail),
        outcome=storable(outcome),
    )
    if prune:
        _prune(tx, storable(entry.actor))
    return entry_id


def _prune(tx: Tx, actor: str) -> None:
    """Delete the oldest rows of what one actor, or all, have asked too often; a row says so."""
    pruned = tx.run(
        "audit_prune",
        actions=json.dumps(PASSING), actor=actor, most_of_one=MOST_OF_ONE, most=MOST,
    )  # fmt: skip
    if not pruned:
        return
    log.warning("audit_pruned", actor=actor, rows=pruned)
    before = tx.one("audit_pruned_before", actor=actor, action=PRUNED)
    row_id, detail = before if before is not None else (None, "{}")
    total = json.loads(detail).get("rows", 0) + pruned
    values = {"ts": now_ms(), "detail_json": json.dumps({"rows": total})}
    if row_id is None:
        tx.rows("audit_add", actor=actor, action=PRUNED, outcome="ok", **values)
    else:
        tx.run("audit_pruned_again", id=row_id, **values)
