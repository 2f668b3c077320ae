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

    async def keep(self, entry: Entry, outcome: str) -> str | None:
        """Insert the entry, or update its outcome. Returns why that failed, if it did."""
        try:
            async with self._one_at_a_time:
                entry.id = await self._store.write(partial(_keep, entry=entry, outcome=outcome))
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


def _keep(tx: Tx, entry: Entry, outcome: str) -> int:
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
    return entry_id
