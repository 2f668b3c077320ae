"""TX 1: ledger, accounting and cursors, all or nothing. The single commit boundary.

`commit_cycle` is the function that runs inside the transaction; nothing else writes these tables.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from engine.ledger.accounting import Position
from engine.ledger.append import append
from engine.ledger.cursors import CursorChange, PreparedMarket, move_cursors
from engine.ledger.events import FILL
from engine.ledger.positions import Positions, digest
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Commit:
    """The outcome of one TX 1; `positions` are all that there are after it."""

    commit_seq: int
    cycle_id: int
    attempted: int
    inserted: int
    ignored: int
    conflicting: int
    fills_fetched: int
    fills_count: int
    cursors: Mapping[str, CursorChange]
    positions: Mapping[str, Position]
    positions_digest: str

    @classmethod
    def of(
        cls,
        record: Mapping[str, Any],
        cursors: Mapping[str, CursorChange],
        positions: Mapping[str, Position],
    ) -> "Commit":
        """The commit of a row of `ledger_commits`."""
        fields = {name: record[name] for name in record if name in cls.__dataclass_fields__}
        return cls(**fields, cursors=cursors, positions=positions)


def commit_cycle(
    tx: Tx,
    markets: Iterable[PreparedMarket],
    *,
    cycle_id: int,
    lease_epoch: int,
    now_ms: int,
) -> Commit:
    """Append, account and advance the cursors: the function that runs inside the transaction."""
    markets = tuple(markets)
    fills = [fill for market in markets for fill in market.fills]
    appended = append(tx, fills, cycle_id)
    stored = Positions(tx)
    changed = stored.apply(appended.inserted, appended.unsettled)
    contradicted = {event.trade_id for event in appended.conflicting if event.type == FILL}
    cursors = move_cursors(tx, markets, contradicted, cycle_id)
    last_commit, link = tx.one("commit_last") or (0, b"")
    stored.keep(changed, last_commit + 1, cycle_id)
    after = stored.all()
    record: dict[str, Any] = {
        "commit_seq": last_commit + 1,
        "cycle_id": cycle_id,
        "committed_ms": now_ms,
        "lease_epoch": lease_epoch,
        **appended.counts,
        **_rows_inserted(tx, len(appended.inserted)),
        "fills_fetched": len(fills),
        "cursors_json": json.dumps({k: [m.before, m.after] for k, m in cursors.items()}),
        "positions_digest": digest(after),
    }
    record["hash"] = chain_hash(link, record, (event.hash for event in appended.inserted))
    tx.run("commit_append", **record)
    return Commit.of(record, cursors, after)


def read_commit(tx: Tx, cycle_id: int) -> Commit | None:
    """The commit of a cycle, from the database; null where its TX 1 did not take effect."""
    record = tx.record("commit_of_cycle", cycle_id=cycle_id)
    if record is None:
        return None
    changes = json.loads(record["cursors_json"]).items()
    cursors = {key: CursorChange(before, after) for key, (before, after) in changes}
    return Commit.of(record, cursors, Positions(tx).all())


# What a commit's hash covers besides the events: everything it says.
CHAINED = (
    "commit_seq", "cycle_id", "committed_ms", "lease_epoch", "attempted", "inserted", "ignored",
    "conflicting", "fills_fetched", "fills_count", "first_seq", "last_seq", "cursors_json",
    "positions_digest",
)  # fmt: skip


def chain_hash(before: bytes, record: Mapping[str, Any], event_hashes: Iterable[bytes]) -> bytes:
    """The link of one commit: the hash before, the commit's own fields, its events' hashes."""
    link = blake2b(before, digest_size=32)
    link.update(json.dumps([record[name] for name in CHAINED]).encode())
    for event_hash in event_hashes:
        link.update(event_hash)
    return link.digest()


def _rows_inserted(tx: Tx, inserted: int) -> dict[str, int | None]:
    """The numbers of the rows just inserted: the last ones, for nothing is ever deleted."""
    last: int | None = tx.value("last_seq") if inserted else None
    return {"first_seq": None if last is None else last - inserted + 1, "last_seq": last}
